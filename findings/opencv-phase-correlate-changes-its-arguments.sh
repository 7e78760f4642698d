#!/usr/bin/env bash
# OpenCV 4.14.0: cv2.phaseCorrelate with a window multiplies the window into the two arrays that it is
# given, if their sides are of a length that needs no padding for the Fourier transform. Arrays of
# another size come back as they were. Whoever compares a frame with the one before and keeps it for
# the next comparison gets answers that get worse from frame to frame.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  opencv-python-headless==4.14.0.94 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import cv2
import numpy as np


def is_kept(width, height):
    """Whether both arguments are what they were before the call."""
    picture = np.random.default_rng(0).random((height, width)).astype(np.float32)
    one, other = picture.copy(), picture.copy()
    cv2.phaseCorrelate(one, other, cv2.createHanningWindow((width, height), cv2.CV_32F))
    return bool(np.array_equal(one, picture) and np.array_equal(other, picture))


print("opencv", cv2.__version__)
for size, expected in {(64, 36): False, (64, 48): False, (61, 37): True}.items():
    print(size, "kept" if is_kept(*size) else "changed")
    assert is_kept(*size) == expected, "it has been mended"
PY

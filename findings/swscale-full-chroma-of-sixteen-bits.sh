#!/usr/bin/env bash
# PyAV 18.1.0 (FFmpeg 8): a YUV frame that is converted to RGB of sixteen bits (rgb48le) with the flag
# FULL_CHR_H_INT gets wrong colours: a skin tone loses all of its green. With eight
# bits (rgb24) the same flag is right, and without it sixteen bits are right as well. So whoever takes
# the flag for better colours must not take it for HDR.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

SKIN = (200, 140, 110)
frame = av.VideoFrame.from_ndarray(np.full((64, 96, 3), SKIN, np.uint8), "rgb24")
frame = frame.reformat(format="yuv420p10le")


def colour(kind, flags):
    """The colour in the middle, in levels of eight bits."""
    out = VideoReformatter().reformat(frame, 96, 64, kind, interpolation=flags).to_ndarray()
    return (out[32, 48] / (257 if kind == "rgb48le" else 1)).round().astype(int)


print("av", av.__version__, "skin", SKIN)
plain, full = Interpolation.BILINEAR, Interpolation.BILINEAR | Interpolation.FULL_CHR_H_INT
for kind in ("rgb24", "rgb48le"):
    for name, flags in (("plain", plain), ("full chroma", full)):
        found = colour(kind, flags)
        print(f"{kind:8s}{name:12s}", found)
        is_right = bool(np.abs(found - SKIN).max() <= 3)
        assert is_right == ((kind, name) != ("rgb48le", "full chroma")), "it has been mended"
PY
# Seen on 2026-11-29, Linux x86-64, Python 3.11:
#   av 18.1.0 skin (200, 140, 110)
#   rgb24   plain        [200 139 109]
#   rgb24   full chroma  [200 140 110]
#   rgb48le plain        [199 139 110]
#   rgb48le full chroma  [199   0 119]

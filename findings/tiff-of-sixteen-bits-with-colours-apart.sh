#!/usr/bin/env bash
# Pillow 13.0.0 and OpenCV 4.14.0: a TIFF of sixteen bits whose red, green and blue are stored apart
# (PlanarConfiguration 2, as microscopes write them) is opened without an error and gives other
# pixels: Pillow takes each byte for a pixel, OpenCV mixes the three colours. Eight bits, and sixteen
# bits with the colours together, are right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  pillow==13.0.0 opencv-python-headless==4.14.0.94 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import io
import struct

import cv2
import numpy as np
import PIL
from PIL import Image

WIDTH, HEIGHT = 96, 64
y, x = np.indices((HEIGHT, WIDTH))
LEVELS = np.dstack([2 * x, 3 * y, 255 - 2 * x]).astype(np.uint16)


def tiff(bits, is_apart):
    """A TIFF of the levels, without compression."""
    values = LEVELS.astype("<u1") if bits == 8 else (LEVELS * 257).astype("<u2")
    parts = [values[:, :, n] for n in range(3)] if is_apart else [values]
    strips = [part.tobytes() for part in parts]
    numbers = {256: [WIDTH], 257: [HEIGHT], 258: [bits] * 3, 259: [1], 262: [2], 273: [0] * len(strips),
               277: [3], 278: [HEIGHT], 279: [len(s) for s in strips], 284: [1 + is_apart]}
    after = 8 + 2 + 12 * len(numbers) + 4
    start = after + sum(4 * len(v) for v in numbers.values() if len(v) > 1)
    numbers[273] = [start + sum(map(len, strips[:n])) for n in range(len(strips))]
    table, lists = struct.pack("<H", len(numbers)), b""
    for tag, value in sorted(numbers.items()):
        table += struct.pack("<HHI", tag, 4, len(value))
        table += struct.pack("<I", after + len(lists) if len(value) > 1 else value[0])
        lists += struct.pack(f"<{len(value)}I", *value) if len(value) > 1 else b""
    return b"II*\0" + struct.pack("<I", 8) + table + bytes(4) + lists + b"".join(strips)


def off(pixels):
    """The largest difference, in levels of eight bits."""
    return int(np.abs(pixels.astype(int) - LEVELS).max())


print("pillow", PIL.__version__, "opencv", cv2.__version__)
for bits, is_apart in ((8, False), (8, True), (16, False), (16, True)):
    data = tiff(bits, is_apart)
    by_pillow = off(np.asarray(Image.open(io.BytesIO(data))))
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)[:, :, ::-1]
    by_opencv = off(found // (257 if bits == 16 else 1))
    print(f"{bits} bits, {'apart' if is_apart else 'together'}: Pillow {by_pillow}, OpenCV {by_opencv}")
    assert (by_pillow > 50 and by_opencv > 50) == (bits == 16 and is_apart), "it has been mended"
    assert bits == 16 and is_apart or max(by_pillow, by_opencv) <= 1
PY
# Seen on 2026-11-29, Linux x86-64, Python 3.11:
#   pillow 13.0.0 opencv 4.14.0
#   8 bits, together: Pillow 0, OpenCV 0
#   8 bits, apart: Pillow 0, OpenCV 0
#   16 bits, together: Pillow 0, OpenCV 0
#   16 bits, apart: Pillow 96, OpenCV 255

#!/usr/bin/env bash
# PyAV 18.1.0 (SVT-AV1): a clip of ten bits that is encoded with a bit rate, far more than it needs,
# comes back with every second frame up to eight grey levels too dark. With a quality (crf), and with
# eight bits by a bit rate, all frames are right within three levels. So a test video that is made
# with a bit rate says nothing about the reader that it is meant to test.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6
"$folder/venv/bin/python" - 2>"$folder/log" <<'PY'
import io

import av
import numpy as np

LEVELS = [20 + 10 * n for n in range(12)]


def errors(pix_fmt, **how):
    """Grey levels by which each decoded frame is off."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libsvtav1", rate=10, options=how.get("options"))
        stream.width, stream.height, stream.pix_fmt = 96, 64, pix_fmt
        if "bit_rate" in how:
            stream.bit_rate = how["bit_rate"]
        for n, level in enumerate(LEVELS):
            frame = av.VideoFrame.from_ndarray(np.full((64, 96, 3), level, np.uint8), "rgb24")
            frame.pts = n
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    out.seek(0)
    with av.open(out) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return [round(float(f.mean()) - level) for f, level in zip(frames, LEVELS, strict=True)]


print("av", av.__version__)
rate = errors("yuv420p10le", bit_rate=2_000_000)
quality = errors("yuv420p10le", options={"crf": "20"})
eight = errors("yuv420p", bit_rate=2_000_000)
print("ten bits, 2 Mbit/s:", rate)
print("ten bits, crf 20:  ", quality)
print("eight bits, 2 Mbit/s:", eight)
assert sum(error <= -6 for error in rate[1::2]) >= 3, "it has been mended"
assert max(map(abs, quality)) <= 3 and max(map(abs, eight)) <= 3
PY
# Seen on 2026-11-28, Linux x86-64, Python 3.11:
#   av 18.1.0
#   ten bits, 2 Mbit/s: [-2, -8, -2, -8, -1, -8, -1, -8, -2, -1, -2, -1]
#   ten bits, crf 20:   [-2, -3, -2, -2, -1, -2, -1, -2, -2, -1, -2, -1]
#   eight bits, 2 Mbit/s: [-1, 0, -1, 0, 0, -1, 0, -1, 0, -1, -1, 0]
# With av 19.0.2 (SVT-AV1 4.2.0) all six odd frames are eight levels too dark.

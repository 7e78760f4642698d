#!/usr/bin/env bash
# PyAV 18.1.0 (FFmpeg 8): a Matroska file of H.264 with one frame in ten seconds has no start time when
# it is opened, and once its frames have been read its track is said to start at the last of them. The
# first packets have no decoding time, and FFmpeg takes the first one that it sees. Whoever adds the
# length to the start gets 70 s for a video of 40 s; the times of the frames themselves are right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6
"$folder/venv/bin/python" - "$folder/rare.mkv" <<'PY'
import sys
from fractions import Fraction

import av

with av.open(sys.argv[1], "w") as container:
    stream = container.add_stream("libx264", rate=Fraction(1, 10))
    stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
    stream.options = {"preset": "ultrafast", "bf": "0"}
    for number in range(4):
        frame = av.VideoFrame(96, 64, "yuv420p")
        frame.pts, frame.time_base = number, Fraction(10)
        container.mux(stream.encode(frame))
    container.mux(stream.encode())
with av.open(sys.argv[1]) as container:
    track = container.streams.video[0]
    before = track.start_time
    times = [frame.time for frame in container.decode(track)]
    after = float(track.start_time * track.time_base)
print("av", av.__version__, "start:", before, "then", after, "s; frames at", times)
assert times == [0.0, 10.0, 20.0, 30.0]
assert before is None and after == 30.0, "it has been mended"
PY

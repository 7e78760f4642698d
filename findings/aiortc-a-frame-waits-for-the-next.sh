#!/usr/bin/env bash
# aiortc 1.16.0: a video frame leaves the jitter buffer only when a packet of the next frame has come,
# although the marker bit says which packet is its last (RFC 7741, section 4.1). Each frame of a live
# video is late by one frame time, 67 ms at 15 frames a second. docs/upstream/aiortc-marker-bit.md is
# the report.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aiortc==1.16.0
"$folder/venv/bin/python" - <<'PY'
import aiortc
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtp import RtpPacket

buffer = JitterBuffer(capacity=512, is_video=True)
given = []
# Two packets of the first frame, the second of which is marked; then one of the next frame.
for number, (timestamp, marker) in enumerate([(0, 0), (0, 1), (6000, 1)]):
    packet = RtpPacket(sequence_number=number, timestamp=timestamp, marker=marker)
    packet._data = b"data"
    given.append(buffer.add(packet)[1] is not None)
print("aiortc", aiortc.__version__, "frames given out with packets 0, 1, 2:", given)
assert given == [False, False, True], "it has been mended"
PY

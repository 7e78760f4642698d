"""Boxes in, numbers out, by norfair; run by the Python of an environment of its own.

python norfair_tracks.py BOXES.JSON TRACKS.JSON
"""

import json
import sys
from pathlib import Path

import numpy as np
from norfair import Detection, Tracker


def tracks(clip):
    """The numbered boxes of each frame."""
    tracker = Tracker(distance_function="iou", distance_threshold=0.7)
    out = []
    for boxes in clip:
        found = [Detection(np.array(box, float).reshape(2, 2), np.ones(2)) for box in boxes]
        followed = tracker.update(found)
        out.append([(int(one.id), one.estimate.reshape(4).tolist()) for one in followed])
    return out


if __name__ == "__main__":
    clips = json.loads(Path(sys.argv[1]).read_text())
    Path(sys.argv[2]).write_text(json.dumps([tracks(clip) for clip in clips]))

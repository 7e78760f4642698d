"""What the player of a video draws, as plain numbers: a curve, strips of labels, and boxes.

Times are in seconds with three digits, shares of the frame are whole ten-thousandths.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ferapp.labels import UNSURE_COLOUR, face_caption, label_colours, label_text
from ferapp.pipeline.clip import Clip
from ferapp.sessions.face_edits import FaceEdits
from ferapp.sessions.report.curves import points
from ferapp.sessions.report.summary import spells
from ferapp.sessions.session import Readings
from ferapp.vision.annotate import percent

# Of a video with more, every nth reading is sent: the browser gets all of it in one message.
_MOST_BOXES: Final = 12_000
_MOST_STEPS: Final = 12_000
# Shorter parts of a strip can't be seen.
_STRIP_PX: Final = 1_500
_WHOLE: Final = 10_000
# As in the annotated copy: how long a box is drawn beside its reading, and how far two readings may
# be apart for a box between them.
_MARGIN_S: Final = 0.1
_INTERVALS: Final = 1.5


def curve_of(readings: Readings) -> dict[str, Any]:
    """The smoothed probabilities of one face.

    Args:
        readings: Its readings.

    Returns:
        `at`, (m,), and `shares`, for each expression (m,), None where the curve breaks.
    """
    at_s, values = points(readings.at_s, readings.smoothed)
    columns = values.T.astype(np.float64).round(3).tolist()
    return {
        "at": at_s.round(3).tolist(),
        "shares": [[None if v != v else v for v in column] for column in columns],
    }


def steps_of(readings: Readings) -> list[float]:
    """The times of the readings of one face, to go from one to the next, s."""
    return [round(at_s, 3) for at_s in _thin(readings.at_s, _MOST_STEPS).tolist()]


def strip_of(readings: Readings, labels: Sequence[str], length_s: float) -> list[list[Any]]:
    """When one face had which label: start, end and colour of each part.

    Args:
        readings: Its readings.
        labels: Names of the expressions.
        length_s: How long the video is.
    """
    colours = label_colours(tuple(labels))
    return [
        [
            round(spell.start_s, 3),
            round(spell.end_s, 3),
            colours.get(spell.expression or "", UNSURE_COLOUR),
        ]
        for spell in spells(readings)
        if spell.duration_s > length_s / _STRIP_PX
    ]


def boxes_of(clip: Clip, edits: FaceEdits) -> dict[str, Any]:
    """Where every face is and what is written there.

    Several tracks may be one person; they stay apart, because a box must not slide from one shot to
    the next.

    Args:
        clip: What was read.
        edits: Changes of its faces.

    Returns:
        `texts` and `colours` of all captions; `tracks`, each with the number of its face, times
        `at`, (n,), four numbers a time `boxes`, (4n,), and a caption a time, (n,); `margin_s` and
        `pause_s`, how long a box is drawn beside a reading, and between two.
    """
    readings = clip.readings
    times_s = np.unique(readings.at_s)
    every = max(-(-len(readings) // _MOST_BOXES), 1)
    readings = readings.at(np.isin(readings.at_s, times_s[::every]))
    person = edits.renumber(readings.at_s, readings.face)
    captions = [
        (face_caption(one, edits.names), label_text(expression, flaw))
        for one, expression, flaw in zip(
            person.tolist(), readings.expression, readings.flaw, strict=True
        )
    ]
    texts, caption = np.unique([" ".join(each) for each in captions], return_inverse=True)
    colour_of = {" ".join(each): each[1] for each in captions}
    colours = label_colours(clip.labels)
    scale = np.maximum(np.tile(readings.size_wh, 2), 1)
    shares = np.clip(readings.xyxy / scale, 0, 1) * _WHOLE
    boxes = shares.round().astype(int)
    tracks = []
    for face, followed in sorted(set(zip(person.tolist(), readings.face.tolist(), strict=True))):
        rows = np.flatnonzero((person == face) & (readings.face == followed))
        tracks.append(
            {
                "face": face,
                "at": readings.at_s[rows].round(3).tolist(),
                "boxes": boxes[rows].ravel().tolist(),
                "captions": caption[rows].tolist(),
            }
        )
    return {
        "texts": texts.tolist(),
        "colours": [colours.get(colour_of[text], UNSURE_COLOUR) for text in texts.tolist()],
        "tracks": tracks,
        "margin_s": _MARGIN_S,
        "pause_s": max(_INTERVALS * every * clip.every_s, _MARGIN_S),
    }


def shares_text(seconds: Mapping[str, float], most: int) -> str:
    """The labels that a face had for longest, as shares of the time in which it was read.

    Args:
        seconds: How long each held, the longest first; see `ferapp.pipeline.record.Track`.
        most: How many are named.

    Example:
        >>> shares_text({"neutral": 6.0, "happiness": 2.0}, 1)
        'neutral 75 %'
    """
    total = sum(seconds.values()) or 1.0
    named = [f"{name} {percent(s / total)}" for name, s in list(seconds.items())[:most]]
    return " · ".join(named) or "not readable"


def _thin(values: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    return values[:: max(-(-len(values) // most), 1)]

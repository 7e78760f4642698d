"""The probabilities of the current faces as bars with numbers, changed in place."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferapp.labels import label_colours
from ferapp.ui.shared.components.own import own_component
from ferapp.vision.annotate import percent

MOST_CARDS: Final = 6
_ALL_ROWS_UP_TO: Final = 2
_FEW_ROWS: Final = 4
_HTML: Final = (
    "<ul class='faces' aria-label='Faces'></ul><p class='nobody'></p>"
    "<p class='said' aria-live='polite'></p>"
)


@dataclass(frozen=True, eq=False)
class FaceBars:
    """One face as its card shows it.

    Attributes:
        title: Its number or name, and its label.
        colour: sRGB hex colour of the label.
        probabilities: (k,), in [0, 1]; None for a face that can't be read.
        remark: A line below the title; empty if there is none.
    """

    title: str
    colour: str
    probabilities: NDArray[np.float32] | None
    remark: str = ""


def show_bars(
    labels: Sequence[str], faces: Sequence[FaceBars], *, key: str, said: str = ""
) -> None:
    """Show a card for each of the first `MOST_CARDS` faces; of more than two, the top four rows.

    Args:
        labels: Names of the k expressions.
        faces: The faces.
        key: Of the place on the page.
        said: Read aloud by screen readers when it changes, every four seconds at most.
    """
    colours = label_colours(tuple(labels))
    count = len(labels) if len(faces) <= _ALL_ROWS_UP_TO else _FEW_ROWS
    cards = [
        {
            "title": face.title,
            "colour": face.colour,
            "remark": face.remark,
            "rows": [
                [
                    labels[i],
                    colours[labels[i]],
                    round(float(face.probabilities[i]), 3),
                    percent(float(face.probabilities[i])),
                ]
                for i in _shown(face.probabilities, count)
            ]
            if face.probabilities is not None
            else [],
        }
        for face in faces[:MOST_CARDS]
    ]
    data = {"faces": cards, "nobody": "No face", "said": said}
    own_component(__file__, _HTML)(data=data, key=key)


def _shown(probabilities: NDArray[np.float32], count: int) -> list[int]:
    """Which expressions are shown: all in their order, or the most probable first."""
    if count >= len(probabilities):
        return list(range(len(probabilities)))
    order: list[int] = np.argsort(-probabilities, kind="stable")[:count].tolist()
    return order

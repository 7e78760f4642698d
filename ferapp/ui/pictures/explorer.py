"""A picture whose faces can be clicked, filtered and blurred, with a card for each."""

from collections import Counter
from collections.abc import Callable, Collection
from typing import Any, Final

import numpy as np

from ferapp.labels import label_colours
from ferapp.media.images import jpeg_bytes
from ferapp.types import LEAST_KEPT, FrameAnalysis
from ferapp.ui.pictures.face_shapes import measure_rows, shape_remarks
from ferapp.ui.pictures.view import CARD_PX, View
from ferapp.ui.shared.components.own import data_url, own_component, sent_by
from ferapp.vision.annotate import colours, hide_faces, label_texts, percent
from ferapp.wording import counted

_HTML: Final = "<div class='explorer'></div>"
_WORDS: Final = {
    "boxes": "Faces in the picture; the arrow keys go from one to the next",
    "filter": "Show only faces with these labels",
    "pages": "Pages of faces",
    "blur": "Blur",
    "show": "Show",
    "blur_all": "Blur all",
    "show_all": "Show all",
    "blur_others": "Blur all but",
    "previous": "Previous",
    "next": "Next",
}


def show_explorer(
    analysis: FrameAnalysis,
    view: View,
    hidden: Collection[int],
    *,
    id: str,
    on_hide: Callable[[set[int]], object],
) -> None:
    """Show a picture with at least one face.

    Args:
        analysis: Of the picture.
        view: The picture, in which hidden faces are blurred, and the crops of its faces.
        hidden: Which faces are blurred.
        id: Of the result; what is chosen and filtered stays as long as it is the same.
        on_hide: Called with all faces that are to be blurred when the visitor changes that.
    """
    key = f"explorer-{id}"

    def note_hidden() -> None:
        numbers = sent_by(key, "hidden") or []
        on_hide({int(number) - 1 for number in numbers} & set(range(len(analysis))))

    own_component(__file__, _HTML)(
        data={
            "id": id,
            "image": data_url(view.jpeg),
            "alt": summary(analysis),
            "faces": _faces(analysis, view, hidden),
            "words": {**_WORDS, "count": counted(len(analysis), "face")},
        },
        key=key,
        on_hidden_change=note_hidden,
    )


def summary(analysis: FrameAnalysis) -> str:
    """How many faces there are, and with which labels, the most frequent first.

    Example: "14 faces: 11 happiness, 2 neutral, 1 unsure".
    """
    counts = Counter(label_texts(analysis)).most_common()
    labels = ", ".join(f"{count} {label}" for label, count in counts)
    return f"{counted(len(analysis), 'face')}: {labels}" if counts else "No face"


def _faces(analysis: FrameAnalysis, view: View, hidden: Collection[int]) -> list[dict[str, Any]]:
    """The faces as the component wants them."""
    names = list(analysis.labels)
    inks = label_colours(analysis.labels)
    size = np.array(analysis.size_wh, np.float32)
    low = np.clip(analysis.faces.xyxy[:, :2] / size, 0, 1)
    high = np.clip(analysis.faces.xyxy[:, 2:] / size, 0, 1)
    boxes = np.concatenate([low, high - low], axis=1).round(5).tolist()
    everywhere = np.array([[0, 0, CARD_PX, CARD_PX]], np.float32)
    faces = []
    for i, (label, colour) in enumerate(zip(label_texts(analysis), colours(analysis), strict=True)):
        crop = hide_faces(view.crops[i], everywhere) if i in hidden else view.crops[i]
        is_sure = analysis.face_labels[i] is not None
        confidence = percent(float(analysis.confidence[i]))
        faces.append(
            {
                "number": i + 1,
                "name": f"{i + 1} · {label}",
                "label": label,
                "percent": confidence if is_sure else "",
                "said": f"Probability {confidence}" if is_sure else "",
                "colour": colour,
                "box": boxes[i],
                "crop": data_url(jpeg_bytes(crop)),
                "is_hidden": i in hidden,
                "remarks": remarks(i, analysis),
                "points": [] if i in hidden else _points(i, analysis),
                "measures": measure_rows(analysis.shapes[i].geometry) if analysis.shapes else [],
                "rows": [
                    [name, inks[name], round(float(share), 3), percent(float(share))]
                    for name, share in zip(names, analysis.probabilities[i], strict=True)
                ]
                if not (analysis.flaws and analysis.flaws[i])
                else [],
            }
        )
    return faces


def _points(i: int, analysis: FrameAnalysis) -> list[list[float]]:
    """The landmarks of a face as shares of the picture's width and height; none without."""
    points = analysis.shapes[i].points if analysis.shapes else None
    if points is None:
        return []
    shares: list[list[float]] = (points / np.array(analysis.size_wh)).round(5).tolist()
    return shares


def remarks(i: int, analysis: FrameAnalysis) -> list[str]:
    """What a card says of a face besides its label: why it has none, and what else was seen."""
    lines = []
    if analysis.flaws and analysis.flaws[i]:
        lines.append(f"No label: this face is {analysis.flaws[i]}.")
    elif analysis.is_unsure[i]:
        lines.append(_unsure_text(i, analysis))
    if analysis.smiles is not None:
        lines.append(f"Smile cascade: {'a smile' if analysis.smiles[i] else 'no smile'}")
    if analysis.shapes is not None:
        lines += shape_remarks(analysis.shapes[i])
    return lines


def _unsure_text(i: int, analysis: FrameAnalysis) -> str:
    if analysis.share_kept is not None and analysis.share_kept[i] < LEAST_KEPT:
        left_out = percent(1 - float(analysis.share_kept[i]))
        return f"{left_out} of the probability lies on expressions that you left out."
    return (
        f"The best guess, {analysis.expressions[i]} at {percent(float(analysis.confidence[i]))}, "
        f"is below the threshold of {percent(analysis.unsure_below)}."
    )

"""The same picture as two pairs of models see it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas
import streamlit as st

from ferapp.inference.manifest import Kind
from ferapp.media.images import jpeg_bytes, read_image
from ferapp.types import FrameAnalysis
from ferapp.ui.pictures.explorer import summary
from ferapp.ui.pictures.picture_results import Floats, PictureResult, hidden_boxes, hidden_faces
from ferapp.ui.shared import resources, session_keys
from ferapp.ui.shared.controls import Choice
from ferapp.ui.shared.resources import Models, turns
from ferapp.ui.shared.session_keys import SessionKey
from ferapp.vision.annotate import annotate, captions, hide_faces, label_texts
from ferapp.vision.boxes import iou, rescaled
from ferapp.vision.crops import Image, fit_within
from ferapp.wording import counted

SAME_FACE_IOU: Final = 0.4
"""Boxes of two detectors that overlap by more than this are the same face."""

_SHOWN_PX: Final = 1000
_SAME_INK: Final = "#8a93a3"
_OTHER_INK: Final = "#d9730d"


@dataclass(frozen=True)
class Pair:
    """One face, as the models A and B see it.

    Attributes:
        a: Its place in the analysis by A; None if A did not find it.
        b: Its place in the analysis by B; None if B did not find it.
        is_same: Whether both found it and gave the same label.
    """

    a: int | None
    b: int | None
    is_same: bool


@dataclass(frozen=True)
class Comparison:
    """Two analyses of a picture.

    Attributes:
        b: What the other models see; the analysis by the first is the one on the page.
        pairs: The faces: first those that A found, in its order, then those that only B found.
        jpegs: The picture with the faces of A and with those of B, as files.
    """

    b: FrameAnalysis
    pairs: list[Pair]
    jpegs: tuple[bytes, bytes]


def show_comparison(result: PictureResult, choice: Choice) -> None:
    """Let the visitor choose other models for a picture, and show what these see in it."""
    switch = session_keys.COMPARES.name
    if not st.toggle("Compare with other models", key=switch, persist_state="session"):
        return
    other = _choose(choice.models)
    if other == replace(choice.models, with_smile=False, with_landmarks=False):
        st.caption("These are the models above: choose another detector or classifier.")
        return
    made, a = _comparison(result, choice, other), result.analysis
    assert a is not None
    st.markdown(sentence(made.pairs))
    st.caption("Faces on which A and B differ are orange in the pictures; the others are grey.")
    for column, name, seen, jpeg in zip(
        st.columns(2, gap="medium"), "AB", (a, made.b), made.jpegs, strict=True
    ):
        column.markdown(f"**{name}** · {seen.detector}, {seen.classifier}")
        column.image(jpeg, width="stretch", alt=f"{name}: {summary(seen)}")
    if made.pairs:
        st.dataframe(table(a, made.b, made.pairs), hide_index=True)


def pair_faces(a: FrameAnalysis, b: FrameAnalysis) -> list[Pair]:
    """Which faces of two analyses of one picture are the same, the best overlaps first."""
    overlap = iou(a.faces.xyxy, b.faces.xyxy)
    texts = label_texts(a), label_texts(b)
    partner: dict[int, int] = {}
    for flat in np.argsort(-overlap, axis=None, kind="stable"):
        i, j = (int(place) for place in np.unravel_index(flat, overlap.shape))
        if overlap[i, j] <= SAME_FACE_IOU:
            break
        if i not in partner and j not in partner.values():
            partner[i] = j
    pairs = []
    for i in range(len(a)):
        match = partner.get(i)
        pairs.append(Pair(i, match, match is not None and texts[0][i] == texts[1][match]))
    alone = [j for j in range(len(b)) if j not in partner.values()]
    alone.sort(key=lambda j: float(b.faces.xyxy[j, 0] + b.faces.xyxy[j, 2]))
    return [*pairs, *(Pair(None, j, is_same=False) for j in alone)]


def sentence(pairs: Sequence[Pair]) -> str:
    """What differs, in words.

    Example:
        >>> sentence([Pair(0, 0, True), Pair(1, 1, False), Pair(None, 2, False)])
        'Both found 2 faces, A alone none, B alone 1. Of the 2, 1 has another label.'
    """
    both = sum(pair.a is not None and pair.b is not None for pair in pairs)
    a = sum(pair.b is None for pair in pairs)
    b = sum(pair.a is None for pair in pairs)
    found = f"Both found {counted(both, 'face')}, A alone {a or 'none'}, B alone {b or 'none'}."
    if not both:
        return found
    other = both - sum(pair.is_same for pair in pairs)
    if not other:
        return f"{found} All of their labels are the same."
    return f"{found} Of the {both}, {other} {'has' if other == 1 else 'have'} another label."


def table(a: FrameAnalysis, b: FrameAnalysis, pairs: Sequence[Pair]) -> pandas.DataFrame:
    """One row a face, with what each pair of models says of it."""
    said = [[text.split(" ", 1)[1] for text in captions(seen)] for seen in (a, b)]
    return pandas.DataFrame(
        {
            "face": range(1, len(pairs) + 1),
            "A": ["not found" if pair.a is None else said[0][pair.a] for pair in pairs],
            "B": ["not found" if pair.b is None else said[1][pair.b] for pair in pairs],
            "differs": [not pair.is_same for pair in pairs],
        }
    )


def _choose(models: Models) -> Models:
    """The models to compare with: at first another detector and the same classifier."""
    left, right = st.columns(2)
    detectors, _ = resources.usable_models("detector")
    # The last one, a cascade, differs most from the first.
    other = next((name for name in detectors[::-1] if name != models.detector), models.detector)
    with left:
        detector = _select("Other face detector", "detector", session_keys.OTHER_DETECTOR, other)
    with right:
        classifier = _select(
            "Other expression classifier",
            "classifier",
            session_keys.OTHER_CLASSIFIER,
            models.classifier,
        )
    return Models(detector, classifier, with_smile=False)


def _select(title: str, kind: Kind, key: SessionKey[str], default: str) -> str:
    key.setdefault(default)
    usable, _ = resources.usable_models(kind)
    return st.selectbox(title, usable, key=key.name, persist_state="session") or default


def _comparison(result: PictureResult, choice: Choice, other: Models) -> Comparison:
    """Made once for a picture, the models and what is hidden in it."""
    places = hidden_boxes(result.picture.id)
    source = (result.picture.id, result.id, choice, other, places.tobytes())
    kept = session_keys.COMPARISON.get()
    if kept is not None and kept[0] == source:
        made: Comparison = kept[1]
        return made
    analyzer = resources.analyzer(other)
    settings = replace(choice.settings, with_smile=False, with_landmarks=False)
    if other.classifier != choice.models.classifier:
        # It has its own threshold, and may know other expressions.
        settings = replace(settings, unsure_below=None, classes=())
    a = result.analysis
    assert a is not None
    with st.spinner("Looking with the other models …"), turns().hold_turn():
        image = read_image(result.picture.read())
        b = analyzer.analyze(image, settings)
        pairs = pair_faces(a, b)
        jpegs = (
            _drawn(image, a, places, {p.a: i for i, p in enumerate(pairs)}, pairs),
            _drawn(image, b, places, {p.b: i for i, p in enumerate(pairs)}, pairs),
        )
    made = Comparison(b, pairs, jpegs)
    session_keys.COMPARISON.set((source, made))
    return made


def _drawn(
    image: Image,
    seen: FrameAnalysis,
    places: Floats,
    rows: dict[int | None, int],
    pairs: Sequence[Pair],
) -> bytes:
    """The picture with what one pair of models sees, as a JPEG file.

    Args:
        image: The picture, (h, w, 3).
        seen: Their analysis.
        places: Where the picture is blurred, (m, 4), px.
        rows: The row of each face in the table, from 0.
        pairs: The rows.
    """
    hidden = hidden_faces(seen, places)
    shown = [i for i in range(len(seen)) if i not in hidden]
    small = fit_within(hide_faces(image, places), _SHOWN_PX)
    texts = label_texts(seen)
    is_same = [pairs[rows[i]].is_same for i in shown]
    return jpeg_bytes(
        annotate(
            small,
            rescaled(seen.faces.xyxy[shown], seen.size_wh, (small.shape[1], small.shape[0])),
            [
                str(rows[i] + 1) if same else f"{rows[i] + 1} {texts[i]}"
                for i, same in zip(shown, is_same, strict=True)
            ],
            [_SAME_INK if same else _OTHER_INK for same in is_same],
        )
    )

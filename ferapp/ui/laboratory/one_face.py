"""What each system says about the same face."""

from collections.abc import Mapping

import numpy as np
import pandas
import streamlit as st
from numpy.typing import NDArray

from ferapp.emotions import EXPRESSIONS
from ferapp.inference.classifiers import ExpressionClassifier
from ferapp.inference.manifest import manifest
from ferapp.inference.registry import load_classifier
from ferapp.media.images import MAX_BYTES, jpeg_bytes, read_image
from ferapp.media.pictures.formats import ENDINGS
from ferapp.settings import AnalysisSettings
from ferapp.ui.shared import resources
from ferapp.ui.shared.resources import Models, turns
from ferapp.ui.shared.sources import SAMPLES, SAMPLES_FOLDER
from ferapp.vision.boxes import squares
from ferapp.vision.crops import Image, region

_FACE_PX = 192
_SHOWN_PX = 144
_MOST_FACES = 12


def show(titles: Mapping[str, str]) -> None:
    """Let the visitor choose a face, and show what the systems say about it.

    Args:
        titles: What each classifier is called, by name.
    """
    left, middle, right = st.columns([2, 3, 1], gap="medium")
    with left:
        sample = st.selectbox("Sample", SAMPLES, format_func=lambda sample: sample.title)
    with middle:
        upload = st.file_uploader(
            "Your own picture", type=ENDINGS, max_upload_size=MAX_BYTES // 1_000_000
        )
    data = upload.getvalue() if upload else (SAMPLES_FOLDER / sample.file).read_bytes()
    faces = _faces(data)
    if not faces:
        st.markdown("No face was found in this picture. Choose another one.")
        return
    number = 0
    if len(faces) > 1:
        with left:
            number = st.selectbox(
                "Face", range(len(faces)), format_func=lambda i: f"Face {i + 1}, from the left"
            )
    face = faces[number]
    right.image(jpeg_bytes(face), width=_SHOWN_PX, alt=f"Face {number + 1}")
    with turns().hold_turn():
        said = {name: _classifier(name).classify([face])[0] for name in titles}
    st.dataframe(verdicts({titles[name]: shares for name, shares in said.items()}), hide_index=True)
    st.caption(
        "Probabilities in percent. Those of weak systems are low because they were calibrated: "
        "a system that is often wrong should not be sure."
    )


def verdicts(said: Mapping[str, NDArray[np.float32]]) -> pandas.DataFrame:
    """One line a system: its label, and its probabilities in percent.

    Args:
        said: Probabilities by the title of the system, each (8,).
    """
    return pandas.DataFrame(
        {
            "system": title,
            "says": EXPRESSIONS[int(shares.argmax())],
            **{
                name: round(100 * float(share))
                for name, share in zip(EXPRESSIONS, shares, strict=True)
            },
        }
        for title, shares in said.items()
    )


def _faces(data: bytes) -> list[Image]:
    """The faces of a picture as squares, from left to right."""
    defaults = manifest().defaults
    analyzer = resources.analyzer(Models(defaults.detector, defaults.classifier, False))
    with turns().hold_turn():
        image = read_image(data)
        boxes = analyzer.analyze(image, AnalysisSettings()).faces.xyxy[:_MOST_FACES]
        boxes = boxes[np.argsort(boxes[:, 0])]
        return [region(image, box, (_FACE_PX, _FACE_PX)) for box in squares(boxes)]


@st.cache_resource(show_spinner=False)
def _classifier(name: str) -> ExpressionClassifier:
    """A classifier, loaded once per process for all visitors."""
    return load_classifier(name, threads=1)

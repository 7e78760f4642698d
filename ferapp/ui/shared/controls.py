"""The sidebar: a preset in words, and for experts models, thresholds and expressions."""

from dataclasses import dataclass
from typing import Any, Final, Literal

import streamlit as st

from ferapp.inference.manifest import Kind, Preset, manifest
from ferapp.settings import AnalysisSettings, DetectionSettings, StreamSettings
from ferapp.ui.shared import resources, session_keys
from ferapp.ui.shared.resources import Models
from ferapp.ui.shared.session_keys import SessionKey

_PRESETS: Final[dict[Preset, tuple[str, str]]] = {
    "quick": ("Quick", "One or a few faces that are not far away"),
    "careful": ("Careful", "Also smaller faces, in about twice the time"),
    "crowd": ("Crowd", "Groups and large photos; takes longest, slow on video"),
}
"""What presets are called, and when to choose them."""


@dataclass(frozen=True)
class Choice:
    """What the visitor chose."""

    models: Models
    settings: AnalysisSettings


def sidebar() -> Choice:
    """Draw the controls and return their values, which stay the same from page to page."""
    for key, value in _defaults().items():
        key.setdefault(value)
    with st.sidebar:
        _select_preset()
    with st.sidebar, st.expander("Expert settings", icon=":material/tune:"):
        detector = _select_model("Face detector", "detector")
        confidence = st.slider(
            "Minimum face score",
            0.05,
            0.95,
            step=0.05,
            key=session_keys.CONFIDENCE.name,
            persist_state="session",
            help="Lower values find more faces, but also more false detections.",
        )
        classifier = _select_model("Expression classifier", "classifier")
        labels = manifest().model(classifier, "classifier").labels
        unsure_below = session_keys.unsure_below(classifier)
        unsure_below.setdefault(_default_threshold(classifier))
        classes = st.multiselect(
            "Expressions",
            labels,
            key=session_keys.CLASSES.name,
            persist_state="session",
            placeholder="All",
            help="Choose two or more to leave out the others; the probabilities are then "
            "renormalised over the chosen ones.",
        )
        if len(classes) == 1:
            st.caption("Choose at least one more; until then, all are used.")
        unsure = st.slider(
            "Unsure below",
            0,
            100,
            step=1,
            format="%d %%",
            key=unsure_below.name,
            persist_state="session",
            help=_threshold_help(classifier),
        )
        with st.popover("More", width="stretch"):
            iou = st.slider(
                "Maximum overlap of two faces (IoU)",
                0.1,
                0.9,
                step=0.05,
                key=session_keys.IOU.name,
                persist_state="session",
                help="Of boxes that overlap by more than this, only the best one is kept.",
            )
            padding = st.slider(
                "Crop padding",
                -20,
                60,
                step=5,
                format="%d %%",
                key=session_keys.PADDING.name,
                persist_state="session",
                help="How much larger the classifier's crop is than the box of the face.",
            )
            max_faces = st.number_input(
                "Maximum faces",
                1,
                500,
                step=1,
                key=session_keys.MAX_FACES.name,
                persist_state="session",
                help="From 1 to 500; the ones with the best scores are kept.",
            )
            smile = st.toggle(
                "Smile cascade",
                key=session_keys.SMILE.name,
                persist_state="session",
                help="A second check of each mouth, by OpenCV's smile detector; often wrong.",
            )
        st.button("Reset", icon=":material/restart_alt:", on_click=_reset)
    return Choice(
        Models(detector, classifier, smile),
        AnalysisSettings(
            DetectionSettings(confidence, iou, int(max_faces)),
            padding / 100,
            tuple(name for name in labels if name in classes) if len(classes) > 1 else (),
            unsure / 100,
            with_smile=smile,
        ),
    )


def choose_time_constant(
    key: str, help: str, *, place: Any = st, width: Literal["stretch"] | int = "stretch"
) -> float:
    """A slider for the time constant of the smoothing, s.

    Args:
        key: Of the widget.
        help: What a longer one does on this page.
        place: Where it is: the page, or a container.
        width: Of the widget, px.
    """
    chosen: float = place.slider(
        "Smoothing (time constant)",
        0.0,
        3.0,
        StreamSettings().time_constant_s,
        0.1,
        format="%.1f s",
        key=key,
        persist_state="session",
        width=width,
        help=help,
    )
    return chosen


def _select_preset() -> None:
    """A choice that is nothing but a face detector in words; none if an expert chose another."""
    presets = manifest().presets
    detector = session_keys.DETECTOR.get()
    session_keys.PRESET.set(next((p for p, name in presets.items() if name == detector), None))

    def use() -> None:
        if preset := session_keys.PRESET.get():
            session_keys.DETECTOR.set(presets[preset])

    st.radio(
        "Finding faces",
        list(presets),
        index=None,
        format_func=lambda preset: _PRESETS[preset][0],
        captions=[_PRESETS[preset][1] for preset in presets],
        key=session_keys.PRESET.name,
        on_change=use,
    )


def _select_model(title: str, kind: Kind) -> str:
    usable, missing = resources.usable_models(kind)
    chosen = st.selectbox(
        title,
        usable,
        key=kind,
        persist_state="session",
        format_func=lambda name: f"{name} (default)" if name == usable[0] else name,
        help=f"Not on this machine: {', '.join(missing)}. Fetch one with "
        f"`python -m ferapp models fetch {missing[0]}`."
        if missing
        else None,
    )
    return chosen or usable[0]


def _threshold_help(classifier: str) -> str:
    calibration = manifest().model(classifier, "classifier").calibration
    if calibration is None:
        return "This classifier has not been calibrated; below 50 % its label is a guess."
    return (
        f"At {calibration.unsure_below:.0%}, nine in ten labels were right on ready-cut faces, and "
        f"{calibration.coverage:.0%} of the faces got a label ({calibration.fitted_on})."
    )


def _defaults() -> dict[SessionKey[Any], Any]:
    """Default of each widget by its key.

    Widgets get it from the session, not from an argument: otherwise the browser would keep its own
    value after a reset.
    """
    detection = DetectionSettings()
    return {
        session_keys.DETECTOR: manifest().defaults.detector,
        session_keys.CLASSIFIER: manifest().defaults.classifier,
        session_keys.CONFIDENCE: detection.confidence,
        session_keys.IOU: detection.iou,
        session_keys.MAX_FACES: detection.max_faces,
        session_keys.PADDING: round(100 * AnalysisSettings().padding),
        session_keys.CLASSES: [],
        session_keys.SMILE: False,
    }


def _default_threshold(classifier: str) -> int:
    """In percent, from the calibration if there is one."""
    calibration = manifest().model(classifier, "classifier").calibration
    return round(100 * calibration.unsure_below) if calibration else 50


def _reset() -> None:
    for key, value in _defaults().items():
        key.set(value)
    for model in manifest().of_kind("classifier"):
        unsure_below = session_keys.unsure_below(model.name)
        if unsure_below.get() is not None:
            unsure_below.set(_default_threshold(model.name))

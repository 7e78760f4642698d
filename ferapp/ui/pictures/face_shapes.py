"""Landmarks, head pose and measures of faces in words, and the switch that asks for them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import streamlit as st

from ferapp.face_shape import FaceGeometry, FaceShape, HeadPose
from ferapp.ui.shared import session_keys
from ferapp.ui.shared.controls import Choice
from ferapp.vision.face_geometry import MOST_PITCH_DEG, MOST_YAW_DEG

# What a measure is called, its parts (right before left, as in the picture), and the action units
# of FACS that it is related to.
_ROWS: Final = (
    (
        "Brow height",
        ("right_brow_height", "left_brow_height"),
        "related to AU 1 and 2 (brows raised) and 4 (brows lowered)",
    ),
    ("Mouth opening", ("mouth_opening",), "related to AU 25, 26 and 27 (lips apart, jaw dropped)"),
    ("Mouth width", ("mouth_width",), "related to AU 12 (smile), 18 (pucker) and 20 (stretch)"),
    (
        "Lip corners",
        ("lip_corners_deg",),
        "related to AU 12 (corners raised) and 15 (corners lowered)",
    ),
)
_HELP: Final = (
    "68 points of each face, how the head is turned, and what is open, wide or raised. Like your "
    "pictures, they are forgotten when you close the page: a recorded session does not contain "
    "them, only the files that you download."
)


def with_landmarks(choice: Choice) -> Choice:
    """The choice with what the visitor says about landmarks on this page."""
    is_on = st.toggle(
        "Landmarks and head pose",
        key=session_keys.LANDMARKS.name,
        persist_state="session",
        help=_HELP,
    )
    return Choice(
        replace(choice.models, with_landmarks=is_on),
        replace(choice.settings, with_landmarks=is_on),
    )


def explain_measures() -> None:
    """What the numbers on the cards are, and what they are not."""
    rows = "\n".join(f"- **{name}**: {related}." for name, _, related in _ROWS)
    with st.popover("What the measures mean", icon=":material/straighten:"):
        st.markdown(
            "Lengths between landmarks. 1 is the distance of the outer corners of the eyes, seen "
            "from the front; *lip corners* is the angle at which the corners of the mouth lie "
            "above or below its middle. Of two numbers, the first is for the right brow of the "
            "person, on the left of the picture.\n\n"
            f"{rows}\n\n"
            "They are not action units (AU) of FACS: nobody has coded them, and wrinkles, cheeks "
            "and muscle tension are not in the points. Faces differ: compare a face with itself "
            "in another picture, not with another person's. The opening of a wide open mouth comes "
            "out too small. How far the eyes are open is not measured.\n\n"
            f"Angles of the head are estimates. Beyond {MOST_YAW_DEG:.0f}° to the side or "
            f"{MOST_PITCH_DEG:.0f}° up or down there are no measures."
        )


def shape_remarks(shape: FaceShape) -> list[str]:
    """What a card says of the head, or why there are no landmarks or measures."""
    if shape.pose is None:
        return [f"No landmarks: this face is {shape.missing}."]
    lines = [f"Head: {shape.pose.words} ({_angles(shape.pose)}; estimates)"]
    if shape.missing:
        lines.append(f"No measures: the head is {shape.missing}.")
    return lines


def _angles(pose: HeadPose) -> str:
    parts = [
        f"{abs(angle):.0f}° {sides[angle > 0]}"
        for angle, sides in (
            (pose.yaw_deg, ("left", "right")),
            (pose.pitch_deg, ("down", "up")),
            (pose.roll_deg, ("tilted left", "tilted right")),
        )
        if round(abs(angle))
    ]
    return ", ".join(parts) or "0°"


def measure_rows(geometry: FaceGeometry | None) -> list[Sequence[str]]:
    """Name, value and related action units of each measure; none without a geometry."""
    if geometry is None:
        return []
    return [
        (name, ", ".join(_value(getattr(geometry, part), part) for part in parts), related)
        for name, parts, related in _ROWS
    ]


def _value(value: float | None, name: str) -> str:
    if value is None:
        return "not clear"
    return f"{value:+.0f}°" if name.endswith("_deg") else f"{value:.2f}"

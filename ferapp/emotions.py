"""The eight expression classes of FER+, their order and their colours.

The order is that of the FER+ labels (Barsoum et al., 2016, "Training Deep Networks for Facial
Expression Recognition with Crowd-Sourced Label Distribution"), which every FER+ model shares.
"""

from typing import Final

EXPRESSIONS: Final[tuple[str, ...]] = (
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
)
"""Class names in output order."""

COLOURS: Final[dict[str, str]] = {
    "neutral": "#7f8c9b",
    "happiness": "#e0a100",
    "surprise": "#d9662b",
    "sadness": "#3f6fd1",
    "anger": "#d0342c",
    "disgust": "#3f9142",
    "fear": "#8a4fc7",
    "contempt": "#a8577e",
}
"""One sRGB hex colour per class, the same in every chart and on every picture."""

OTHER_COLOUR: Final = "#2f8f8a"
"""The colour of other classes, which added models may have."""

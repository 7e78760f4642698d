"""Draw on a copy of a picture, or hide faces in it."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferapp.labels import label_colour, label_text
from ferapp.types import FrameAnalysis
from ferapp.vision.boxes import squares
from ferapp.vision.crops import Image
from ferapp.vision.opencv import cv2

_LEAST_SCALE: Final = 0.35
# A caption may be this many times as wide as its face; longer ones cover the neighbours in a crowd.
_MOST_WIDTH: Final = 2.0
# A hidden face keeps at most this many blocks per side, each at least this many pixels wide.
_HIDDEN_CELLS: Final = 6
_LEAST_CELL_PX: Final = 4
_HIDDEN_PADDING: Final = 0.25
_NOTE_RGB: Final = (26, 34, 48)
_DOT_RGB: Final = (240, 245, 255)
# The radius of a dot, as a share of its face.
_FACE_PER_DOT: Final = 120


def annotate(
    image_rgb: Image,
    xyxy: NDArray[np.float32],
    captions: Sequence[str],
    colours: Sequence[str],
) -> Image:
    """Draw a box and a caption for each face on a copy of the picture.

    Args:
        image_rgb: (h, w, 3) uint8.
        xyxy: Boxes, (n, 4), px.
        captions: One per box, in ASCII: OpenCV's fonts have nothing else.
        colours: One sRGB hex colour per box, such as "#3f6fd1".

    Returns:
        (h, w, 3) uint8.
    """
    out = np.ascontiguousarray(image_rgb).copy()
    side = float(np.sqrt(out.shape[0] * out.shape[1]))
    thickness = max(round(side / 300), 1)
    for box, caption, colour in zip(xyxy, captions, colours, strict=True):
        x1, y1, x2, y2 = np.rint(box).astype(int).tolist()
        rgb = _rgb(colour)
        cv2.rectangle(out, (x1, y1), (x2, y2), rgb, thickness, cv2.LINE_AA)
        text, scale = _fit_caption(caption, max(x2 - x1, 1), max(side / 1000, _LEAST_SCALE))
        _draw_caption(out, text, (x1, y1, y2), rgb, scale=scale)
    return out


def mark_landmarks(image_rgb: Image, landmarks: NDArray[np.float32]) -> Image:
    """Draw a dot for each landmark on a copy of the picture.

    Args:
        image_rgb: (h, w, 3) uint8.
        landmarks: (n, 68, 2), px; a face without has NaN.

    Returns:
        (h, w, 3) uint8.
    """
    out = np.ascontiguousarray(image_rgb).copy()
    for points in landmarks[~np.isnan(landmarks).any(axis=(1, 2))]:
        radius = round(float(np.ptp(points, axis=0).max()) / _FACE_PER_DOT)
        for x, y in np.rint(points).astype(int).tolist():
            # On small faces, rims would cover what lies between the dots.
            if radius > 0:
                cv2.circle(out, (x, y), radius + 1, _NOTE_RGB, cv2.FILLED, cv2.LINE_AA)
            cv2.circle(out, (x, y), radius, _DOT_RGB, cv2.FILLED)
    return out


def note(image_rgb: Image, text: str) -> Image:
    """Write a short text, in ASCII, in the lower left corner of a copy of the picture.

    Args:
        image_rgb: (h, w, 3) uint8.
        text: Such as "15 fps".

    Returns:
        (h, w, 3) uint8.
    """
    out = np.ascontiguousarray(image_rgb).copy()
    height, width = out.shape[:2]
    scale = max(float(np.sqrt(height * width)) / 1000, _LEAST_SCALE)
    _draw_caption(out, text, (0, height, height), _NOTE_RGB, scale=scale)
    return out


def captions(analysis: FrameAnalysis) -> list[str]:
    """The caption of each face: its number, then its expression and confidence.

    Where it has no label, "unsure" or why it is hard to read.
    """
    return [
        f"{i + 1} {text}" if label is None else f"{i + 1} {text} {percent(probability)}"
        for i, (text, label, probability) in enumerate(
            zip(label_texts(analysis), analysis.face_labels, analysis.confidence, strict=True)
        )
    ]


def label_texts(analysis: FrameAnalysis) -> list[str]:
    """Each face's expression, "unsure", or why it is hard to read."""
    flaws = analysis.flaws or (None,) * len(analysis)
    return [label_text(*pair) for pair in zip(analysis.face_labels, flaws, strict=True)]


def percent(probability: float) -> str:
    """A probability as a whole percentage; never 0 or 100 %, because no model is certain.

    Example:
        >>> percent(0.718), percent(0.999), percent(0.001)
        ('72 %', '> 99 %', '< 1 %')
    """
    if probability >= 0.995:
        return "> 99 %"
    return "< 1 %" if probability < 0.005 else f"{probability * 100:.0f} %"


def colours(analysis: FrameAnalysis) -> list[str]:
    """The sRGB hex colour of each face's label."""
    return [label_colour(label, labels=analysis.labels) for label in analysis.face_labels]


def hide_faces(image_rgb: Image, xyxy: NDArray[np.float32]) -> Image:
    """Blur faces beyond recognition on a copy of the picture.

    Args:
        image_rgb: (h, w, 3) uint8.
        xyxy: Boxes, (n, 4), px. Each is hidden with a quarter of its side as a margin.

    Returns:
        (h, w, 3) uint8.
    """
    out = np.ascontiguousarray(image_rgb).copy()
    height, width = out.shape[:2]
    for box in squares(xyxy, padding=_HIDDEN_PADDING):
        x1, y1 = np.clip(np.floor(box[:2]).astype(int), 0, (width, height))
        x2, y2 = np.clip(np.ceil(box[2:]).astype(int), 0, (width, height))
        face = out[y1:y2, x1:x2]
        if face.size:
            size = (int(x2 - x1), int(y2 - y1))
            cells = (_cells(size[0]), _cells(size[1]))
            coarse = cv2.resize(face, cells, interpolation=cv2.INTER_AREA)
            out[y1:y2, x1:x2] = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    return out


def hide_outside(image_rgb: Image, xyxy: NDArray[np.float32]) -> Image:
    """Blur everything but a region beyond recognition on a copy of the picture.

    Args:
        image_rgb: (h, w, 3) uint8.
        xyxy: The region that stays, (4,), px.

    Returns:
        (h, w, 3) uint8.
    """
    height, width = image_rgb.shape[:2]
    cells = (_outside_cells(width, width, height), _outside_cells(height, width, height))
    coarse = cv2.resize(image_rgb, cells, interpolation=cv2.INTER_AREA)
    out = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    x1, y1 = np.clip(np.ceil(xyxy[:2]).astype(int), 0, (width, height))
    x2, y2 = np.clip(np.floor(xyxy[2:]).astype(int), 0, (width, height))
    out[y1:y2, x1:x2] = image_rgb[y1:y2, x1:x2]
    return out


def _outside_cells(side_px: int, width: int, height: int) -> int:
    """How many cells: a face may fill the picture, and is then six cells wide as any other."""
    return max(_HIDDEN_CELLS * side_px // min(width, height), 1)


def _cells(side_px: int) -> int:
    return max(min(_HIDDEN_CELLS, side_px // _LEAST_CELL_PX), 1)


def _fit_caption(caption: str, face_px: int, scale: float) -> tuple[str, float]:
    """The caption and a scale at which it fits its face; if none does, only its first word."""
    (width, _), _ = cv2.getTextSize(caption, cv2.FONT_HERSHEY_DUPLEX, scale, 1)
    fitting = scale * _MOST_WIDTH * face_px / max(width, 1)
    if fitting >= _LEAST_SCALE:
        return caption, min(fitting, scale)
    return caption.split()[0], _LEAST_SCALE


def _draw_caption(
    image: Image, text: str, place: tuple[int, int, int], rgb: tuple[int, int, int], *, scale: float
) -> None:
    """Write on a filled strip above the box, or below it if there is no room above."""
    x1, y1, y2 = place
    height, width = image.shape[:2]
    stroke = max(round(scale * 1.1), 1)
    (text_w, text_h), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, scale, stroke)
    pad = max(text_h // 3, 2)
    strip_h = text_h + below + 2 * pad
    top = y1 - strip_h if y1 >= strip_h else min(y2, height - strip_h)
    left = int(np.clip(x1, 0, max(width - text_w - 2 * pad, 0)))
    cv2.rectangle(
        image, (left, top), (left + text_w + 2 * pad, top + strip_h), rgb, thickness=cv2.FILLED
    )
    # Relative luminance (WCAG 2.2) without the gamma: enough to choose between black and white.
    is_light = float(np.dot(rgb, (0.2126, 0.7152, 0.0722))) > 140
    ink = (0, 0, 0) if is_light else (255, 255, 255)
    baseline = (left + pad, top + pad + text_h)
    cv2.putText(image, text, baseline, cv2.FONT_HERSHEY_DUPLEX, scale, ink, stroke, cv2.LINE_AA)


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)

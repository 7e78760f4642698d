"""Says when faces may be too small in a picture for the detector, which sees it reduced."""

from dataclasses import dataclass
from typing import Final

from ferapp.inference.entry_parts import Parts
from ferapp.inference.manifest import Model
from ferapp.types import Faces
from ferapp.vision.parts import parts

# A picture that is hardly larger than what the detector sees hides no face from it.
_LARGE: Final = 3.0
# Sides of the smallest faces that are found reliably, in pixels of what the detector sees. Of eight
# faces in a picture of 12 megapixels, 3 were found at 8 to 10 such pixels and all 8 from 12 on.
_LEAST_PX: Final = 12
_LEAST_HAAR_PX: Final = 26


@dataclass(frozen=True)
class Sight:
    """What a detector sees of a picture.

    Attributes:
        size_wh: Width and height to which it resizes a picture, px.
        keeps_shape: Whether it only fits the picture into a square of the longer side.
        least_px: Smaller faces are found only by luck, px of what it sees.
        parts: In which parts of a picture it looks as well; None for none.
    """

    size_wh: tuple[int, int]
    keeps_shape: bool = False
    least_px: float = _LEAST_PX
    parts: Parts | None = None

    @classmethod
    def of(cls, model: Model) -> "Sight":
        """What the detector of a manifest entry sees."""
        least_px = _LEAST_HAAR_PX if model.family == "haar" else _LEAST_PX
        return cls(model.input.size_wh, model.family in ("yunet", "haar"), least_px, model.parts)

    def note(self, size_wh: tuple[int, int], faces: Faces) -> str:
        """A sentence if faces may be missing from a large picture; empty if not.

        Args:
            size_wh: Width and height of the picture, px.
            faces: All that were found.

        Example:
            >>> Sight((320, 240)).note((640, 480), Faces.empty())
            ''
            >>> Sight((320, 240)).note((4000, 3000), Faces.empty())[:45]
            'Faces smaller than about 150 pixels may be mi'
        """
        what, remedy = "this picture", "choose the preset Crowd, or "
        if self.parts and (places := parts(size_wh, self.parts.size_wh, self.parts.most)):
            left, top, right, bottom = places[0]
            size_wh, what = (right - left, bottom - top), "parts of this picture"
        if self.parts:
            remedy = ""
        longest = max(self.size_wh)
        seen_wh = (longest, longest) if self.keeps_shape else self.size_wh
        by_side = [of / seen for of, seen in zip(size_wh, seen_wh, strict=True)]
        scale = max(by_side)
        if scale < _LARGE:
            return ""
        sides = faces.xyxy[:, 2:] - faces.xyxy[:, :2]
        seen_sides = sides / (scale if self.keeps_shape else by_side)
        if len(faces) and seen_sides.min() >= self.least_px:
            return ""
        return (
            f"Faces smaller than about {round(self.least_px * scale, -1):g} pixels may be missing: "
            f"the detector sees {what} reduced to {_text(self, size_wh, scale)}. "
            f"To find them, {remedy}analyse parts of the picture."
        )


def _text(sight: Sight, size_wh: tuple[int, int], scale: float) -> str:
    width, height = size_wh
    wh = (round(width / scale), round(height / scale)) if sight.keeps_shape else sight.size_wh
    return f"{wh[0]} × {wh[1]}"

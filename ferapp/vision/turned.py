"""Squares that lie turned in a picture: cutting them out, and finding places in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from ferapp.vision.crops import Image, region
from ferapp.vision.opencv import cv2

# A square is shrunk to this many times its final size before it is turned, which takes one pixel
# of four and would turn finer patterns into coarse ones.
_FINER: Final = 1.5


@dataclass(frozen=True, eq=False)
class TurnedSquares:
    """Squares in a picture.

    Attributes:
        centre: (n, 2) float32, px.
        side: (n,) float32, px.
        roll_rad: By how much each is turned clockwise, (n,) float32.
    """

    centre: NDArray[np.float32]
    side: NDArray[np.float32]
    roll_rad: NDArray[np.float32]

    def __len__(self) -> int:
        """How many squares there are."""
        return len(self.side)

    @classmethod
    def upright(cls, xyxy: NDArray[np.float32]) -> Self:
        """Those of boxes that are squares, (n, 4), px."""
        centre = np.asarray((xyxy[:, :2] + xyxy[:, 2:]) / 2, np.float32)
        return cls(centre, xyxy[:, 2] - xyxy[:, 0], np.zeros(len(xyxy), np.float32))

    def at(self, indices: Sequence[int]) -> "TurnedSquares":
        """The squares at these places."""
        rows = list(indices)
        return TurnedSquares(self.centre[rows], self.side[rows], self.roll_rad[rows])

    def places(self, shares: NDArray[np.float32]) -> NDArray[np.float32]:
        """Where in the picture something is.

        Args:
            shares: Its places in each square, (n, k, 2): shares of the side, from the corner that
                is the upper left one of the square before it is turned.

        Returns:
            (n, k, 2) float32, px of the picture.

        Example:
            >>> centre, side = np.array([[50, 50]], np.float32), np.array([40], np.float32)
            >>> square = TurnedSquares(centre, side, np.array([np.pi / 2], np.float32))
            >>> square.places(np.array([[[0, 0], [0.5, 0.5]]], np.float32)).round()
            array([[[70., 30.],
                    [50., 50.]]], dtype=float32)
        """
        offset = (shares - 0.5) * self.side[:, None, None]
        turned = np.einsum("nij,nkj->nki", rotations(self.roll_rad), offset)
        return np.asarray(self.centre[:, None] + turned, np.float32)

    def cut(self, image: Image, size_px: int) -> list[Image]:
        """Cut them out, each turned upright; outside the picture its border is repeated.

        Args:
            image: HWC uint8.
            size_px: Side of each result.
        """
        return [
            _cut(image, centre, float(side), rotation, size_px)
            for centre, side, rotation in zip(
                self.centre, self.side, rotations(self.roll_rad), strict=True
            )
        ]


def rotations(roll_rad: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rotations that turn a picture clockwise, (n, 2, 2), by angles, (n,)."""
    cos, sin = np.cos(roll_rad), np.sin(roll_rad)
    return np.stack([np.stack([cos, -sin], 1), np.stack([sin, cos], 1)], 1).astype(np.float32)


def _cut(
    image: Image,
    centre: NDArray[np.float32],
    side: float,
    rotation: NDArray[np.float32],
    size_px: int,
) -> Image:
    reach = np.abs(rotation).sum(axis=1) * side / 2
    low, high = np.floor(centre - reach) - 1, np.ceil(centre + reach) + 1
    scale = min(1.0, _FINER * size_px / max(side, 1.0))
    wide_wh = np.maximum(np.ceil((high - low) * scale), 1).astype(int)
    wide = region(image, np.concatenate([low, high]).astype(np.float32), tuple(wide_wh.tolist()))
    finer = wide_wh / (high - low)
    # From the middle of a pixel of the result to that of a pixel of the wider region.
    turn = finer[:, None] * rotation * (side / size_px)
    middle = finer * (centre - low) - turn @ np.full(2, (size_px - 1) / 2) - 0.5
    out: Any = cv2.warpAffine(
        wide,
        np.column_stack([turn, middle]),
        (size_px, size_px),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(out, np.uint8)

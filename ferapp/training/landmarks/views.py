"""Faces as the landmark network sees them in training."""

import math
from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ferapp.errors import InvalidValue
from ferapp.evaluation.landmarked_faces import LandmarkedFaces
from ferapp.training.augmentation import erase, uniform
from ferapp.training.camera import Camera, seen_by_camera
from ferapp.vision.boxes import squares
from ferapp.vision.landmarks import (
    MIDDLE_LIPS,
    MIRRORED,
    OUTER_EYE_CORNERS,
    close_ups,
    detector_boxes,
)
from ferapp.vision.preprocess import InputSpec, convert_colour
from ferapp.vision.turned import TurnedSquares

# A larger square than the network sees, so that it can be turned and moved without a border.
_REACH: Final = 2.5
_STORED_PX: Final = 256


@dataclass(frozen=True)
class ViewRecipe:
    """How faces are shown to the network.

    Some views are first looks, at the square around a detector's box, the others second ones; see
    `ferapp.inference.landmarks.finder.LandmarkFinder`.

    Attributes:
        side: Of the input, px; a multiple of 32.
        padding: How much longer the side of the first square is than that of the detector's box, as
            a share of the latter, so that the jaw of a tilted head lies inside.
        rolls_deg: In first looks, faces are turned by up to one of these angles.
        jitter: The first square is moved by up to this share of its side, and as much smaller or
            larger.
        close: Share of second looks.
        close_roll_deg: Standard deviation of the angle of second looks.
        close_jitter: Standard deviation of their size, as a share; their centre has two thirds of
            it, as a share of the side.
        lost: Share of first looks in which most of the face lies outside. There the network learns
            only that its points will be wrong.
        erased: Share of faces in which a rectangle is erased.
        camera: Light, noise and compression.
    """

    side: int = 96
    padding: float = 0.3
    rolls_deg: tuple[float, ...] = (20, 20, 60, 180)
    jitter: float = 0.15
    close: float = 0.5
    close_roll_deg: float = 8.0
    close_jitter: float = 0.06
    lost: float = 0.06
    erased: float = 0.2
    camera: Camera = field(default_factory=lambda: Camera(gain=0.3, noise=0.25, distance=0.15))

    def __post_init__(self) -> None:
        """Refuse a side that can't be halved five times."""
        if self.side % 32:
            raise InvalidValue(f"the side has to be a multiple of 32: {self.side}")

    @property
    def spec(self) -> InputSpec:
        """The input of the network."""
        return InputSpec(size_wh=(self.side, self.side), colour="grey", mean=127.5, std=64.0)


@dataclass(frozen=True, eq=False)
class StoredFaces:
    """Faces with much of their surroundings, ready to be turned and moved.

    Attributes:
        pixels: (n, 1, 256, 256) uint8, grey: 2.5 times the square around the face.
        points: Of each, (n, 68, 2) float32; the square reaches from -1 to 1.
        close: The square of a second look at each, in the same unit, (n, 4) float32: x and y of the
            centre, half the side, and the roll in radians.
    """

    pixels: Tensor
    points: Tensor
    close: Tensor

    def __len__(self) -> int:
        """Number of faces."""
        return len(self.pixels)

    def mouth_openings(self) -> Tensor:
        """Distance of the lips of each face over that of its eyes, (n,)."""
        (upper, lower), (right, left) = MIDDLE_LIPS, OUTER_EYE_CORNERS
        lips = torch.linalg.vector_norm(self.points[:, upper] - self.points[:, lower], dim=1)
        eyes = torch.linalg.vector_norm(self.points[:, right] - self.points[:, left], dim=1)
        return torch.div(lips, eyes)

    @classmethod
    def of(cls, faces: LandmarkedFaces) -> Self:
        """Cut them from their pictures."""
        around = TurnedSquares.upright(squares(detector_boxes(faces.points)))
        wide = TurnedSquares(around.centre, around.side * _REACH, around.roll_rad)
        pixels = [
            convert_colour(wide.at([i]).cut(image, _STORED_PX)[0], "grey")
            for i, image in enumerate(faces.images_rgb)
        ]
        half = around.side[:, None] / 2
        points = (faces.points - around.centre[:, None]) / half[:, None]
        close = close_ups(faces.points)
        centre = (close.centre - around.centre) / half
        rest = np.stack([close.side / around.side, close.roll_rad], axis=1)
        return cls(
            torch.from_numpy(np.stack(pixels).transpose(0, 3, 1, 2).copy()),
            torch.from_numpy(points),
            torch.from_numpy(np.concatenate([centre, rest], axis=1)),
        )


def views_of(
    faces: StoredFaces, indices: Tensor, recipe: ViewRecipe, rng: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Faces as the network sees them, each turned, moved, mirrored and lit at random.

    Args:
        faces: The faces.
        indices: Which of them, (n,).
        recipe: How much.
        rng: Random number generator.

    Returns:
        Pixels, (n, 1, side, side) in [0, 1]; points, (n, 68, 2), as shares of the side; whether the
        points of each are to be learnt, (n,).
    """
    n = len(indices)
    is_close = torch.rand(n, generator=rng) < recipe.close
    is_lost = (torch.rand(n, generator=rng) < recipe.lost) & ~is_close
    flip = torch.where(torch.rand(n, generator=rng) < 0.5, -1.0, 1.0)
    angle, size, shift = _first_looks(n, recipe, is_lost, rng)
    close = faces.close[indices]
    close_angle, close_size, close_shift = _second_looks(close, recipe, flip, rng)
    angle = torch.where(is_close, close_angle, angle)
    size = torch.where(is_close, close_size, size)
    shift = torch.where(is_close[:, None], close_shift, shift)
    # From places in the view, -1 to 1, to places around the face: turned, scaled, moved, mirrored.
    cos, sin = torch.cos(angle) * size, torch.sin(angle) * size
    rows = torch.stack([torch.stack([flip * cos, flip * -sin], 1), torch.stack([sin, cos], 1)], 1)
    moved = torch.stack([flip * shift[:, 0], shift[:, 1]], dim=1)
    theta = torch.cat([rows, moved[:, :, None]], dim=2) / _REACH
    grid = F.affine_grid(theta, [n, 1, recipe.side, recipe.side], align_corners=False)
    pixels = F.grid_sample(
        faces.pixels[indices].float() / 255, grid, padding_mode="border", align_corners=False
    )
    points = (faces.points[indices] - moved[:, None]) @ torch.linalg.inv(rows).transpose(1, 2)
    points = torch.where((flip < 0)[:, None, None], points[:, list(MIRRORED)], points)
    pixels = erase(seen_by_camera(pixels, recipe.camera, rng), recipe.erased, rng)
    return pixels, (points + 1) / 2, ~is_lost


def _first_looks(
    n: int, recipe: ViewRecipe, is_lost: Tensor, rng: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Angle, (n,) rad, half the side, (n,), and centre, (n, 2), of looks at a detector's box."""
    choice = torch.randint(len(recipe.rolls_deg), (n,), generator=rng)
    angle = uniform(rng, n) * torch.tensor(recipe.rolls_deg)[choice]
    size = (1 + recipe.padding) * torch.exp(uniform(rng, n) * math.log1p(recipe.jitter))
    shift = uniform(rng, n, 2) * 2 * recipe.jitter
    away = uniform(rng, n) * math.pi
    outside = torch.stack([torch.cos(away), torch.sin(away)], dim=1) * 2 * size[:, None]
    return torch.deg2rad(angle), size, torch.where(is_lost[:, None], outside, shift)


def _second_looks(
    close: Tensor, recipe: ViewRecipe, flip: Tensor, rng: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """The same of close looks, in the mirrored world where ``flip`` is -1."""
    n = len(close)
    noise = torch.randn(n, 4, generator=rng)
    angle = close[:, 3] * flip + noise[:, 0] * math.radians(recipe.close_roll_deg)
    size = close[:, 2] * torch.exp(noise[:, 1] * recipe.close_jitter)
    centre = torch.stack([close[:, 0] * flip, close[:, 1]], dim=1)
    shift = centre + noise[:, 2:] * recipe.close_jitter * 2 / 3 * 2 * close[:, 2:3]
    return angle, size, shift

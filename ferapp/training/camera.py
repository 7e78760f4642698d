"""What rooms and cameras do to faces, for whole batches: light, distance, noise, compression."""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

from ferapp.training.augmentation import uniform

_BLOCK: Final = 8
_SMALLEST_SEEN_PX: Final = 24
_LEVELS: Final = 255

# The table for brightness in annex K of JPEG (ITU-T T.81, 1992).
_JPEG_TABLE: Final = torch.tensor(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    dtype=torch.float32,
)


@dataclass(frozen=True)
class Camera:
    """How often and how much light and camera change a face.

    Each change happens to its own share of the faces.

    Attributes:
        gain: Share of faces that are lighter or darker; what gets too bright is clipped.
        darkest: The smallest factor.
        brightest: The largest factor.
        curve: Share of faces with another gamma or less contrast.
        gamma: The exponent lies within e ** ±gamma.
        least_contrast: The smallest factor of contrast.
        side: Share of faces that are lit from one side.
        distance: Share of batches that are seen at a smaller size.
        noise: Share of faces with sensor noise.
        read_noise: Largest standard deviation of the noise that is the same in light and dark,
            in levels of 255.
        shot_noise: Largest standard deviation, at full brightness, of the noise that grows with
            the root of the light; in the dark there is more of it for the light that is left.
        compression: Share of batches that went through JPEG.
        lowest_quality: The lowest quality of JPEG; the highest is 95.
    """

    gain: float = 0.4
    darkest: float = 0.12
    brightest: float = 1.7
    curve: float = 0.2
    gamma: float = 0.8
    least_contrast: float = 0.35
    side: float = 0.2
    distance: float = 0.2
    noise: float = 0.4
    read_noise: float = 12.0
    shot_noise: float = 20.0
    compression: float = 0.2
    lowest_quality: float = 15.0


def seen_by_camera(faces: Tensor, camera: Camera, rng: torch.Generator) -> Tensor:
    """Faces as a camera in some room gives them.

    Args:
        faces: Grey, (n, 1, side, side), float32 in [0, 1]; the side is a multiple of 8.
        camera: How often and how much.
        rng: Random number generator.

    Returns:
        The same shape, in [0, 1], in steps of one level.
    """
    faces = _lit(faces, camera, rng)
    side = seen = faces.shape[-1]
    if side > _SMALLEST_SEEN_PX and _is_chosen(1, camera.distance, rng):
        sides = range(_SMALLEST_SEEN_PX, side, _BLOCK)
        seen = sides[int(torch.randint(len(sides), (1,), generator=rng))]
        faces = F.interpolate(faces, seen, mode="bilinear", antialias=True)
    faces = _noisy(faces, camera, rng)
    if _is_chosen(1, camera.compression, rng):
        quality = _between(1, camera.lowest_quality, 95, rng)
        faces = compressed(faces, float(quality))
    if seen != side:
        faces = F.interpolate(faces, side, mode="bilinear")
    return (faces.clamp(0, 1) * _LEVELS).round() / _LEVELS


def compressed(faces: Tensor, quality: float) -> Tensor:
    """Faces after JPEG: the cosines of each block of 8 px are rounded.

    Args:
        faces: (n, 1, h, w) in [0, 1]; the sides are multiples of 8.
        quality: From 1 to 95, as the libraries count.
    """
    n, _, height, width = faces.shape
    scale = 50 / quality if quality < 50 else 2 - quality / 50
    table = (_JPEG_TABLE * scale).round().clamp(1, 255)
    blocks = (faces * _LEVELS - 128).view(n, height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK)
    cosines = _cosines()
    values = torch.einsum("ui,nyixj,vj->nyuxv", cosines, blocks, cosines)
    table = table[None, None, :, None, :]
    rounded = (values / table).round() * table
    back = torch.einsum("ui,nyuxv,vj->nyixj", cosines, rounded, cosines)
    return ((back + 128) / _LEVELS).reshape(faces.shape).clamp(0, 1)


def _cosines() -> Tensor:
    """The orthonormal discrete cosine transform, (8, 8): a frequency a row."""
    places = torch.arange(_BLOCK)
    angles = (2 * places[None, :] + 1) * places[:, None] * torch.pi / (2 * _BLOCK)
    waves: Tensor = torch.cos(angles)
    waves[0] /= 2**0.5
    waves *= (2 / _BLOCK) ** 0.5
    return waves


def _lit(faces: Tensor, camera: Camera, rng: torch.Generator) -> Tensor:
    n, _, height, width = faces.shape
    gamma = torch.exp(_between(n, -camera.gamma, camera.gamma, rng))
    contrast = _between(n, camera.least_contrast, 1, rng)
    curved = ((faces.clamp_min(1e-4) ** gamma) - 0.5) * contrast + 0.5
    faces = torch.where(_is_chosen(n, camera.curve, rng), curved, faces)
    angle = _between(n, 0, 2 * torch.pi, rng)
    rows = torch.linspace(-1, 1, height).view(1, 1, -1, 1)
    columns = torch.linspace(-1, 1, width).view(1, 1, 1, -1)
    across = (rows * torch.sin(angle) + columns * torch.cos(angle)) / 2**0.5
    from_side = _between(n, 0.6, 0.8, rng) + across * _between(n, 0.2, 0.6, rng)
    faces = torch.where(_is_chosen(n, camera.side, rng), faces * from_side, faces)
    low, high = (torch.tensor(float(limit)).log() for limit in (camera.darkest, camera.brightest))
    gain = torch.exp(_between(n, float(low), float(high), rng))
    faces = torch.where(_is_chosen(n, camera.gain, rng), faces * gain, faces)
    return faces.clamp(0, 1)


def _noisy(faces: Tensor, camera: Camera, rng: torch.Generator) -> Tensor:
    n = len(faces)
    read = _between(n, 0, camera.read_noise / _LEVELS, rng)
    shot = _between(n, 0, camera.shot_noise / _LEVELS, rng)
    sigma = (read**2 + shot**2 * faces.clamp(0, 1)).sqrt()
    noise = torch.randn(faces.shape, generator=rng) * sigma
    return (faces + torch.where(_is_chosen(n, camera.noise, rng), noise, 0.0)).clamp(0, 1)


def _between(n: int, low: float, high: float, rng: torch.Generator) -> Tensor:
    return uniform(rng, n, 1, 1, 1, low=low, high=high)


def _is_chosen(n: int, share: float, rng: torch.Generator) -> Tensor:
    return torch.rand(n, 1, 1, 1, generator=rng) < share

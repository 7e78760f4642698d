"""Augments whole batches of faces as tensors, which is faster than picture by picture."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class FaceAugmentation:
    """Limits of the random changes to training faces.

    Attributes:
        rotation_deg: Largest rotation in either direction, degrees.
        scale: The size changes by a factor of at most e ** ±scale.
        shift: Largest shift, as a share of the side.
        shear: Largest shear.
        contrast: Contrast and brightness change by up to this share.
        gamma: The exponent of the grey curve lies within e ** ±gamma.
        low_resolution: Share of faces made coarse, like small webcam faces.
        erase: Share of faces in which a rectangle is erased (Zhong et al., 2020).
        mix: Share of batches in which pairs of faces are mixed.
        mixup_alpha: Beta parameter of mixup (Zhang et al., 2018).
        cutmix: Share of the mixed batches that paste a rectangle instead (Yun et al., 2019).
    """

    rotation_deg: float = 12
    scale: float = 0.12
    shift: float = 0.07
    shear: float = 0.06
    contrast: float = 0.25
    gamma: float = 0.2
    low_resolution: float = 0.1
    erase: float = 0.25
    mix: float = 0.5
    mixup_alpha: float = 0.2
    cutmix: float = 0.2


def uniform(rng: torch.Generator, *shape: int, low: float = -1, high: float = 1) -> Tensor:
    """Uniform random numbers in [low, high)."""
    return torch.rand(*shape, generator=rng) * (high - low) + low


def augment(
    faces: Tensor, size: int, augmentation: FaceAugmentation, rng: torch.Generator
) -> Tensor:
    """Move, relight and degrade faces at random.

    Args:
        faces: Grey, (n, 1, h, w), float32 in [0, 1].
        size: Side of the result, px.
        augmentation: The limits.
        rng: Random number generator.

    Returns:
        (n, 1, size, size), float32 in [0, 1].
    """
    faces = _move(faces, size, augmentation, rng)
    faces = _relight(faces, augmentation, rng)
    faces = _coarsen(faces, augmentation, rng)
    return erase(faces, augmentation.erase, rng)


def mix(
    faces: Tensor, targets: Tensor, augmentation: FaceAugmentation, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Mix each face and its targets with those of another one of the batch (mixup or cutmix).

    Args:
        faces: (n, 1, h, w), float32.
        targets: Shares of votes, (n, classes).
        augmentation: How often and how strongly to mix.
        rng: Random number generator.
    """
    if torch.rand(1, generator=rng) >= augmentation.mix:
        return faces, targets
    other = torch.randperm(len(faces), generator=rng)
    if torch.rand(1, generator=rng) < augmentation.cutmix:
        _, _, height, width = faces.shape
        box = (uniform(rng, 4, low=0) * torch.tensor([height, width, height, width])).int()
        (top, bottom), (left, right) = box[[0, 2]].sort().values, box[[1, 3]].sort().values
        faces = faces.clone()
        faces[:, :, top:bottom, left:right] = faces[other][:, :, top:bottom, left:right]
        share = 1 - float((bottom - top) * (right - left)) / (height * width)
    else:
        # Beta(a, a) from two gammas; PyTorch's own sampler takes no generator.
        gammas = torch._standard_gamma(
            torch.full((2,), float(augmentation.mixup_alpha)), generator=rng
        )
        share = float(gammas[0] / gammas.sum().clamp_min(1e-12))
        faces = share * faces + (1 - share) * faces[other]
    return faces, share * targets + (1 - share) * targets[other]


def _move(faces: Tensor, size: int, augmentation: FaceAugmentation, rng: torch.Generator) -> Tensor:
    n = len(faces)
    angle = uniform(rng, n) * augmentation.rotation_deg * torch.pi / 180
    zoom = torch.exp(uniform(rng, n) * augmentation.scale)
    flip = torch.where(torch.rand(n, generator=rng) < 0.5, -1.0, 1.0)
    shear = uniform(rng, n) * augmentation.shear
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    x_row = torch.stack([flip * cos, flip * (shear * cos - sin)], dim=1)
    y_row = torch.stack([sin, shear * sin + cos], dim=1)
    shift = uniform(rng, n, 2) * 2 * augmentation.shift
    theta = torch.cat([torch.stack([x_row, y_row], dim=1), shift[:, :, None]], dim=2)
    grid = F.affine_grid(theta, [n, 1, size, size], align_corners=False)
    return F.grid_sample(faces, grid, padding_mode="border", align_corners=False)


def _relight(faces: Tensor, augmentation: FaceAugmentation, rng: torch.Generator) -> Tensor:
    n = len(faces)
    gamma = torch.exp(uniform(rng, n, 1, 1, 1) * augmentation.gamma)
    gain = 1 + uniform(rng, n, 1, 1, 1) * augmentation.contrast
    offset = uniform(rng, n, 1, 1, 1) * augmentation.contrast / 2
    curved = faces.clamp_min(1e-4) ** gamma
    mean = curved.mean(dim=(1, 2, 3), keepdim=True)
    return ((curved - mean) * gain + mean + offset).clamp(0, 1)


def _coarsen(faces: Tensor, augmentation: FaceAugmentation, rng: torch.Generator) -> Tensor:
    is_chosen = torch.rand(len(faces), generator=rng) < augmentation.low_resolution
    if not is_chosen.any():
        return faces
    size = faces.shape[-1]
    small = int(size * float(uniform(rng, 1, low=0.4, high=0.8)))
    coarse = F.interpolate(faces[is_chosen], small, mode="bilinear", antialias=True)
    faces = faces.clone()
    faces[is_chosen] = F.interpolate(coarse, size, mode="bilinear")
    return faces


def erase(faces: Tensor, share: float, rng: torch.Generator) -> Tensor:
    """Replace a random rectangle by one grey in a share of the faces, (n, 1, h, w) in [0, 1]."""
    n, _, height, width = faces.shape
    is_chosen = torch.rand(n, generator=rng) < share
    extent = uniform(rng, n, 2, low=0.1, high=0.4)
    start = uniform(rng, n, 2, low=0, high=1) * (1 - extent)
    rows = (torch.arange(height) + 0.5) / height
    columns = (torch.arange(width) + 0.5) / width
    in_rows = (rows >= start[:, :1]) & (rows < start[:, :1] + extent[:, :1])
    in_columns = (columns >= start[:, 1:]) & (columns < start[:, 1:] + extent[:, 1:])
    hole = in_rows[:, None, :, None] & in_columns[:, None, None, :] & is_chosen[:, None, None, None]
    return torch.where(hole, uniform(rng, n, 1, 1, 1, low=0), faces)

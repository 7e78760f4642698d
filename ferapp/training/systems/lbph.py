"""Local binary pattern histograms: the texture of each part of a face, compared with known ones.

The tutorial (an OpenCV blog post) lists LBPH without figures; OpenCV counts 256 patterns in a grid
of 8 x 8 cells and takes the nearest training face by chi-square distance (Ahonen et al., 2006,
"Face Description with Local Binary Patterns"). We count the 58 uniform patterns and all others as
one (Ojala et al., 2002, section 2.3), and compare with the centres of clusters of each class
instead of every face, which would be 60 MB.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans
from torch import Tensor, nn
from torch.nn import functional as F

from ferapp.training.systems.faces import SystemData, outputs_of

_NEIGHBOURS: Final = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))
"""Row and column of the eight pixels around the one at (1, 1), in a circle."""

PATTERNS: Final = 59
_SMALL: Final = 1e-6


def uniform_numbers() -> NDArray[np.int64]:
    """The number of each of the 256 patterns, (256,): 0 to 57 if uniform, else 58.

    A pattern is uniform if its bits change at most twice around the circle.
    """
    codes = np.arange(256)
    bits = codes[:, None] >> np.arange(8) & 1
    is_uniform = (bits != np.roll(bits, 1, axis=1)).sum(axis=1) <= 2
    numbers = np.full(256, PATTERNS - 1)
    numbers[is_uniform] = np.arange(is_uniform.sum())
    return numbers


class PatternHistograms(nn.Module):
    """How often each uniform pattern occurs in each cell of a grid.

    Args:
        grid: Cells across and down.
    """

    numbers: Tensor

    def __init__(self, grid: int) -> None:
        super().__init__()
        self.grid = grid
        self.register_buffer("numbers", torch.from_numpy(uniform_numbers()))

    def forward(self, x: Tensor) -> Tensor:
        """(n, 1, h, w) to (n, cells, patterns); each row of a cell adds up to 1."""
        height, width = x.shape[-2] - 2, x.shape[-1] - 2
        centre = x[..., 1:-1, 1:-1]
        code = torch.zeros_like(centre)
        for bit, (row, column) in enumerate(_NEIGHBOURS):
            code = code + 2**bit * (x[..., row : row + height, column : column + width] >= centre)
        pattern = self.numbers[code.long()]
        is_there = (pattern == torch.arange(PATTERNS, device=x.device).view(1, -1, 1, 1)).float()
        # What does not fill a cell at the right and at the bottom is left out.
        cells = F.avg_pool2d(is_there, (height // self.grid, width // self.grid))
        return cells.flatten(2).transpose(1, 2)


class NearestHistograms(nn.Module):
    """Chi-square distances to stored histograms, as logits.

    Args:
        features: From faces to histograms, (n, cells, patterns).
        stored: Known histograms, (m, cells, patterns).
        classes: Their classes, (m,).
        count: Number of classes.
    """

    stored: Tensor
    is_other: Tensor

    def __init__(self, features: nn.Module, stored: Tensor, classes: Tensor, *, count: int) -> None:
        super().__init__()
        self.features = features
        self.register_buffer("stored", (stored * 255).round().to(torch.uint8))
        self.register_buffer("is_other", classes[None] != torch.arange(count)[:, None])

    def forward(self, x: Tensor) -> Tensor:
        """(n, 1, h, w) to (n, classes): minus the distance to the nearest of each class."""
        seen, known = self.features(x), self.stored.float() / 255
        distance = torch.zeros(1, device=x.device)
        # Cell by cell: all at once would be half a gigabyte for 64 faces.
        for cell in range(known.shape[1]):
            a, b = seen[:, cell, None], known[None, :, cell]
            distance = distance + ((a - b).square() / (a + b).clamp(min=_SMALL)).sum(dim=2)
        far = distance.max() + 1
        by_class = torch.where(self.is_other, far, distance[:, None])
        return -by_class.min(dim=2).values


@dataclass(frozen=True)
class Lbph:
    """Local binary pattern histograms and the nearest known ones.

    Attributes:
        grid: Cells across and down.
        clusters: Known histograms for each class.
        seed: Random seed of the clusters.
    """

    grid: int = 6
    clusters: int = 60
    seed: int = 0

    def fit(self, data: SystemData) -> nn.Module:
        """The network, with the centres of clusters of each class in it."""
        features = PatternHistograms(self.grid)
        seen = outputs_of(features, data.train)
        stored, classes = [], []
        for index in range(len(data.labels)):
            own = seen[data.train.classes == index]
            count = min(self.clusters, len(own))
            # Distances between square roots are close to chi-square distances.
            found = MiniBatchKMeans(count, n_init=3, batch_size=2048, random_state=self.seed)
            member_of = found.fit_predict(np.sqrt(own.reshape(len(own), -1)))
            stored += [own[member_of == cluster].mean(axis=0) for cluster in np.unique(member_of)]
            classes += [index] * len(np.unique(member_of))
        return NearestHistograms(
            features,
            torch.from_numpy(np.stack(stored)),
            torch.tensor(classes),
            count=len(data.labels),
        )

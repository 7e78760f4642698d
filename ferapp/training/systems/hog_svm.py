"""Histograms of oriented gradients, and a linear support-vector machine.

The tutorial (an OpenCV blog post) lists HOG and SVM among the classical ways, without figures. We
count the directions of edges in small cells (Dalal and Triggs, 2005, "Histograms of Oriented
Gradients for Human Detection"), normalise overlapping blocks of cells, and separate each class from
all others. The features are part of the exported graph, so training and the app can't differ.
"""

import math
from dataclasses import dataclass

import torch
from sklearn.svm import LinearSVC
from torch import Tensor, nn
from torch.nn import functional as F

from ferapp.training.systems.faces import SystemData, outputs_of
from ferapp.training.systems.projections import decision

_CLIP = 0.2
_SMALL = 1e-5


class OrientedGradients(nn.Module):
    """HOG with unsigned directions, L2-Hys blocks of 2 x 2 cells, and votes of the nearest bin.

    Args:
        cell_px: Side of a cell, px.
        bins: Number of directions in half a turn.
    """

    def __init__(self, cell_px: int, bins: int) -> None:
        super().__init__()
        self.cell_px, self.bins = cell_px, bins

    def forward(self, x: Tensor) -> Tensor:
        """(n, 1, h, w) to (n, 4 * bins * blocks), all in [0, 1]."""
        across = F.pad(x[..., :, 2:] - x[..., :, :-2], (1, 1, 0, 0))
        down = F.pad(x[..., 2:, :] - x[..., :-2, :], (0, 0, 1, 1))
        strength = (across.square() + down.square()).sqrt()
        turn = torch.atan2(down, across) / math.pi  # of half a turn, in [-1, 1]
        bin_of = torch.floor((turn - turn.floor()) * self.bins).clamp(max=self.bins - 1)
        numbers = torch.arange(self.bins, dtype=x.dtype, device=x.device).view(1, -1, 1, 1)
        votes = (bin_of == numbers) * strength
        cells = F.avg_pool2d(votes, self.cell_px)
        # The four cells of each block, beside each other as channels.
        corners = [
            cells[..., :-1, :-1],
            cells[..., :-1, 1:],
            cells[..., 1:, :-1],
            cells[..., 1:, 1:],
        ]
        blocks = torch.cat(corners, dim=1)
        return _unit_length(_unit_length(blocks).clamp(max=_CLIP)).flatten(1)


def _unit_length(blocks: Tensor) -> Tensor:
    # Not "+ _SMALL": PyTorch's exporter drops what it takes for zero, and flat faces become NaN.
    return blocks / blocks.square().sum(dim=1, keepdim=True).sqrt().clamp(min=_SMALL)


@dataclass(frozen=True)
class HogSvm:
    """HOG and a linear support-vector machine.

    Attributes:
        cell_px: Side of a cell, px.
        bins: Number of directions in half a turn.
        costs: How much an error costs against a wide margin (C); the one that is best on the faces
            to choose by is taken, the first of equals.
        tolerance: When to stop, as a share of the first violation.
        seed: Random seed.
    """

    cell_px: int = 6
    bins: int = 9
    costs: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3)
    tolerance: float = 0.02
    seed: int = 0

    def fit(self, data: SystemData) -> nn.Module:
        """The network: its logits are the margins, one class against all others."""
        features = OrientedGradients(self.cell_px, self.bins)
        train, valid = outputs_of(features, data.train), outputs_of(features, data.valid)
        machines = [
            LinearSVC(C=cost, dual=True, tol=self.tolerance, random_state=self.seed).fit(
                train, data.train.classes
            )
            for cost in self.costs
        ]
        best = max(machines, key=lambda machine: machine.score(valid, data.valid.classes))
        return nn.Sequential(features, decision(best.coef_, best.intercept_))

"""The nearest faces: what most of the training faces that look alike were called.

The tutorial (the Faster R-CNN and ResNet project) got 31.5 % of seven classes on FER2013. We keep
every training face as its coordinates among the first eigenfaces, each scaled to the same variance,
in a fiftieth of the bytes of its pixels, and let the nearest ones vote.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ferapp.training.systems.faces import SystemData, outputs_of
from ferapp.training.systems.projections import eigenface_space


class NearestFaces(nn.Module):
    """Shares of the classes among the nearest of some stored faces, as logits.

    Args:
        space: From a face to its coordinates, (n, d).
        points: Coordinates of the stored faces, (m, d).
        classes: Their classes, (m,).
        count: Number of classes.
        neighbours: How many faces vote.
    """

    points: Tensor
    classes: Tensor
    priors: Tensor

    def __init__(
        self, space: nn.Module, points: Tensor, classes: Tensor, *, count: int, neighbours: int
    ) -> None:
        super().__init__()
        self.space, self.neighbours = space, neighbours
        self.scale = float(points.abs().max()) / 127
        # Unsigned: some processors multiply signed eight-bit numbers of this size wrongly.
        self.register_buffer("points", ((points / self.scale).round() + 127).to(torch.uint8))
        self.register_buffer("classes", classes.to(torch.uint8))
        priors = torch.bincount(classes, minlength=count) / len(classes)
        self.register_buffer("priors", priors.float())

    def forward(self, x: Tensor) -> Tensor:
        """(n, 1, h, w) to (n, classes)."""
        points = (self.points.float() - 127) * self.scale
        at = self.space(x)
        near = at @ points.T - 0.5 * points.square().sum(dim=1)  # larger is nearer
        nearest = near.topk(self.neighbours, dim=1).indices
        numbers = torch.arange(len(self.priors), device=x.device)
        votes = (self.classes[nearest].long()[..., None] == numbers).float().sum(dim=1)
        # One vote is shared out as the training faces are, so that no class is impossible.
        return torch.log(votes + self.priors)


@dataclass(frozen=True)
class Knn:
    """Nearest neighbours among the eigenfaces.

    Attributes:
        components: Number of eigenfaces.
        neighbours: How many faces vote.
        seed: Random seed of the decomposition.
    """

    components: int = 48
    neighbours: int = 9
    seed: int = 0

    def fit(self, data: SystemData) -> nn.Module:
        """The network, which has all training faces in it."""
        space = eigenface_space(data.train, self.components, seed=self.seed)
        points = torch.from_numpy(outputs_of(space, data.train))
        return NearestFaces(
            space,
            points,
            torch.from_numpy(np.asarray(data.train.classes)),
            count=len(data.labels),
            neighbours=self.neighbours,
        )

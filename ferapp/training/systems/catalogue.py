"""The systems by name, each with the configuration that its shipped weights were made with."""

from typing import Final, Protocol

from torch import nn

from ferapp.training.systems.eigenfaces import EigenfacesMean, EigenfacesSvm
from ferapp.training.systems.faces import SystemData
from ferapp.training.systems.fisherfaces import Fisherfaces
from ferapp.training.systems.hog_svm import HogSvm
from ferapp.training.systems.knn import Knn
from ferapp.training.systems.lbph import Lbph
from ferapp.training.systems.mlp import Mlp
from ferapp.training.systems.three_layer_cnn import ThreeLayerCnn


class System(Protocol):
    """A configuration, which is a frozen dataclass, and how it learns."""

    @property
    def seed(self) -> int:
        """Random seed of everything in it."""
        ...

    def fit(self, data: SystemData) -> nn.Module:
        """Learn, and return a network from faces, (n, 1, 48, 48), to logits, (n, classes)."""
        ...


SYSTEMS: Final[dict[str, System]] = {
    "eigenfaces-mean": EigenfacesMean(),
    "eigenfaces-svm": EigenfacesSvm(),
    "fisherfaces": Fisherfaces(),
    "lbph": Lbph(),
    "hog-svm": HogSvm(),
    "knn": Knn(),
    "mlp": Mlp(),
    "cnn-3": ThreeLayerCnn(),
}
"""From the simplest to the best."""

"""A multilayer perceptron on the pixels.

The tutorial (the Faster R-CNN and ResNet project) got 22.8 % of seven classes on FER2013. A face
that is moved by a pixel is another vector, and nothing in a perceptron knows that it is the same
face. We halve the size of the faces, bring them to equal contrast, drop units in training, and show
each face moved, turned, mirrored and relit.
"""

from dataclasses import dataclass, field

import torch
from torch import nn

from ferapp.training.systems.descent import Descent, train_by_descent
from ferapp.training.systems.faces import SystemData
from ferapp.training.systems.projections import EqualContrast


@dataclass(frozen=True)
class Mlp:
    """Two hidden layers.

    Attributes:
        hidden: Units of each hidden layer.
        dropout: Share of units dropped in training.
        descent: How it learns.
        seed: Random seed.
    """

    hidden: tuple[int, int] = (384, 128)
    dropout: float = 0.2
    descent: Descent = field(default_factory=lambda: Descent(epochs=25))
    seed: int = 0

    def fit(self, data: SystemData) -> nn.Module:
        """The trained network."""
        torch.manual_seed(self.seed)
        first, second = self.hidden
        network = nn.Sequential(
            nn.AvgPool2d(2),
            EqualContrast(),
            nn.Linear(24 * 24, first),
            nn.ReLU(),
            nn.Dropout(self.dropout),
            nn.Linear(first, second),
            nn.ReLU(),
            nn.Dropout(self.dropout),
            nn.Linear(second, len(data.labels)),
        )
        return train_by_descent(network, data, "mlp", self, self.descent)

"""A convolutional network of three layers.

The tutorial (the Faster R-CNN and ResNet project) got 54.8 % of seven classes on FER2013 with Adam
at 0.001 and cross-entropy; how wide its layers are it does not say. Ours have 24, 48 and 96
channels, batch norm and dropout, and see each face moved, turned, mirrored and relit. Rate and loss
are the same; the optimizer is AdamW.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch import nn

from ferapp.training.runs import channels_last
from ferapp.training.systems.descent import Descent, train_by_descent
from ferapp.training.systems.faces import SPEC, SystemData


@dataclass(frozen=True)
class ThreeLayerCnn:
    """Three convolutions, each followed by pooling, and one hidden layer.

    Attributes:
        channels: Of each convolution.
        hidden: Units of the hidden layer.
        dropout: Share of units dropped in training before each dense layer.
        descent: How it learns.
        seed: Random seed.
    """

    channels: tuple[int, int, int] = (24, 48, 96)
    hidden: int = 128
    dropout: float = 0.25
    descent: Descent = field(default_factory=lambda: Descent(epochs=14))
    seed: int = 0

    def fit(self, data: SystemData) -> nn.Module:
        """The trained network."""
        torch.manual_seed(self.seed)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise((SPEC.channels, *self.channels)):
            # Pooling comes first, so that batch norm has a quarter of the work.
            layers += [
                nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
                nn.MaxPool2d(2),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
            ]
        side = SPEC.size_wh[0] // 8
        network = nn.Sequential(
            *layers,
            nn.Flatten(),
            nn.Dropout(self.dropout),
            nn.Linear(self.channels[-1] * side * side, self.hidden),
            nn.ReLU(),
            nn.Dropout(self.dropout),
            nn.Linear(self.hidden, len(data.labels)),
        )
        return train_by_descent(channels_last(network), data, "cnn-3", self, self.descent)

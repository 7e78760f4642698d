"""Eigenfaces: a face as a sum of the principal components of all faces.

The tutorial (an OpenCV blog post) lists eigenfaces among the classical ways, without figures. They
were made for telling people apart (Turk and Pentland, 1991), and who it is makes up much of what
differs between faces. We bring all faces to equal contrast, keep the first components and decide
in two ways: the nearest mean of a class, as in the paper, and a linear support-vector machine.
OpenCV's own implementation takes the nearest training face and gives no probabilities.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.svm import LinearSVC
from torch import nn

from ferapp.training.systems.faces import SystemData, outputs_of
from ferapp.training.systems.projections import decision, eigenface_space, linear


@dataclass(frozen=True)
class EigenfacesMean:
    """Nearest class mean among the eigenfaces.

    Attributes:
        components: Number of eigenfaces.
        seed: Random seed of the decomposition.
    """

    components: int = 64
    seed: int = 0

    def fit(self, data: SystemData) -> nn.Module:
        """The network: logits grow as the distance to the mean of a class shrinks."""
        space = eigenface_space(data.train, self.components, seed=self.seed)
        points = outputs_of(space, data.train)
        means = np.stack([points[data.train.classes == c].mean(0) for c in range(len(data.labels))])
        # Minus half the squared distance, without the term that all classes share.
        return nn.Sequential(space, linear(means, -0.5 * np.square(means).sum(axis=1)))


@dataclass(frozen=True)
class EigenfacesSvm:
    """A linear support-vector machine among the eigenfaces.

    Attributes:
        components: Number of eigenfaces.
        cost: How much an error costs against a wide margin (C).
        seed: Random seed.
    """

    components: int = 128
    cost: float = 0.01
    seed: int = 0

    def fit(self, data: SystemData) -> nn.Module:
        """The network: its logits are the margins, one class against all others."""
        space = eigenface_space(data.train, self.components, seed=self.seed)
        machine = LinearSVC(C=self.cost, dual=False, random_state=self.seed)
        machine.fit(outputs_of(space, data.train), data.train.classes)
        return nn.Sequential(space, decision(machine.coef_, machine.intercept_))

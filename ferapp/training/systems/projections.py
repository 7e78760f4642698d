"""What the linear systems share: faces of equal contrast, and linear maps found elsewhere."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from torch import Tensor, nn

from ferapp.training.systems.faces import GreyFaces, outputs_of

# Keeps faces of one colour finite.
_LEAST_STD = 1e-3


class EqualContrast(nn.Module):
    """Each face as a row with mean 0 and standard deviation 1, so that light matters less."""

    def forward(self, x: Tensor) -> Tensor:
        """(n, 1, h, w) to (n, h * w)."""
        rows = x.flatten(1)
        centred = rows - rows.mean(dim=1, keepdim=True)
        return centred / (centred.square().mean(dim=1, keepdim=True).sqrt() + _LEAST_STD)


def linear(weight: NDArray[Any], bias: NDArray[Any]) -> nn.Linear:
    """The map x to weight x + bias.

    Args:
        weight: (outputs, inputs).
        bias: (outputs,).
    """
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight))
        layer.bias.copy_(torch.from_numpy(bias))
    return layer


def decision(coefficients: NDArray[Any], intercepts: NDArray[Any]) -> nn.Linear:
    """What a linear classifier of scikit-learn decides by, with one output for each class.

    Args:
        coefficients: (classes, inputs); (1, inputs) of the second class, if there are two.
        intercepts: (classes,) or (1,).
    """
    if len(coefficients) > 1:
        return linear(coefficients, intercepts)
    halves = np.array([-0.5, 0.5])
    return linear(halves[:, None] * coefficients, halves * intercepts)


def eigenface_space(faces: GreyFaces, components: int, *, seed: int) -> nn.Sequential:
    """The map from a face to its coordinates among the eigenfaces, each of variance 1.

    Eigenfaces are the principal components of faces (Turk and Pentland, 1991, "Eigenfaces for
    Recognition").

    Args:
        faces: Whose components.
        components: How many.
        seed: Of the randomised decomposition.
    """
    contrast = EqualContrast()
    found = PCA(components, svd_solver="randomized", random_state=seed)
    found.fit(outputs_of(contrast, faces))
    scaled = found.components_ / found.explained_variance_[:, None] ** 0.5
    return nn.Sequential(contrast, linear(scaled, -scaled @ found.mean_))

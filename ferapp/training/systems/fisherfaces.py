"""Fisherfaces: the directions in which classes differ most, compared with the spread within each.

The tutorial (an OpenCV blog post) lists them without figures. Belhumeur et al. (1997, "Eigenfaces
vs. Fisherfaces") first reduce the faces to principal components, so that the spread within classes
can be inverted, then find at most one direction fewer than there are classes. We do the same and
decide between Gaussian classes of equal spread, common ones being more likely; OpenCV's own
implementation takes the nearest training face.
"""

from dataclasses import dataclass

from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from torch import nn

from ferapp.training.systems.faces import SystemData, outputs_of
from ferapp.training.systems.projections import decision, eigenface_space, linear


@dataclass(frozen=True)
class Fisherfaces:
    """Principal components, then linear discriminants.

    Attributes:
        components: Number of principal components.
        seed: Random seed of the decomposition.
    """

    components: int = 256
    seed: int = 0

    def fit(self, data: SystemData) -> nn.Module:
        """The network: its logits are the log probabilities up to a constant."""
        space = eigenface_space(data.train, self.components, seed=self.seed)
        found = LinearDiscriminantAnalysis()
        found.fit(outputs_of(space, data.train), data.train.classes)
        to_logits = decision(found.coef_, found.intercept_)
        # Both maps in one: from pixels to as many numbers as there are classes.
        first = space[1]
        assert isinstance(first, nn.Linear)
        weight = to_logits.weight @ first.weight
        bias = to_logits.weight @ first.bias + to_logits.bias
        return nn.Sequential(space[0], linear(weight.detach().numpy(), bias.detach().numpy()))

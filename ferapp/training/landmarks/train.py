"""Train the landmark network on faces with 68 labelled points.

Read it from top to bottom: the recipe, the loss, the run.
"""

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ferapp.evaluation.landmarked_faces import load_landmarked
from ferapp.evaluation.landmarks import evaluate_landmarks
from ferapp.inference.landmarks.finder import LandmarkFinder
from ferapp.training.landmarks.views import StoredFaces, ViewRecipe, views_of
from ferapp.training.learner import Learner, Schedule
from ferapp.training.networks import LandmarkNet
from ferapp.training.runs import (
    AveragedWeights,
    Run,
    channels_last,
    description,
    is_best,
    parameter_groups,
)
from ferapp.types import ProgressCallback, no_report
from ferapp.vision.landmarks import COUNT


@dataclass(frozen=True)
class LandmarkRecipe:
    """Everything that determines a trained landmark network.

    Attributes:
        view: How faces are shown.
        views: Total number of training pictures.
        round_views: Pictures between two measurements on the held-out people.
        batch_size: Pictures per step.
        learning_rate: The maximum; it rises for 200 steps and falls as a cosine.
        weight_decay: Applied to weights, not to biases or batch norm.
        average: Decay of the averaged weights, which are evaluated and saved.
        wing_px: Where the loss turns from a logarithm to a line, px of the input (Feng et al.,
            2018, "Wing Loss for Robust Facial Landmark Localisation", equation 5: w).
        wing_curve_px: How sharp the logarithm is, px (there: epsilon).
        open_mouths: How much more often than others faces are shown whose lips are as far apart as
            `WIDE_OPEN`; those between in proportion.
        doubt_weight: Weight of the loss of the error to expect.
        seed: Random seed of weights, order and augmentation.
    """

    view: ViewRecipe = field(default_factory=ViewRecipe)
    views: int = 160_000
    round_views: int = 6_400
    batch_size: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 1e-3
    average: float = 0.998
    wing_px: float = 6.0
    wing_curve_px: float = 2.0
    open_mouths: float = 0.0
    doubt_weight: float = 0.2
    seed: int = 0


WIDE_OPEN: Final = 0.15
"""Distance of the lips over that of the eyes; one training face in seven has a larger one."""

RECIPES: Final = {
    "base": LandmarkRecipe(),
    # To continue from a checkpoint of "base", which hardly opens the mouths that it finds: more
    # open ones, more second looks, smaller steps.
    "mouths": LandmarkRecipe(
        view=ViewRecipe(close=0.7), views=76_800, learning_rate=1.5e-3, open_mouths=4.0
    ),
}


def landmark_loss(
    found: tuple[Tensor, Tensor, Tensor], true: Tensor, is_learnt: Tensor, recipe: LandmarkRecipe
) -> Tensor:
    """Wing loss of the points, and how well the network knows its errors.

    The latter is the negative logarithm of a Laplace distribution of the distances (Kendall and
    Gal, 2017, "What Uncertainties Do We Need", section 3.2), which does not move the points.
    """
    points, log_error, _ = found
    w, curve, side = recipe.wing_px, recipe.wing_curve_px, recipe.view.side
    gap = (points - true).abs() * side
    offset = w - w * math.log1p(w / curve)
    wing = torch.where(gap < w, w * torch.log1p(gap / curve), gap - offset)
    per_face = wing.mean(dim=(1, 2)) * is_learnt
    distance = (points.detach() - true).norm(dim=2) * side
    log_px = log_error + math.log(side)
    doubt: Tensor = (distance * torch.exp(-log_px) + log_px).mean()
    learnt: Tensor = per_face.sum() / is_learnt.sum().clamp_min(1)
    return learnt + recipe.doubt_weight * doubt


def train_landmarks(
    data: Path,
    out: Path,
    recipe: LandmarkRecipe = LandmarkRecipe(),
    *,
    start: Path | None = None,
    report: ProgressCallback = no_report,
) -> Path:
    """Train on people of one part, select on others; a killed run is resumed.

    Args:
        data: See `ferapp.evaluation.landmarked_faces.load_landmarked`.
        out: The folder of the run.
        recipe: The recipe.
        start: A checkpoint whose averaged weights are the initial weights, instead of random ones.
        report: Called after each step with the number of steps done and in total.

    Returns:
        The best checkpoint, by the normalised mean error of the averaged weights.

    Raises:
        DataError: The layout of the data is wrong, or the folder holds a run of another recipe.
    """
    train, valid = load_landmarked(data, "train"), load_landmarked(data, "valid")
    faces = StoredFaces.of(train)
    torch.manual_seed(recipe.seed)
    network = channels_last(LandmarkNet(COUNT))
    if start is not None:
        network.load_state_dict(torch.load(start, weights_only=True)["weights"])
    optimizer = torch.optim.AdamW(parameter_groups(network, recipe.weight_decay))
    average = AveragedWeights(network, recipe.average)
    rng = torch.Generator().manual_seed(recipe.seed)
    learner = Learner(network, optimizer, average, rng, max_gradient_norm=20.0)
    labels = [str(i) for i in range(COUNT)]
    run = Run(out, description("landmarks", recipe, labels, train.sha256))
    steps = recipe.round_views // recipe.batch_size
    schedule = Schedule(recipe.views // recipe.round_views, steps, recipe.learning_rate, 200)
    for index in range(learner.resume(run), schedule.rounds):
        started = time.monotonic()
        losses = _losses(network, faces, recipe, steps, rng)
        loss, rate = learner.train_round(index, losses, schedule, report)
        figures = evaluate_landmarks(valid, torch_finder(average.state, recipe.view))
        row = {
            "round": index + 1,
            "loss": loss,
            "valid_nme": figures["nme"],
            "valid_failure_rate": figures["failure_rate"],
            "learning_rate": rate,
            "seconds": time.monotonic() - started,
        }
        run.log({**row, "valid_score": 1 - row["valid_nme"]})
        run.save(learner.state(index + 1), is_best=is_best(run.history, "valid_score"))
    return run.folder / "best.pt"


def _losses(
    network: LandmarkNet,
    faces: StoredFaces,
    recipe: LandmarkRecipe,
    steps: int,
    rng: torch.Generator,
) -> Iterator[Tensor]:
    """The loss of each step, one at a time.

    In float32: for so few channels it is also faster than bfloat16 without matrix units (AMX).
    """
    spec = recipe.view.spec
    openness = (faces.mouth_openings() / WIDE_OPEN).clamp(max=1)
    often = 1 + recipe.open_mouths * openness
    for _ in range(steps):
        indices = torch.multinomial(often, recipe.batch_size, replacement=True, generator=rng)
        pixels, points, is_learnt = views_of(faces, indices, recipe.view, rng)
        inputs = ((pixels * 255 - spec.mean) / spec.std).contiguous(
            memory_format=torch.channels_last
        )
        yield landmark_loss(network(inputs), points, is_learnt, recipe)


def landmark_network(weights: Mapping[str, Any]) -> LandmarkNet:
    """A trained network, ready to be used."""
    network = LandmarkNet(COUNT)
    network.load_state_dict(weights)
    return network.eval()


def torch_finder(weights: Mapping[str, Any], view: ViewRecipe) -> LandmarkFinder:
    """Finds landmarks as the app will, with a network that has not been exported."""
    return LandmarkFinder(_TorchSession(weights), view.spec, padding=view.padding)


class _TorchSession:
    """Runs a network on arrays."""

    def __init__(self, weights: Mapping[str, Any]) -> None:
        self._network = channels_last(landmark_network(weights))

    @torch.no_grad()
    def run(self, batch: NDArray[np.float32], /) -> list[NDArray[np.float32]]:
        return [out.numpy() for out in self._network(torch.from_numpy(batch))]

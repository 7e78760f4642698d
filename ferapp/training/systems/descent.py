"""Trains the systems that learn step by step: those of the tutorials with layers."""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ferapp.evaluation.metrics import accuracy, macro_recall
from ferapp.training.augmentation import FaceAugmentation, augment
from ferapp.training.learner import Learner, Schedule
from ferapp.training.runs import AveragedWeights, Run, description, has_bfloat16, is_best
from ferapp.training.systems.faces import SPEC, GreyFaces, SystemData, outputs_of
from ferapp.types import no_report

logger = logging.getLogger(__name__)

SMALL_CHANGES = FaceAugmentation(low_resolution=0, erase=0, mix=0)
"""Faces are moved, turned, mirrored and relit, and no more."""


@dataclass(frozen=True)
class Descent:
    """How a network learns.

    Attributes:
        epochs: How often each face is seen.
        batch_size: Faces per step.
        learning_rate: The maximum, of Adam; it rises for half an epoch and falls as a cosine.
        weight_decay: Of AdamW.
        average: Decay of the averaged weights.
        augmentation: How faces are changed; None for not at all.
    """

    epochs: int
    batch_size: int = 128
    learning_rate: float = 0.001
    weight_decay: float = 0.01
    average: float = 0.998
    augmentation: FaceAugmentation | None = field(default=SMALL_CHANGES)


def train_by_descent(
    network: nn.Module, data: SystemData, name: str, recipe: Any, descent: Descent
) -> nn.Module:
    """Train on single labels by cross-entropy, and keep the epoch that is best on Valid.

    A killed run is resumed.

    Args:
        network: With logits as outputs.
        data: The faces, and the folder of the run.
        name: Of the system.
        recipe: What determines the result, a dataclass with a seed.
        descent: How it learns.

    Raises:
        DataError: The folder holds a run of another recipe.
    """
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=descent.learning_rate, weight_decay=descent.weight_decay
    )
    average = AveragedWeights(network, descent.average)
    learner = Learner(network, optimizer, average, torch.Generator().manual_seed(recipe.seed))
    run = Run(data.out, description(name, recipe, data.labels, data.sha256))
    steps = len(data.train) // descent.batch_size or 1
    schedule = Schedule(descent.epochs, steps, descent.learning_rate, warmup=max(steps // 2, 1))
    for epoch in range(learner.resume(run), descent.epochs):
        started = time.monotonic()
        losses = _losses(network, data.train, descent, steps, learner.rng)
        loss, _ = learner.train_round(epoch, losses, schedule, no_report)
        current = {k: v.clone() for k, v in network.state_dict().items()}
        network.load_state_dict(average.state)
        logits = outputs_of(network, data.valid)
        network.load_state_dict(current)
        run.log(
            {
                "epoch": epoch + 1,
                "loss": loss,
                "valid_accuracy": accuracy(data.valid.classes, logits),
                "valid_macro_recall": macro_recall(data.valid.classes, logits),
                "seconds": time.monotonic() - started,
            }
        )
        run.save(learner.state(epoch + 1), is_best=is_best(run.history, "valid_accuracy"))
    best = torch.load(run.folder / "best.pt", weights_only=True)
    network.load_state_dict(best["weights"])
    return network.eval()


def _losses(
    network: nn.Module, faces: GreyFaces, descent: Descent, steps: int, rng: torch.Generator
) -> Iterator[Tensor]:
    """The loss of each batch of an epoch, one at a time."""
    order = torch.randperm(len(faces), generator=rng)
    classes = torch.from_numpy(faces.classes)
    for indices in torch.split(order, descent.batch_size)[:steps]:
        pixels = faces.pixels[indices].float()
        if descent.augmentation is not None:
            pixels = 255 * augment(pixels / 255, pixels.shape[-1], descent.augmentation, rng)
        with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
            logits = network((pixels - SPEC.mean) / SPEC.std).float()
        yield F.cross_entropy(logits, classes[indices])

"""Train the expression classifier on the vote distribution of FER+.

Read it from top to bottom: the recipe, the run, the loss of a batch.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ferapp.errors import DataError, InvalidValue
from ferapp.evaluation.data_sets import load_split
from ferapp.evaluation.labelled_faces import (
    LabelledFaces,
    Omission,
    data_text,
    keep_classes,
    left_out_error,
)
from ferapp.evaluation.metrics import accuracy, macro_recall
from ferapp.training.augmentation import FaceAugmentation, augment, mix
from ferapp.training.learner import Learner, Schedule
from ferapp.training.networks import ExpressionNet
from ferapp.training.runs import (
    AveragedWeights,
    Run,
    channels_last,
    description,
    has_bfloat16,
    is_best,
    parameter_groups,
)
from ferapp.types import ProgressCallback, no_report
from ferapp.vision.preprocess import InputSpec, batch

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExpressionRecipe:
    """Everything that determines a trained expression classifier.

    Attributes:
        sizes: Side of the training faces, px, and number of epochs; the last side is that of the
            exported network. Small faces come first: an epoch at 32 px takes half as long as one
            at 48.
        batch_size: Faces per step.
        learning_rate: The maximum; it rises for two epochs and falls as a cosine.
        weight_decay: Applied to weights, not to biases or batch norm.
        average: Decay of the averaged weights, which are evaluated and saved.
        balance: How much more often faces of rare classes are drawn, from 0 (not more often) to 1
            (all classes equally often).
        patience: Stop after this many epochs of the last size without a better accuracy on Valid.
        unmixed: Number of epochs at the end without mixing, so that the network finally sees
            unmixed faces.
        augmentation: How faces are changed.
        classes: Class names to keep; empty for all.
        seed: Random seed of weights, order and augmentation.
    """

    sizes: tuple[tuple[int, int], ...] = ((32, 12), (40, 12), (48, 16))
    batch_size: int = 128
    learning_rate: float = 0.05
    weight_decay: float = 5e-4
    average: float = 0.999
    balance: float = 0.2
    patience: int = 8
    unmixed: int = 5
    augmentation: FaceAugmentation = field(default_factory=FaceAugmentation)
    classes: tuple[str, ...] = ()
    seed: int = 0

    @property
    def epochs(self) -> int:
        """Total number of epochs."""
        return sum(epochs for _, epochs in self.sizes)

    def stage(self, epoch: int) -> tuple[int, int]:
        """Side of the training faces in an epoch, px, and how many epochs have had it by then."""
        for size, epochs in self.sizes:
            if epoch < epochs:
                return size, epoch + 1
            epoch -= epochs
        raise InvalidValue(f"the recipe has {self.epochs} epochs")

    def spec(self, size: int | None = None) -> InputSpec:
        """The input of the network, by default at its final size."""
        side = size or self.sizes[-1][0]
        return InputSpec(size_wh=(side, side), colour="grey", mean=127.5, std=64.0)


def train_expressions(
    data: str | Path,
    out: str | Path,
    recipe: ExpressionRecipe = ExpressionRecipe(),
    *,
    key: Mapping[str, str] | None = None,
    may_leave_out: bool = False,
    report_data: Callable[[str], None] | None = None,
    report: ProgressCallback = no_report,
) -> Path:
    """Train on the Train split, select on the Valid split; a killed run is resumed.

    Args:
        data: FER+, folders of classes or a table of pixels, with the splits Train and Valid.
        out: The folder of the run.
        recipe: The recipe.
        key: See `ferapp.evaluation.data_sets.load_split`.
        may_leave_out: Whether to train although some pictures can't be used.
        report_data: Called once, before the training, with what was read as what and left out.
        report: Called after each step with the number of steps done and in total.

    Returns:
        The best checkpoint, by the accuracy of the averaged weights on Valid.

    Raises:
        DataError: The layout of the data set is wrong, pictures can't be used, or the folder holds
            a run of another recipe.
    """
    train, valid, left_out = _training_faces(data, recipe.classes, key, may_leave_out)
    if report_data is not None:
        report_data(data_text({"Train": train, "Valid": valid}, left_out))
    torch.manual_seed(recipe.seed)
    network = channels_last(ExpressionNet(len(train.labels)))
    optimizer = torch.optim.SGD(
        parameter_groups(network, recipe.weight_decay),
        lr=recipe.learning_rate,
        momentum=0.9,
        nesterov=True,
    )
    average = AveragedWeights(network, recipe.average)
    learner = Learner(network, optimizer, average, torch.Generator().manual_seed(recipe.seed))
    run = Run(Path(out), description("expressions", recipe, train.labels, train.sha256))
    first = learner.resume(run)

    pixels = torch.from_numpy(_grey_pixels(train, recipe))
    targets = torch.from_numpy(train.targets)
    weights = _sampling_weights(train, recipe.balance)
    steps = len(train) // recipe.batch_size or 1
    schedule = Schedule(recipe.epochs, steps, recipe.learning_rate, warmup=2 * steps)
    for epoch in range(first, schedule.rounds):
        started = time.monotonic()
        size, stage_epochs = recipe.stage(epoch)
        mixes = epoch < recipe.epochs - recipe.unmixed
        order = torch.multinomial(weights, len(train), replacement=True, generator=learner.rng)
        if not recipe.balance:
            order = torch.randperm(len(train), generator=learner.rng)
        batches = ((pixels[i], targets[i]) for i in torch.split(order, recipe.batch_size)[:steps])
        losses = _losses(network, batches, recipe, size, learner.rng, mixes=mixes)
        loss, rate = learner.train_round(epoch, losses, schedule, report)
        shares = probabilities(average.state, valid, recipe.spec(size))
        run.log(
            {
                "epoch": epoch + 1,
                "loss": loss,
                "valid_accuracy": accuracy(valid.classes, shares),
                "valid_macro_recall": macro_recall(valid.classes, shares),
                "learning_rate": rate,
                "seconds": time.monotonic() - started,
            }
        )
        # Only epochs at the size that ships can be the best.
        stage = run.history[-stage_epochs:]
        run.save(learner.state(epoch + 1), is_best=is_best(stage, "valid_accuracy"))
        is_last_size = epoch - stage_epochs + 1 == recipe.epochs - recipe.sizes[-1][1]
        if is_last_size and _epochs_since_best(stage) >= recipe.patience:
            logger.info("stopped early: no better in %d epochs", recipe.patience)
            break
    return run.folder / "best.pt"


def _training_faces(
    data: str | Path,
    classes: tuple[str, ...],
    key: Mapping[str, str] | None,
    may_leave_out: bool,
) -> tuple[LabelledFaces, LabelledFaces, list[Omission]]:
    """The faces of Train and Valid, of the same classes, and what was left out."""
    train = load_split(data, "Train", majority_only=False, classes=classes, key=key)
    valid = load_split(data, "Valid", majority_only=True, key=key)
    left_out = [*train.left_out, *valid.left_out]
    for name, count in zip(valid.labels, np.bincount(valid.classes), strict=False):
        if not classes and name not in train.labels:
            left_out.append(Omission(f"Valid/{name}", int(count), "Train has no such class"))
    if left_out and not may_leave_out:
        raise left_out_error(data, left_out)
    if len(train.labels) < 2:
        raise DataError(f"{data}: expected at least two classes, found {', '.join(train.labels)}.")
    return train, keep_classes(valid, train.labels), left_out


def _losses(
    network: ExpressionNet,
    batches: Iterable[tuple[Tensor, Tensor]],
    recipe: ExpressionRecipe,
    size: int,
    rng: torch.Generator,
    *,
    mixes: bool,
) -> Iterator[Tensor]:
    """The loss of each batch, one at a time.

    Args:
        network: In training mode.
        batches: Grey faces, (n, 1, h, w) uint8, and shares of votes, (n, classes).
        recipe: The recipe.
        size: Side of the training faces, px.
        rng: Random number generator.
        mixes: Whether faces are mixed.
    """
    spec = recipe.spec()
    for pixels, targets in batches:
        faces = augment(pixels.float() / 255, size, recipe.augmentation, rng)
        if mixes:
            faces, targets = mix(faces, targets, recipe.augmentation, rng)
        inputs = (faces * 255 - spec.mean) / spec.std
        with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
            logits = network(inputs.contiguous(memory_format=torch.channels_last))
        yield F.cross_entropy(logits.float(), targets)


@torch.no_grad()
def probabilities(
    weights: dict[str, Tensor], faces: LabelledFaces, spec: InputSpec
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Softmax outputs of a classifier, (n, classes) float32."""
    network = ExpressionNet(len(faces.labels))
    network.load_state_dict(weights)
    channels_last(network.eval())
    inputs = torch.from_numpy(batch(faces.images_rgb, spec))
    with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
        logits = [
            network(part.contiguous(memory_format=torch.channels_last)).float()
            for part in torch.split(inputs, 256)
        ]
    return torch.cat(logits).softmax(dim=1).numpy()


def _grey_pixels(
    faces: LabelledFaces, recipe: ExpressionRecipe
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    spec = recipe.spec()
    plain = InputSpec(size_wh=spec.size_wh, colour="grey", mean=0, std=1)
    return batch(faces.images_rgb, plain).astype(np.uint8)


def _sampling_weights(faces: LabelledFaces, balance: float) -> Tensor:
    counts = np.bincount(faces.classes, minlength=len(faces.labels))
    return torch.from_numpy((1.0 / counts[faces.classes]) ** balance)


def _epochs_since_best(history: list[dict[str, float]]) -> int:
    scores = [row["valid_accuracy"] for row in history]
    return len(scores) - 1 - int(np.argmax(scores))

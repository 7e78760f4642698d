"""Train the expression classifier on the vote distribution of FER+.

Read it from top to bottom: the recipes, the run, the loss of a batch.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ferapp.errors import InvalidValue
from ferapp.evaluation.labelled_faces import LabelledFaces
from ferapp.evaluation.metrics import accuracy, macro_recall
from ferapp.training.augmentation import FaceAugmentation, augment, mix
from ferapp.training.camera import Camera, seen_by_camera
from ferapp.training.expression_data import (
    OtherData,
    TrainingFaces,
    grey_pixels,
    training_data,
)
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
from ferapp.training.starts import Start
from ferapp.types import ProgressCallback, no_report
from ferapp.vision.preprocess import InputSpec

logger = logging.getLogger(__name__)

# Small, because a camera's distance and compression are those of a batch.
_VALID_BATCH: Final = 64


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
        channels: Channels of each stage of the network.
        drop_path: Share of residuals dropped in its last block.
        mirror: Weight of the difference between what the network says about a face and about its
            mirror image, each seen by a camera of its own. With 0 it is shown no mirror images;
            otherwise a step takes twice as long, and one look at a face comes to be enough.
        camera: Light, noise and compression; None for none. With a camera, the checkpoint is chosen
            by the mean of the accuracy on Valid as it is and as the camera sees it.
        epoch_share: Share of the faces that an epoch shows. A checkpoint follows each epoch.
        batch_norm: Whether the network has batch norm. One without it can only start from finished
            weights.
        keep: Share of what the finished classifier says about a face in the target, in a training
            that starts from its weights. The rest are the votes.
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
    channels: tuple[int, ...] = (32, 64, 128, 256)
    drop_path: float = 0.05
    mirror: float = 0.0
    camera: Camera | None = None
    epoch_share: float = 1.0
    batch_norm: bool = True
    keep: float = 0.0
    classes: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the sizes."""
        if self.camera and any(side % 8 for side, _ in self.sizes):
            raise InvalidValue("with a camera, sizes have to be multiples of 8")

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
        return InputSpec(size_wh=(side, side), colour="grey", mean=127.5, std=64.0, denoise=True)

    def starting_from(self, start: Start | None) -> "ExpressionRecipe":
        """The recipe with the width of the classifier to start from; None for random weights.

        Raises:
            InvalidValue: It has batch norm and there is a start, or neither.
        """
        if self.batch_norm != (start is None):
            raise InvalidValue(
                "a recipe with batch norm starts from random weights, one without from a finished "
                "classifier"
            )
        return self if start is None else replace(self, channels=start.channels)

    def network(self, classes: int, sources: int = 1) -> ExpressionNet:
        """A new network."""
        return ExpressionNet(
            classes,
            self.channels,
            drop_path=self.drop_path,
            sources=sources,
            batch_norm=self.batch_norm,
        )


RECIPES: Final = {
    "base": ExpressionRecipe(),
    "strong": ExpressionRecipe(
        # Each face is seen twice in an epoch: as it is, and mirrored.
        sizes=((32, 8), (40, 6), (48, 7)),
        batch_size=64,
        unmixed=3,
        channels=(48, 96, 192, 320),
        drop_path=0.1,
        mirror=1.0,
        camera=Camera(),
    ),
    "refine": ExpressionRecipe(
        # A twelfth of the faces, each seen twice, as it is and mirrored.
        sizes=((48, 5),),
        epoch_share=1 / 12,
        batch_size=64,
        learning_rate=0.004,
        average=0.98,
        unmixed=5,
        mirror=1.0,
        camera=Camera(gain=0.5, noise=0.5),
        batch_norm=False,
        keep=0.5,
    ),
}
"""By name: that of the default classifier; one that takes over twice as long; and a short one that
starts from finished weights."""


def train_expressions(
    data: str | Path,
    out: str | Path,
    recipe: ExpressionRecipe = ExpressionRecipe(),
    *,
    start: Start | None = None,
    others: Sequence[OtherData] = (),
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
        start: A finished classifier whose weights are the initial weights, instead of random ones;
            for recipes without batch norm, which need one. Its width replaces that of the recipe.
        others: Faces of other sources, mixed into Train. Each source has a bias of its own, which
            the classifier that is exported does not have.
        key: See `ferapp.evaluation.data_sets.load_split`.
        may_leave_out: Whether to train although some pictures can't be used.
        report_data: Called once, before the training, with what was read as what and left out.
        report: Called after each step with the number of steps done and in total.

    Returns:
        The best checkpoint, by the accuracy of the averaged weights on Valid.

    Raises:
        DataError: The layout of the data set is wrong, pictures can't be used, the start knows none
            of the classes, or the folder holds a run of another recipe.
        InvalidValue: The recipe has batch norm and there is a start, or neither.
    """
    recipe = recipe.starting_from(start)
    found = training_data(
        data, others, classes=recipe.classes, key=key, may_leave_out=may_leave_out
    )
    if report_data is not None:
        report_data(found.text())
    labels, valid = found.train.labels, found.valid
    torch.manual_seed(recipe.seed)
    network = channels_last(recipe.network(len(labels), 1 + len(others)))
    finished = None if start is None else _finished(recipe, labels, start)
    if finished is not None:
        network.load_state_dict(finished.state_dict(), strict=False)
    groups = parameter_groups(network, recipe.weight_decay)
    optimizer = torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=0.9, nesterov=True)
    average = AveragedWeights(network, recipe.average)
    learner = Learner(network, optimizer, average, torch.Generator().manual_seed(recipe.seed))
    about = description("expressions", recipe, labels, found.sha256)
    run = Run(Path(out), about | ({"start": start.sha256} if start else {}))
    first = learner.resume(run)

    faces = found.faces(recipe.spec(), recipe.balance)
    steps = int(recipe.epoch_share * len(faces)) // recipe.batch_size or 1
    warmup = min(2 * steps, recipe.epochs * steps // 10 or 1)
    schedule = Schedule(recipe.epochs, steps, recipe.learning_rate, warmup)
    for epoch in range(first, schedule.rounds):
        started = time.monotonic()
        size, stage_epochs = recipe.stage(epoch)
        mixes = epoch < recipe.epochs - recipe.unmixed
        order = faces.order(learner.rng, is_weighted=recipe.balance > 0)
        batches = torch.split(order, recipe.batch_size)[:steps]
        losses = _losses(network, faces, batches, recipe, size, learner.rng, finished, mixes=mixes)
        loss, rate = learner.train_round(epoch, losses, schedule, report)
        judged = _judged(recipe, average.state, valid, size)
        row = {"epoch": epoch + 1, "loss": loss, **judged, "learning_rate": rate}
        run.log({**row, "seconds": time.monotonic() - started})
        # Only epochs at the size that ships can be the best.
        stage = run.history[-stage_epochs:]
        run.save(learner.state(epoch + 1), is_best=is_best(stage, "valid_score"))
        is_last_size = epoch - stage_epochs + 1 == recipe.epochs - recipe.sizes[-1][1]
        if is_last_size and _epochs_since_best(stage) >= recipe.patience:
            logger.info("stopped early: no better in %d epochs", recipe.patience)
            break
    return run.folder / "best.pt"


def _finished(recipe: ExpressionRecipe, labels: tuple[str, ...], start: Start) -> ExpressionNet:
    """The classifier to start from, with outputs for these labels, in evaluation mode."""
    network = channels_last(recipe.network(len(labels)).eval())
    network.load_state_dict(start.weights_for(labels))
    return network


def _judged(
    recipe: ExpressionRecipe, weights: Mapping[str, Tensor], valid: LabelledFaces, size: int
) -> dict[str, float]:
    """Figures of an epoch; the checkpoint with the highest score is kept."""
    shares = probabilities(recipe, weights, valid, size)
    plain = score = accuracy(valid.classes, shares)
    if recipe.camera:
        seen = probabilities(recipe, weights, valid, size, camera=recipe.camera)
        score = (plain + accuracy(valid.classes, seen)) / 2
    return {
        "valid_accuracy": plain,
        "valid_macro_recall": macro_recall(valid.classes, shares),
        "valid_score": score,
    }


def _losses(
    network: ExpressionNet,
    faces: TrainingFaces,
    batches: Iterable[Tensor],
    recipe: ExpressionRecipe,
    size: int,
    rng: torch.Generator,
    finished: ExpressionNet | None,
    *,
    mixes: bool,
) -> Iterator[Tensor]:
    """The loss of each batch, one at a time.

    Args:
        network: In training mode.
        faces: The training faces.
        batches: Indices of the faces of each batch.
        recipe: The recipe.
        size: Side of the training faces, px.
        rng: Random number generator.
        finished: The classifier from which the training started, in evaluation mode.
        mixes: Whether faces are mixed.
    """
    count = faces.targets.shape[1]
    for indices in batches:
        pixels = augment(faces.pixels[indices].float() / 255, size, recipe.augmentation, rng)
        # What is mixed is mixed with its source.
        shares = torch.cat([faces.targets[indices], faces.sources[indices]], dim=1)
        if mixes:
            pixels, shares = mix(pixels, shares, recipe.augmentation, rng)
        if finished is not None and recipe.keep:
            with torch.no_grad():
                answers = _logits(finished, pixels, recipe).softmax(dim=1)
            shares[:, :count].lerp_(answers, recipe.keep)
        if recipe.mirror:
            pixels, shares = torch.cat([pixels, pixels.flip(3)]), shares.repeat(2, 1)
        if recipe.camera:
            pixels = seen_by_camera(pixels, recipe.camera, rng)
        targets, sources = shares[:, :count], shares[:, count:]
        logits = _logits(network, pixels, recipe, sources if sources.shape[1] > 1 else None)
        loss = F.cross_entropy(logits, targets)
        yield loss + recipe.mirror * _mirror_gap(logits) if recipe.mirror else loss


def _logits(
    network: ExpressionNet,
    pixels: Tensor,
    recipe: ExpressionRecipe,
    sources: Tensor | None = None,
) -> Tensor:
    """What a network says about grey faces, (n, 1, side, side) in [0, 1]."""
    spec = recipe.spec()
    inputs = ((pixels * 255 - spec.mean) / spec.std).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
        logits: Tensor = network(inputs, sources)
        return logits.float()


def _mirror_gap(logits: Tensor) -> Tensor:
    """How much the probabilities of faces, the first half, and of their mirror images differ.

    The mean of the Kullback-Leibler divergences in both directions (Liang et al., 2021, "R-Drop:
    Regularized Dropout for Neural Networks", equation 2).
    """
    plain, mirrored = logits.log_softmax(dim=1).chunk(2)
    return ((plain - mirrored) * (plain.exp() - mirrored.exp())).sum(dim=1).mean() / 2


@torch.no_grad()
def probabilities(
    recipe: ExpressionRecipe,
    weights: Mapping[str, Tensor],
    faces: LabelledFaces,
    size: int,
    *,
    camera: Camera | None = None,
) -> NDArray[np.float32]:
    """Softmax outputs of a classifier for faces of some size in px, (n, classes) float32.

    Args:
        recipe: That of its training.
        weights: Its weights.
        faces: The faces.
        size: Side, px.
        camera: Shows the faces as this camera sees them, each time the same; None for as they are.
    """
    network = recipe.network(len(faces.labels))
    network.load_shipped(weights)
    channels_last(network.eval())
    rng = torch.Generator().manual_seed(0)
    logits = []
    for part in torch.split(grey_pixels(faces, recipe.spec(size)), _VALID_BATCH):
        pixels = part.float() / 255
        if camera:
            pixels = seen_by_camera(pixels, camera, rng)
        logits.append(_logits(network, pixels, recipe))
    return torch.cat(logits).softmax(dim=1).numpy()


def _epochs_since_best(history: list[dict[str, float]]) -> int:
    scores = [row["valid_score"] for row in history]
    return len(scores) - 1 - int(np.argmax(scores))

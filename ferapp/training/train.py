"""Train the expression classifier on the vote distribution of FER+.

Read it from top to bottom: the recipes, the run, the loss of a batch.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

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
from ferapp.training.expression_data import OtherData, TrainingFaces, training_data
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
        channels: Channels of each stage of the network.
        drop_path: Share of residuals dropped in its last block.
        mirror: Weight of the difference between what the network says about a face and about its
            mirror image, each seen by a camera of its own. With 0 it is shown no mirror images;
            otherwise a step takes twice as long, and one look at a face comes to be enough.
        camera: Light, noise and compression; None for none.
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
        return InputSpec(size_wh=(side, side), colour="grey", mean=127.5, std=64.0)

    def network(self, classes: int, sources: int = 1) -> ExpressionNet:
        """A new network."""
        return ExpressionNet(classes, self.channels, drop_path=self.drop_path, sources=sources)


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
}
"""By name: that of the default classifier, and one that takes over twice as long."""


def expression_network(about: Mapping[str, Any]) -> ExpressionNet:
    """A network of the same kind as that of a checkpoint.

    Args:
        about: The description in the checkpoint.
    """
    # Checkpoints from before there was a choice don't say.
    known = {k: about["config"][k] for k in ("channels", "drop_path") if k in about["config"]}
    return replace(ExpressionRecipe(), **known).network(len(about["labels"]))


def train_expressions(
    data: str | Path,
    out: str | Path,
    recipe: ExpressionRecipe = ExpressionRecipe(),
    *,
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
        others: Faces of other sources, mixed into Train. Each source has a bias of its own, which
            the classifier that is exported does not have.
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
    found = training_data(
        data, others, classes=recipe.classes, key=key, may_leave_out=may_leave_out
    )
    if report_data is not None:
        report_data(found.text())
    labels, valid = found.train.labels, found.valid
    torch.manual_seed(recipe.seed)
    network = channels_last(recipe.network(len(labels), 1 + len(others)))
    optimizer = torch.optim.SGD(
        parameter_groups(network, recipe.weight_decay),
        lr=recipe.learning_rate,
        momentum=0.9,
        nesterov=True,
    )
    average = AveragedWeights(network, recipe.average)
    learner = Learner(network, optimizer, average, torch.Generator().manual_seed(recipe.seed))
    run = Run(Path(out), description("expressions", recipe, labels, found.sha256))
    first = learner.resume(run)

    faces = found.faces(recipe.spec(), recipe.balance)
    steps = len(faces) // recipe.batch_size or 1
    schedule = Schedule(recipe.epochs, steps, recipe.learning_rate, warmup=2 * steps)
    for epoch in range(first, schedule.rounds):
        started = time.monotonic()
        size, stage_epochs = recipe.stage(epoch)
        mixes = epoch < recipe.epochs - recipe.unmixed
        order = _order(faces, recipe, learner.rng)
        batches = torch.split(order, recipe.batch_size)[:steps]
        losses = _losses(network, faces, batches, recipe, size, learner.rng, mixes=mixes)
        loss, rate = learner.train_round(epoch, losses, schedule, report)
        shares = probabilities(recipe, average.state, valid, size)
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


def _order(faces: TrainingFaces, recipe: ExpressionRecipe, rng: torch.Generator) -> Tensor:
    """Indices of the faces of one epoch, (n,)."""
    if not recipe.balance:
        return torch.randperm(len(faces), generator=rng)
    return torch.multinomial(faces.weights, len(faces), replacement=True, generator=rng)


def _losses(
    network: ExpressionNet,
    faces: TrainingFaces,
    batches: Iterable[Tensor],
    recipe: ExpressionRecipe,
    size: int,
    rng: torch.Generator,
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
        mixes: Whether faces are mixed.
    """
    spec = recipe.spec()
    count = faces.targets.shape[1]
    for indices in batches:
        pixels = augment(faces.pixels[indices].float() / 255, size, recipe.augmentation, rng)
        # What is mixed is mixed with its source.
        shares = torch.cat([faces.targets[indices], faces.sources[indices]], dim=1)
        if mixes:
            pixels, shares = mix(pixels, shares, recipe.augmentation, rng)
        if recipe.mirror:
            pixels, shares = torch.cat([pixels, pixels.flip(3)]), shares.repeat(2, 1)
        if recipe.camera:
            pixels = seen_by_camera(pixels, recipe.camera, rng)
        targets, sources = shares[:, :count], shares[:, count:]
        inputs = ((pixels * 255 - spec.mean) / spec.std).contiguous(
            memory_format=torch.channels_last
        )
        with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
            logits = network(inputs, sources if sources.shape[1] > 1 else None).float()
        loss = F.cross_entropy(logits, targets)
        yield loss + recipe.mirror * _mirror_gap(logits) if recipe.mirror else loss


def _mirror_gap(logits: Tensor) -> Tensor:
    """How much the probabilities of faces, the first half, and of their mirror images differ.

    The mean of the Kullback-Leibler divergences in both directions (Liang et al., 2021, "R-Drop:
    Regularized Dropout for Neural Networks", equation 2).
    """
    plain, mirrored = logits.log_softmax(dim=1).chunk(2)
    return ((plain - mirrored) * (plain.exp() - mirrored.exp())).sum(dim=1).mean() / 2


@torch.no_grad()
def probabilities(
    recipe: ExpressionRecipe, weights: Mapping[str, Tensor], faces: LabelledFaces, size: int
) -> NDArray[np.float32]:
    """Softmax outputs of a classifier for faces of some size in px, (n, classes) float32."""
    network = recipe.network(len(faces.labels))
    network.load_shipped(weights)
    channels_last(network.eval())
    inputs = torch.from_numpy(batch(faces.images_rgb, recipe.spec(size)))
    with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
        logits = [
            network(part.contiguous(memory_format=torch.channels_last)).float()
            for part in torch.split(inputs, 256)
        ]
    return torch.cat(logits).softmax(dim=1).numpy()


def _epochs_since_best(history: list[dict[str, float]]) -> int:
    scores = [row["valid_accuracy"] for row in history]
    return len(scores) - 1 - int(np.argmax(scores))

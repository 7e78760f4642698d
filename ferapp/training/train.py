"""Train the expression classifier on the vote distribution of FER+.

Read it top to bottom: the recipe, one step, one epoch, the run.
"""

import json
import logging
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ferapp.errors import InvalidValue
from ferapp.evaluation.labelled_faces import LabelledFaces, load_split
from ferapp.evaluation.metrics import accuracy, macro_recall
from ferapp.training.augmentation import FaceAugmentation, augment, mix
from ferapp.training.networks import ExpressionNet
from ferapp.training.runs import (
    AveragedWeights,
    Run,
    channels_last,
    commit,
    cosine,
    has_bfloat16,
    is_best,
    parameter_groups,
)
from ferapp.types import ProgressCallback, no_report
from ferapp.vision.preprocess import InputSpec, batch

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExpressionRecipe:
    """Everything that decides what an expression classifier becomes.

    Attributes:
        sizes: Side of the training faces, px, and for how many epochs; the last one is the
            network's. Small faces first: an epoch at 32 px costs half of one at 48.
        batch_size: Faces a step.
        learning_rate: At its top; it rises for two epochs and falls as a cosine.
        weight_decay: On weights, not on biases or batch norm.
        average: Decay of the averaged weights, which are the ones that are judged and kept.
        balance: How much more often faces of rare classes are drawn: 0 not at all, 1 until all
            classes come equally often.
        patience: Stop after this many epochs of the last size without a better accuracy on Valid.
        unmixed: In this many epochs at the end no faces are mixed, so that the network last sees
            faces as they come.
        augmentation: How faces are changed.
        classes: Class names to keep; empty for all.
        seed: Of weights, order and augmentation.
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
        """Epochs in all."""
        return sum(epochs for _, epochs in self.sizes)

    def stage(self, epoch: int) -> tuple[int, int]:
        """Side of the training faces in an epoch, px, and how many epochs of it that makes."""
        for size, epochs in self.sizes:
            if epoch < epochs:
                return size, epoch + 1
            epoch -= epochs
        raise InvalidValue(f"the recipe has {self.epochs} epochs")

    def spec(self, size: int | None = None) -> InputSpec:
        """What the network takes."""
        side = size or self.sizes[-1][0]
        return InputSpec(size_wh=(side, side), colour="grey", mean=127.5, std=64.0)


@dataclass
class Trainer:
    """The parts of a run that change from step to step."""

    recipe: ExpressionRecipe
    network: ExpressionNet
    optimizer: torch.optim.Optimizer
    average: AveragedWeights
    rng: torch.Generator

    def step(self, faces: Tensor, targets: Tensor, size: int, rate: float, *, mixes: bool) -> float:
        """One step on a batch; its loss.

        Args:
            faces: Grey, (n, 1, h, w), float32 in [0, 1].
            targets: Shares of votes, (n, classes).
            size: Side to train at, px.
            rate: Learning rate.
            mixes: Whether faces are mixed.
        """
        augmentation, spec = self.recipe.augmentation, self.recipe.spec()
        faces = augment(faces, size, augmentation, self.rng)
        if mixes:
            faces, targets = mix(faces, targets, augmentation, self.rng)
        inputs = ((faces * 255 - spec.mean) / spec.std).contiguous(
            memory_format=torch.channels_last
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
            logits = self.network(inputs)
        loss = F.cross_entropy(logits.float(), targets)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.average.update(self.network)
        return loss.item()


def train_expressions(
    data: str | Path,
    out: str | Path,
    recipe: ExpressionRecipe = ExpressionRecipe(),
    *,
    report: ProgressCallback = no_report,
) -> Path:
    """Train on the Train split, choose on the Valid split; goes on where a killed run stopped.

    Args:
        data: FER+ or a folder per class, with the splits Train and Valid.
        out: The run's folder.
        recipe: What to do.
        report: Told of every step.

    Returns:
        The best checkpoint, judged by the accuracy of the averaged weights on Valid.

    Raises:
        DataError: The data set's layout is wrong.
    """
    train = load_split(data, "Train", majority_only=False, classes=recipe.classes)
    valid = load_split(data, "Valid", majority_only=True, classes=train.labels)
    torch.manual_seed(recipe.seed)
    network = channels_last(ExpressionNet(len(train.labels)))
    trainer = Trainer(
        recipe,
        network,
        torch.optim.SGD(
            parameter_groups(network, recipe.weight_decay),
            lr=recipe.learning_rate,
            momentum=0.9,
            nesterov=True,
        ),
        AveragedWeights(network, recipe.average),
        torch.Generator().manual_seed(recipe.seed),
    )
    about = {
        "kind": "expressions",
        "config": json.loads(json.dumps(asdict(recipe))),
        "labels": list(train.labels),
        "commit": commit(),
        "data_sha256": train.sha256,
    }
    run = Run(Path(out), about)
    first = _resumed(trainer, run)

    pixels = torch.from_numpy(_grey(train, recipe))
    targets = torch.from_numpy(train.targets)
    weights = _sampling_weights(train, recipe.balance)
    steps = len(train) // recipe.batch_size or 1
    for epoch in range(first, recipe.epochs):
        started = time.monotonic()
        size, epochs_here = recipe.stage(epoch)
        losses = []
        network.train()
        order = torch.multinomial(weights, len(train), replacement=True, generator=trainer.rng)
        if not recipe.balance:
            order = torch.randperm(len(train), generator=trainer.rng)
        for index in range(steps):
            chosen = order[index * recipe.batch_size : (index + 1) * recipe.batch_size]
            done = epoch * steps + index
            rate = recipe.learning_rate * cosine(
                done, total=recipe.epochs * steps, warmup=2 * steps
            )
            faces = pixels[chosen].float() / 255
            mixes = epoch < recipe.epochs - recipe.unmixed
            losses.append(trainer.step(faces, targets[chosen], size, rate, mixes=mixes))
            report(done + 1, recipe.epochs * steps)
        shares = probabilities(trainer.average.state, valid, recipe.spec(size))
        score = accuracy(valid.classes, shares)
        run.log(
            {
                "epoch": epoch + 1,
                "loss": float(np.mean(losses)),
                "valid_accuracy": score,
                "valid_macro_recall": macro_recall(valid.classes, shares),
                "learning_rate": rate,
                "seconds": time.monotonic() - started,
            }
        )
        run.save(
            {
                "epoch": epoch + 1,
                "network": network.state_dict(),
                "weights": trainer.average.state,
                "average_steps": trainer.average.steps,
                "optimizer": trainer.optimizer.state_dict(),
                "rng": trainer.rng.get_state(),
                "torch_rng": torch.get_rng_state(),
            },
            # Only what is judged at the size that ships can be the best.
            is_best=is_best(run.history[-epochs_here:], "valid_accuracy"),
        )
        is_last_size = epoch - epochs_here + 1 == recipe.epochs - recipe.sizes[-1][1]
        if is_last_size and _since_best(run.history[-epochs_here:]) >= recipe.patience:
            logger.info("stopped early: no better in %d epochs", recipe.patience)
            break
    return run.folder / "best.pt"


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


def _resumed(trainer: Trainer, run: Run) -> int:
    state = run.resume()
    if state is None:
        return 0
    trainer.network.load_state_dict(state["network"])
    trainer.average.state = state["weights"]
    trainer.average.steps = state["average_steps"]
    trainer.optimizer.load_state_dict(state["optimizer"])
    trainer.rng.set_state(state["rng"])
    torch.set_rng_state(state["torch_rng"])
    return int(state["epoch"])


def _grey(faces: LabelledFaces, recipe: ExpressionRecipe) -> np.ndarray[Any, np.dtype[np.uint8]]:
    spec = recipe.spec()
    plain = InputSpec(size_wh=spec.size_wh, colour="grey", mean=0, std=1)
    return batch(faces.images_rgb, plain).astype(np.uint8)


def _sampling_weights(faces: LabelledFaces, balance: float) -> Tensor:
    counts = np.bincount(faces.classes, minlength=len(faces.labels))
    return torch.from_numpy((1.0 / counts[faces.classes]) ** balance)


def _since_best(history: list[dict[str, float]]) -> int:
    scores = [row["valid_accuracy"] for row in history]
    return len(scores) - 1 - int(np.argmax(scores))

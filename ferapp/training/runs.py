"""Shared by all training runs: folder, checkpoints, averaged weights, curves, environment."""

import csv
import io
import json
import logging
import math
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import torch
from torch import nn

from ferapp.errors import DataError
from ferapp.system.files import whole_file, write_whole
from ferapp.vision.threads import cap_threads

logger = logging.getLogger(__name__)

Network = TypeVar("Network", bound=nn.Module)

# Every step allocates and frees large tensors. By default glibc returns such blocks to the kernel
# at once and requests new pages, which took 90 % of the time of a step when it was measured.
_MALLOC: Final = {
    "MALLOC_MMAP_THRESHOLD_": "8589934592",
    "MALLOC_TRIM_THRESHOLD_": "17179869184",
    "MALLOC_TOP_PAD_": "268435456",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}


def prepare_process(threads: int) -> None:
    """Restart this process with an allocator that keeps its memory, then limit its threads.

    A command must call this first: glibc reads its settings when a process starts.
    """
    if sys.platform == "linux" and any(os.environ.get(k) != v for k, v in _MALLOC.items()):
        os.execve(sys.executable, sys.orig_argv, {**os.environ, **_MALLOC})
    torch.set_num_threads(threads)
    cap_threads(1)


def channels_last(network: Network) -> Network:
    """Convert a network to the channels-last layout, in which convolutions run faster."""
    return network.to(memory_format=torch.channels_last)  # type: ignore[no-any-return, call-overload]


def has_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 natively; on others autocast would be slower."""
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def commit() -> str:
    """The commit of the running code, with "-dirty" if files differ; "unknown" without git."""
    command = ["git", "describe", "--always", "--abbrev=12", "--dirty", "--exclude=*"]
    try:
        run = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True)
    except OSError:
        return "unknown"
    return run.stdout.strip() or "unknown"


def description(kind: str, recipe: Any, labels: Sequence[str], data_sha256: str) -> dict[str, Any]:
    """What explains a checkpoint, as plain values.

    Args:
        kind: ``expressions`` or ``faces``.
        recipe: The recipe, a dataclass.
        labels: The meaning of the outputs, in order.
        data_sha256: Hash of the training data.
    """
    return {
        "kind": kind,
        "config": json.loads(json.dumps(asdict(recipe))),
        "labels": list(labels),
        "commit": commit(),
        "data_sha256": data_sha256,
    }


class AveragedWeights:
    """Exponential moving average of a network's weights and batch-norm statistics.

    The decay is at most (1 + step) / (10 + step), so that early weights are soon forgotten.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.state = {k: v.detach().clone() for k, v in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Move the average towards the current weights."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for name, value in network.state_dict().items():
            if value.dtype.is_floating_point:
                self.state[name].lerp_(value, 1 - decay)
            else:
                self.state[name].copy_(value)


@dataclass
class Run:
    """The folder of a run with its checkpoints and curves, from which a killed run resumes.

    Attributes:
        folder: Folder of ``last.pt``, ``best.pt``, ``curves.csv`` and ``curves.png``.
        about: Describes the checkpoint: config, labels, commit, data hash.
    """

    folder: Path
    about: dict[str, Any]

    def __post_init__(self) -> None:
        """Create the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.history: list[dict[str, float]] = []

    def resume(self) -> dict[str, Any] | None:
        """The last checkpoint, or None for a new run.

        Raises:
            DataError: The folder holds a run of another config or data set.
        """
        path = self.folder / "last.pt"
        if not path.exists():
            return None
        state: dict[str, Any] = torch.load(path, weights_only=True)
        for key in ("config", "labels", "data_sha256"):
            if state["about"].get(key) != self.about.get(key):
                raise DataError(
                    f"{self.folder} holds a run with another {key}; name a new folder for this one."
                )
        self.history = state["history"]
        return state

    def save(self, state: Mapping[str, Any], *, is_best: bool) -> None:
        """Write a checkpoint; a kill at any time leaves the previous one or this one."""
        # best.pt first: after a kill in between, a round is repeated, but the best is not lost.
        for name in ("best.pt", "last.pt") if is_best else ("last.pt",):
            with whole_file(self.folder / name) as out:
                torch.save({"about": self.about, "history": self.history, **state}, out)

    def log(self, row: dict[str, float]) -> None:
        """Add a row to the curves and write them as CSV and as a picture."""
        self.history.append(row)
        logger.info(" ".join(f"{k} {v:.4g}" for k, v in row.items()))
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(row))
        writer.writeheader()
        writer.writerows(self.history)
        write_whole(self.folder / "curves.csv", text.getvalue().encode())
        draw_curves(self.history, self.folder / "curves.png")


def draw_curves(history: list[dict[str, float]], path: Path) -> None:
    """Draw every column of the history over its first one."""
    from matplotlib.figure import Figure

    x, *columns = history[0]
    figure = Figure(figsize=(4 * len(columns), 3), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(columns), squeeze=False)[0], columns, strict=True):
        axes.plot([row[x] for row in history], [row[name] for row in history])
        axes.set(title=name, xlabel=x)
    with whole_file(path) as out:
        figure.savefig(out, dpi=80, format=path.suffix.removeprefix("."))


def average_checkpoints(first: Path, second: Path, out: Path) -> None:
    """Write the mean of the weights of two checkpoints, the second trained from the first.

    It keeps most of what the second one gained and of what it forgot (Wortsman et al., 2022,
    "Robust fine-tuning of zero-shot models", section 3).

    Raises:
        DataError: They differ in kind or labels.
    """
    states = [torch.load(path, weights_only=True) for path in (first, second)]
    abouts = [state["about"] for state in states]
    if any(abouts[0][key] != abouts[1][key] for key in ("kind", "labels")):
        raise DataError(f"{first} and {second} hold networks of different kinds or labels.")
    a, b = (state["weights"] for state in states)
    mean = {k: (a[k] + b[k]) / 2 if b[k].is_floating_point() else b[k] for k in b}
    out.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(out) as file:
        torch.save({"about": {**abouts[1], "averaged_with": abouts[0]}, "weights": mean}, file)


def is_best(history: list[dict[str, float]], score: str) -> bool:
    """Whether the last row has the highest score so far; NaN counts as the lowest."""
    scores = [-math.inf if math.isnan(row[score]) else row[score] for row in history]
    return all(scores[-1] > earlier for earlier in scores[:-1])


def cosine(step: int, *, total: int, warmup: int) -> float:
    """Learning rate as a share of the maximum: a linear rise, then half a cosine down to 0."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(total - warmup, 1)))


def parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Parameter groups: weights with decay; biases and batch-norm parameters without."""
    decayed = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]

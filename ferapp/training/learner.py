"""One training run step by step, whatever the network: optimizer, averaged weights, resuming."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ferapp.training.runs import AveragedWeights, Run, cosine
from ferapp.types import ProgressCallback


@dataclass(frozen=True)
class Schedule:
    """The number of steps, and the learning rate of each.

    Attributes:
        rounds: Number of rounds; a checkpoint is written after each.
        steps: Steps per round.
        learning_rate: The maximum; see `ferapp.training.runs.cosine`.
        warmup: Steps until the maximum is reached.
    """

    rounds: int
    steps: int
    learning_rate: float
    warmup: int

    @property
    def total(self) -> int:
        """Number of steps of the run."""
        return self.rounds * self.steps

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from the start of the run."""
        return self.learning_rate * cosine(step, total=self.total, warmup=self.warmup)


@dataclass
class Learner:
    """The parts of a run that change from step to step.

    Attributes:
        network: The network that is trained.
        optimizer: Its optimizer.
        average: The average of its weights.
        rng: Random number generator of order and augmentation.
        max_gradient_norm: Gradients are scaled down to this norm; None for no limit.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    average: AveragedWeights
    rng: torch.Generator
    max_gradient_norm: float | None = None

    def train_round(
        self, index: int, losses: Iterable[Tensor], schedule: Schedule, report: ProgressCallback
    ) -> tuple[float, float]:
        """Take the steps of one round.

        Args:
            index: Number of the round, from 0.
            losses: The loss of each batch; computed lazily, so that each step changes the next one.
            schedule: Steps and learning rate.
            report: Called after each step with the number of steps done and in total.

        Returns:
            Mean loss and last learning rate.
        """
        self.network.train()
        values = []
        for step, loss in enumerate(losses, index * schedule.steps):
            rate = schedule.rate(step)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            if self.max_gradient_norm is not None:
                nn.utils.clip_grad_norm_(self.network.parameters(), self.max_gradient_norm)
            self.optimizer.step()
            self.average.update(self.network)
            values.append(loss.item())
            report(step + 1, schedule.total)
        return float(np.mean(values)), rate

    def state(self, rounds: int) -> dict[str, Any]:
        """What a checkpoint contains after a number of rounds."""
        return {
            "round": rounds,
            "network": self.network.state_dict(),
            "weights": self.average.state,
            "average_steps": self.average.steps,
            "optimizer": self.optimizer.state_dict(),
            "rng": self.rng.get_state(),
            "torch_rng": torch.get_rng_state(),
        }

    def resume(self, run: Run) -> int:
        """Load the last checkpoint of a run, if there is one, and return the rounds it has done.

        Raises:
            DataError: The folder holds a run of another config or data set.
        """
        state = run.resume()
        if state is None:
            return 0
        self.network.load_state_dict(state["network"])
        self.average.state = state["weights"]
        self.average.steps = state["average_steps"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.rng.set_state(state["rng"])
        torch.set_rng_state(state["torch_rng"])
        return int(state["round"])

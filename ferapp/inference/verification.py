"""Checks that each model is on this machine and matches the manifest."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ferapp.errors import MissingWeights, UserError
from ferapp.inference import weights
from ferapp.inference.added import refusals
from ferapp.inference.manifest import Model, added_models, manifest


@dataclass(frozen=True)
class Verification:
    """The state of one model.

    Attributes:
        name: Name of its entry.
        state: ``not fetched`` is not an error either.
        reason: Why it can't be used, in a sentence; empty if it can, or if it is not fetched.
    """

    name: str
    state: Literal["right", "not fetched", "missing", "wrong", "refused"]
    reason: str = ""


def verify_models() -> Iterator[Verification]:
    """Read the bytes of each model, examine added ones, and yield the result.

    Raises:
        ManifestError: The shipped manifest can't be read.
    """
    yield from map(_verify, manifest().models)
    for bad in added_models().refused:
        yield Verification(bad.name, "refused", bad.reason)


def _verify(model: Model) -> Verification:
    if model.url is not None and not weights.is_here(model):
        return Verification(model.name, "not fetched")
    if model.name in refusals():
        return Verification(model.name, "refused", refusals()[model.name])
    try:
        weights.read(model)
    except MissingWeights as exc:
        return Verification(model.name, "missing", str(exc))
    except UserError as exc:
        return Verification(model.name, "wrong", str(exc))
    return Verification(model.name, "right")

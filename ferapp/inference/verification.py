"""Whether each model is here, and whether it is what the manifest says."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ferapp.errors import MissingWeights, UserError
from ferapp.inference import weights
from ferapp.inference.added import refusals
from ferapp.inference.manifest import Model, added_models, manifest


@dataclass(frozen=True)
class Verification:
    """What was found out about a model.

    Attributes:
        name: Of its entry.
        state: ``not fetched`` is right as well.
        reason: Why it can't be used, in a sentence; empty where it can, or where it is not fetched.
    """

    name: str
    state: Literal["right", "not fetched", "missing", "wrong", "refused"]
    reason: str = ""


def verify_models() -> Iterator[Verification]:
    """Each model, after its bytes were read and, of an added one, examined.

    Raises:
        ManifestError: The manifest that ships can't be read.
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

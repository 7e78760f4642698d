"""Checks that each model is on this machine and matches the manifest."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ferapp.errors import MissingWeights, UserError
from ferapp.inference import weights
from ferapp.inference.added import refusals
from ferapp.inference.examination import Examination, examine
from ferapp.inference.manifest import Model, added_models, manifest


@dataclass(frozen=True)
class Verification:
    """The state of one model.

    Attributes:
        name: Name of its entry.
        state: ``not fetched`` is not an error either.
        reason: Why it can't be used, in a sentence; empty if it can, or if it is not fetched.
        note: What may be wrong in its entry, in a sentence.
    """

    name: str
    state: Literal["right", "not fetched", "missing", "wrong", "refused"]
    reason: str = ""
    note: str = ""


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
        data = weights.read(model)[0]
    except MissingWeights as exc:
        return Verification(model.name, "missing", str(exc))
    except UserError as exc:
        return Verification(model.name, "wrong", str(exc))
    note = output_note(model, examine(data, model)) if model.is_added else ""
    return Verification(model.name, "right", note=note)


def output_note(model: Model, found: Examination) -> str:
    """What an entry says about the outputs of its model though they look like something else."""
    likely = found.output
    # The logarithms of probabilities are logits as well.
    if likely == model.output or {likely, model.output} <= {"logits", "log_probabilities"}:
        return ""
    return (
        f"Its entry calls its outputs {model.output}, but they look like {likely}: "
        f"{found.output_reason}."
    )

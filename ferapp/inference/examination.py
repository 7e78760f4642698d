"""Examines an added model in a child process, which may crash, hang or be killed."""

from dataclasses import dataclass
from importlib.util import find_spec
from tempfile import TemporaryFile
from typing import Any, Final

from ferapp.errors import MissingExtra, ModelError
from ferapp.inference.manifest import Model
from ferapp.inference.outputs import Layout, Output
from ferapp.system.child import Child, ChildError
from ferapp.vision import opencv

LIMIT_S: Final = 20.0
"""If an examination takes longer, it is stopped and the model refused."""


@dataclass(frozen=True)
class Examination:
    """What the examination of a sound model found.

    Attributes:
        has_wide_weights: Whether its weights use all eight bits, which costs time (`OnnxModel`,
            ``is_exact``).
        layout: Order of the dimensions of its input.
        output: What its outputs for some pictures look like; the entry may say something else.
        output_reason: Why, in words that follow "because".
        is_constant: Whether its outputs are the same for all of these pictures.
    """

    has_wide_weights: bool
    layout: Layout
    output: Output
    output_reason: str
    is_constant: bool


# Of the models that have passed; an entry contains the hash of its bytes.
_passed: dict[tuple[Model, bool], Examination] = {}


def examine(data: bytes, model: Model, *, finds: bool = False) -> Examination:
    """Refuse a model that differs from its entry, or that does harm when it runs.

    Args:
        data: Its bytes; their hash has been checked.
        model: The entry.
        finds: Whether to find the layout of its input out, in place of taking that of the entry.

    Raises:
        ModelError: It is refused; the message names the file and the reason.
        MissingExtra: onnx, which examines models, is not installed.
        LibraryError: ONNX Runtime or OpenCV can't be used.
    """
    if (model, finds) in _passed:
        return _passed[model, finds]
    from ferapp.inference import (
        onnx_model as session,  # slow to import, and rarely needed
    )

    session.loaded.require()
    opencv.loaded.require()
    if find_spec("onnx") is None:
        raise MissingExtra("onnx", "models")
    answer = _ask(data, model, finds=finds)
    if reason := answer.pop("reason"):
        raise ModelError(f"{model.file} was refused: {reason}")
    _passed[model, finds] = Examination(**answer)
    return _passed[model, finds]


def _ask(data: bytes, model: Model, *, finds: bool) -> dict[str, Any]:
    """The answer of `ferapp.inference.examiner`."""
    try:
        with TemporaryFile() as question:
            question.write(model.model_dump_json().encode() + b"\n")
            question.write(data)
            question.flush()
            with Child(
                "ferapp.inference.examiner",
                question,
                {"finds": finds, "file_bytes": len(data)},
                work="examiner of the model",
                subject="model",
                silence_s=LIMIT_S,
            ) as child:
                return child.message()[0]
    except OSError as exc:
        return {"reason": f"it can't be examined: {exc.strerror or exc}."}
    except ChildError as exc:
        if exc.kind in ("refusal", "fault"):
            return {"reason": str(exc)}
        if exc.kind == "timeout":
            return {"reason": f"its examination took longer than {LIMIT_S:g} s."}
        if exc.kind == "exit":
            return {"reason": f"it could not be examined. {exc}"}
        return {"reason": "the process that examined it crashed; the model breaks it."}

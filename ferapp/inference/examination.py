"""Examines an added model in a child process, which may crash, hang or be killed."""

from importlib.util import find_spec
from tempfile import TemporaryFile
from typing import Any, Final

from ferapp.errors import MissingExtra, ModelError
from ferapp.inference.manifest import Model
from ferapp.system.child import Child, ChildError
from ferapp.vision import opencv

LIMIT_S: Final = 20.0
"""If an examination takes longer, it is stopped and the model refused."""

# Of the models that have passed; an entry contains the hash of its bytes.
_wide_weights: dict[Model, bool] = {}


def examine(data: bytes, model: Model) -> bool:
    """Refuse a model that differs from its entry, or that does harm when it runs.

    Args:
        data: Its bytes; their hash has been checked.
        model: The entry.

    Returns:
        Whether its weights use all eight bits, which costs time (`OnnxModel`, ``is_exact``).

    Raises:
        ModelError: It is refused; the message names the file and the reason.
        MissingExtra: onnx, which examines models, is not installed.
        LibraryError: ONNX Runtime or OpenCV can't be used.
    """
    if model in _wide_weights:
        return _wide_weights[model]
    from ferapp.inference import (
        onnx_model as session,  # slow to import, and rarely needed
    )

    session.loaded.require()
    opencv.loaded.require()
    if find_spec("onnx") is None:
        raise MissingExtra("onnx", "models")
    answer = _ask(data, model)
    if answer["reason"]:
        raise ModelError(f"{model.file} was refused: {answer['reason']}")
    _wide_weights[model] = bool(answer["has_wide_weights"])
    return _wide_weights[model]


def _ask(data: bytes, model: Model) -> dict[str, Any]:
    """The answer of `ferapp.inference.examiner`."""
    try:
        with TemporaryFile() as question:
            question.write(model.model_dump_json().encode() + b"\n")
            question.write(data)
            question.flush()
            with Child(
                "ferapp.inference.examiner",
                question,
                {},
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

"""Whether an added model may be used: asked in a process that may crash, hang or be killed."""

from importlib.util import find_spec
from tempfile import TemporaryFile
from typing import Any, Final

from ferapp.errors import MissingExtra, ModelError
from ferapp.inference.manifest import Model
from ferapp.system.child import Child, ChildError
from ferapp.vision import opencv

LIMIT_S: Final = 20.0
"""An examination that takes longer is given up, and the model refused."""

# By entries whose bytes have passed; an entry holds the hash of its bytes.
_wide_weights: dict[Model, bool] = {}


def examine(data: bytes, model: Model) -> bool:
    """Refuse a model that is not what its entry says, or that does harm when it runs.

    Args:
        data: Its bytes, of the hash that the entry names.
        model: The entry.

    Returns:
        Whether its weights take all eight bits, which costs time (`OnnxModel`, ``is_exact``).

    Raises:
        ModelError: It is refused; the sentence names the file and the reason.
        MissingExtra: Nothing can be examined, because onnx is not installed.
        LibraryError: Nothing can be, because ONNX Runtime or OpenCV can't be used.
    """
    if model in _wide_weights:
        return _wide_weights[model]
    from ferapp.inference import (
        onnx_model as session,  # slow to import, and most have added no model
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
    """What `ferapp.inference.examiner` answers."""
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
            return {"reason": f"it was not examined within {LIMIT_S:g} s, and may run for ever."}
        if exc.kind == "exit":
            return {"reason": f"it could not be examined. {exc}"}
        return {"reason": "the process that examined it ended by itself; the model breaks it."}

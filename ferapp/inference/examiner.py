"""Of the child process: looks at every part of an added model, and runs it on three pictures.

``python -m ferapp.inference.examiner`` gets the entry as one line of JSON, and after it the model's
bytes, on its standard input, and answers with the reason for which the model is refused, empty if
it is not. `ferapp.inference.examination` starts it.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import numpy as np
import onnx
from google.protobuf.message import DecodeError, Message

from ferapp.errors import ModelError
from ferapp.inference.classifiers import ExpressionClassifier
from ferapp.inference.manifest import Model
from ferapp.inference.session import Session

_MEMORY_BYTES: Final = 4 << 30
# Of the processor: an end for a child whose parent was killed and can't end it.
_LIMIT_S: Final = 60
_DOMAINS: Final = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
_FLOATS: Final = "tensor(float)"


def refusal(data: bytes, model: Model) -> str:
    """Why a model is refused; empty if it is not.

    Args:
        data: Its bytes.
        model: What it should be.
    """
    try:
        _check_parts(data)
        session = Session(data, threads=1)
        _check_ports(session, model)
        _try_out(session, model)
    except ModelError as exc:
        # ONNX Runtime has no type of its own for it.
        if "allocate memory" in str(exc) or "bad_alloc" in str(exc):
            return _too_much_memory()
        return str(exc)
    except MemoryError:
        return _too_much_memory()
    return ""


def _check_parts(data: bytes) -> None:
    """Look at every part of the graph, before ONNX Runtime does.

    Raises:
        ModelError: The bytes are no model, or one part is refused.
    """
    try:
        parsed = onnx.load_model_from_string(data)
    except DecodeError as exc:
        raise ModelError("it is damaged, or no ONNX model.") from exc
    newest = {"": onnx.defs.onnx_opset_version(), "ai.onnx.ml": onnx.defs.onnx_ml_opset_version()}
    newest["ai.onnx"] = newest[""]
    for part in _parts(parsed):
        if isinstance(part, onnx.TensorProto):
            if part.data_location == onnx.TensorProto.EXTERNAL or part.external_data:
                raise ModelError(
                    f"the numbers of its tensor {part.name!r} are in another file, which no hash "
                    "covers; expected all of them in this one."
                )
        elif isinstance(part, (onnx.NodeProto, onnx.FunctionProto)):
            if part.domain not in _DOMAINS:
                raise ModelError(
                    f"it needs operators of {part.domain!r}; expected those of ONNX itself "
                    "and of com.microsoft alone."
                )
        elif isinstance(part, onnx.OperatorSetIdProto):
            if part.version > newest.get(part.domain, part.version):
                raise ModelError(
                    f"it is of opset {part.version}; expected {newest[part.domain]} at most. "
                    "Export it for an older one."
                )


def _parts(message: Message) -> Iterator[Any]:
    """A message and all in it, whatever the field: nodes hold graphs, and those hold nodes."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in [value] if isinstance(value, Message) else value:
                yield from _parts(part)


def _check_ports(session: Session, model: Model) -> None:
    """Hold what goes in and out against the entry.

    Raises:
        ModelError: Something differs.
    """
    if session.input_types != [_FLOATS] or session.output_types != [_FLOATS]:
        raise ModelError(
            f"it takes {_listed(session.input_types)} and gives {_listed(session.output_types)}; "
            f"expected one {_FLOATS} each."
        )
    width, height = model.input.size_wh
    expected = [1, model.input.spec.channels, height, width]
    shape = session.input_shape
    is_alike = len(shape) == 4 and all(
        found == wanted or not isinstance(found, int)
        for found, wanted in zip(shape, expected, strict=True)
    )
    if not is_alike:
        raise ModelError(
            f"its input has the shape {_shape(shape)}; expected {_shape(['n', *expected[1:]])}: "
            "n pictures, channels, height, width."
        )


def _try_out(session: Session, model: Model) -> None:
    """Classify a black picture alone, and then a black, a white and a noisy one.

    Raises:
        ModelError: It can't be run, or gives another shape or numbers that are not finite.
    """
    classifier = ExpressionClassifier(
        session,
        model.input.spec,
        model.labels,
        model.calibration,
        flip_averaging=model.flip_averaging,
    )
    width, height = model.input.size_wh
    black = np.zeros((height, width, 3), np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, black.shape, np.uint8)
    classifier.classify([black])
    classifier.classify([black, np.full_like(black, 255), noise])


def _listed(types: list[str]) -> str:
    return ", ".join(types) or "nothing"


def _shape(shape: list[Any]) -> str:
    return " × ".join(str(n) if isinstance(n, int) else "n" for n in shape)


def _too_much_memory() -> str:
    return f"it needs more memory than the {_MEMORY_BYTES >> 30} GB that a model may take."


def _confine() -> None:
    """Take no more memory and time than this, leave no core file; not to be had on Windows."""
    with suppress(ImportError):
        import resource

        for what, most in (
            (resource.RLIMIT_AS, _MEMORY_BYTES),
            (resource.RLIMIT_CPU, _LIMIT_S),
            (resource.RLIMIT_CORE, 0),
        ):
            with suppress(OSError, ValueError):  # where less is allowed already
                resource.setrlimit(what, (most, most))


def main() -> None:
    """Read the entry and the bytes, and answer."""
    _confine()
    model = Model.model_validate_json(sys.stdin.buffer.readline())
    print(json.dumps({"reason": refusal(sys.stdin.buffer.read(), model)}))


if __name__ == "__main__":
    main()

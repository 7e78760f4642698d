"""The child process that checks every part of an added model and runs it on a few pictures.

``python -m ferapp.inference.examiner`` reads the entry as one line of JSON and then the bytes of
the model from standard input. It answers with the reason why the model is refused, empty if it is
not, whether its weights use all eight bits, and what its input and outputs are.
`ferapp.inference.examination` starts it.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import onnx
from google.protobuf.message import DecodeError, Message

from ferapp.errors import ModelError
from ferapp.inference.classifiers import ExpressionClassifier
from ferapp.inference.manifest import Model
from ferapp.inference.onnx_model import OnnxModel
from ferapp.inference.outputs import Layout, contradiction, guess_output, is_constant
from ferapp.system.child import run, send

# Address space: a small file gets little, and no file more than the last.
_FREE_BYTES: Final = 700 << 20
_TIMES_FILE: Final = 8
_MOST_BYTES: Final = 4 << 30
_PROCESSOR_S: Final = 60
_DOMAINS: Final = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
_FLOATS: Final = "tensor(float)"
_ANY_FLOATS: Final = (_FLOATS, "tensor(float16)", "tensor(double)")
_NOISY: Final = 8
_INTEGER_PRODUCTS: Final = (
    "QLinearConv",
    "QLinearMatMul",
    "MatMulInteger",
    "QGemm",
    "DynamicQuantizeMatMul",
    "MatMulIntegerToFloat",
)


def examine(data: bytes, model: Model, *, finds: bool = False) -> dict[str, Any]:
    """Why a model is refused, and what it is.

    Args:
        data: Its bytes.
        model: Its entry.
        finds: Whether to find the layout of its input out, in place of taking that of the entry.

    Returns:
        ``reason``, empty if it is not refused; ``has_wide_weights``; the ``layout`` of its input;
        the ``output`` that its numbers look like, with ``output_reason``; and whether it
        ``is_constant``.
    """
    reason = ""
    found: dict[str, Any] = {"has_wide_weights": False}
    try:
        parts = _check_parts(data)
        session = OnnxModel(data, threads=1, is_exact=True)
        # Unsigned weights don't saturate.
        wide = {part.name for part in parts if _has_wide_values(part)}
        found["has_wide_weights"] = bool(wide)
        _check_inner_graphs(parts, wide)
        if wide and not session.is_fused:
            _check_operators(parts)
        layouts: list[Layout] = ["nchw", "nhwc"] if finds else [model.input.layout]
        found |= _try_out(session, model, _fitting(session, model, layouts))
    except ModelError as exc:
        # ONNX Runtime has no exception type of its own for this.
        is_memory = "allocate memory" in str(exc) or "bad_alloc" in str(exc)
        reason = _memory_text(data) if is_memory else str(exc)
    except MemoryError:
        reason = _memory_text(data)
    return {"reason": reason, **found}


def _has_wide_values(part: Any) -> bool:
    """Whether a part is a signed 8-bit tensor with values beyond ±64; zero points don't count."""
    if not isinstance(part, onnx.TensorProto) or part.data_type != onnx.TensorProto.INT8:
        return False
    return len(part.dims) > 1 and bool(
        np.abs(onnx.numpy_helper.to_array(part).astype(np.int16)).max(initial=0) > 64
    )


def _check_inner_graphs(parts: list[Any], wide: set[str]) -> None:
    """Refuse wide weights in a graph inside another one, which exact mode overlooks.

    Raises:
        ModelError: Such a graph uses them.
    """
    inner = [p for p in parts if isinstance(p, onnx.AttributeProto)]
    graphs = [graph for p in inner for graph in [*p.graphs, p.g]]  # without one, p.g is empty
    for graph in graphs:
        names = wide | {t.name for t in graph.initializer if _has_wide_values(t)}
        if any(not names.isdisjoint(node.input) for node in graph.node):
            raise ModelError(
                "its eight-bit weights are used in a graph inside another one, where some "
                "processors can't run them exactly. Quantise it to seven bits (reduce_range)."
            )


def _check_operators(parts: list[Any]) -> None:
    """Refuse operators whose integer products would saturate.

    Raises:
        ModelError: There is one.
    """
    for part in parts:
        if isinstance(part, onnx.NodeProto) and part.op_type in _INTEGER_PRODUCTS:
            raise ModelError(
                f"the eight-bit weights of its operator {part.op_type} share their zero point with "
                "others, so that some processors can't run them exactly. Quantise it in the QDQ "
                "format, or to seven bits (reduce_range)."
            )


def _check_parts(data: bytes) -> list[Any]:
    """Check every part of the graph before ONNX Runtime reads it, and return all of them.

    Raises:
        ModelError: The bytes hold no model, or a part is refused.
    """
    try:
        parsed = onnx.load_model_from_string(data)
    except DecodeError as exc:
        raise ModelError("it is damaged or not an ONNX model.") from exc
    newest = {"": onnx.defs.onnx_opset_version(), "ai.onnx.ml": onnx.defs.onnx_ml_opset_version()}
    newest["ai.onnx"] = newest[""]
    parts = list(_parts(parsed))
    for part in parts:
        if isinstance(part, onnx.TensorProto):
            if part.data_location == onnx.TensorProto.EXTERNAL or part.external_data:
                raise ModelError(
                    f"the values of its tensor {part.name!r} are in another file, which no hash "
                    "covers; expected all values in this file."
                )
        elif isinstance(part, (onnx.NodeProto, onnx.FunctionProto)):
            if part.domain not in _DOMAINS:
                raise ModelError(
                    f"it needs operators of {part.domain!r}; expected only those of ONNX itself "
                    "and of com.microsoft."
                )
        elif isinstance(part, onnx.OperatorSetIdProto):
            if part.version > newest.get(part.domain, part.version):
                raise ModelError(
                    f"it needs opset {part.version}; expected {newest[part.domain]} at most. "
                    "Export it for an older opset."
                )
    return parts


def _parts(message: Message) -> Iterator[Any]:
    """A message and all messages inside it: nodes hold graphs, and graphs hold nodes."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in [value] if isinstance(value, Message) else value:
                yield from _parts(part)


def _fitting(session: OnnxModel, model: Model, layouts: list[Layout]) -> list[Layout]:
    """Those of the layouts that the input may have; several if the graph leaves its sizes open.

    Raises:
        ModelError: Input or outputs can't be those of the entry.
    """
    is_single = len(session.input_types) == len(session.output_types) == 1
    if not is_single or not {*session.input_types, *session.output_types} <= {*_ANY_FLOATS}:
        raise ModelError(
            f"it takes {_type_names(session.input_types)} and gives "
            f"{_type_names(session.output_types)}; expected one {_FLOATS} each. Export it with one "
            "input for pictures and one output of a floating-point number per label."
        )
    width, height = model.input.size_wh
    channels = model.input.spec.channels
    sizes = {"nchw": [1, channels, height, width], "nhwc": [1, height, width, channels]}
    shape = session.input_shape
    fitting = [layout for layout in layouts if _fits(shape, sizes[layout])]
    if not fitting:
        expected = " or ".join(_shape_text(["n", *sizes[layout][1:]]) for layout in layouts)
        raise ModelError(
            f"its input has the shape {_shape_text(shape)}; expected {expected}: n pictures of "
            f"{channels} channels, {height} × {width}."
        )
    return fitting


def _fits(shape: list[Any], sizes: list[int]) -> bool:
    return len(shape) == len(sizes) and all(
        size == expected or not isinstance(size, int)
        for size, expected in zip(shape, sizes, strict=True)
    )


def _try_out(session: OnnxModel, model: Model, layouts: list[Layout]) -> dict[str, Any]:
    """Classify a black picture alone, and then black, white and noisy ones.

    Raises:
        ModelError: It can't be run, or its output has another shape, is not finite or not what the
            entry says.
    """
    for layout in layouts:
        entry = model.model_copy(
            update={"input": model.input.model_copy(update={"layout": layout})}
        )
        try:
            classifier = ExpressionClassifier.of(session, entry)
            break
        except ModelError:
            if layout == layouts[-1]:
                raise
    width, height = model.input.size_wh
    black = np.zeros((height, width, 3), np.uint8)
    random = np.random.default_rng(0)
    noise = [random.integers(0, 32 * (n + 1), black.shape, np.uint8) for n in range(_NOISY)]
    classifier.classify([black])
    pictures = [black, np.full_like(black, 255), *noise]
    rows = classifier.outputs(pictures)
    classifier.classify(pictures)
    if reason := contradiction(rows, model.output):
        raise ModelError(reason)
    guess = guess_output(rows)
    return {
        "layout": layout,
        "output": guess.output,
        "output_reason": guess.reason,
        "is_constant": is_constant(rows),
    }


def _type_names(types: list[str]) -> str:
    return ", ".join(types) or "nothing"


def _shape_text(shape: list[Any]) -> str:
    return " × ".join(str(n) if isinstance(n, int) else "n" for n in shape)


def _memory_text(data: bytes) -> str:
    most = memory_bytes(len(data)) >> 20
    return f"it needs more memory than the {most:,} MB that a model of its size may use."


def memory_bytes(file_bytes: int) -> int:
    """How much address space a model may use, by the size of its file."""
    return min(_FREE_BYTES + _TIMES_FILE * file_bytes, _MOST_BYTES)


def send_answer(request: dict[str, Any]) -> None:
    """Read the entry and the bytes from standard input, and answer; see `examine`."""
    model = Model.model_validate_json(sys.stdin.buffer.readline())
    send(examine(sys.stdin.buffer.read(), model, finds=request["finds"]))


if __name__ == "__main__":
    size = json.loads(sys.argv[1])["file_bytes"]
    run(send_answer, memory_bytes=memory_bytes(size), processor_s=_PROCESSOR_S)

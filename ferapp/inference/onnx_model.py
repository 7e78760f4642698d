"""The only home of onnxruntime."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ferapp.errors import ModelError
from ferapp.libraries import ONNX_RUNTIME, Loaded, load
from ferapp.system.text import make_printable

loaded: Final[Loaded] = load(ONNX_RUNTIME)
"""What came of importing it."""

PROVIDERS: Final = ("CPUExecutionProvider",)
"""What models run on."""

onnxruntime: Any = loaded.module

# ONNX Runtime writes one warning for each unused initializer of the public models.
_LOG_ERRORS_ONLY: Final = 3
# What went wrong in a run is raised; it would be logged for every frame as well.
_LOG_NOTHING: Final = 4
# Codes and places in its own source, which say nothing to anybody else.
_INTERNALS: Final = re.compile(
    r"\[ONNXRuntimeError\] : \d+ : \w+ : |/onnxruntime_src/\S+ [^)]*\) ?"
)
_LONGEST_TEXT: Final = 400


class OnnxModel:
    """One loaded ONNX graph; `run` may be called from several threads at once.

    Args:
        data: The bytes of the file: those that were hashed, so that nothing can change between.
        threads: How many threads one call may use. Without a cap each session takes every core,
            and two at work at once are slower than one.
        limit_s: A call that takes longer is stopped, once the operator that is at work has ended.
        is_exact: Multiply eight-bit weights without saturation. x86 processors with AVX2 or
            AVX-512 but no VNNI add two products in 16 bits, which weights beyond ±64 overflow; what
            is then computed is wrong without a word. Free for weights within ±64, and up to three
            times slower for others.

    Attributes:
        is_fused: Whether the graph was optimised in full.

    Raises:
        ModelError: ONNX Runtime can't load the graph.
    """

    def __init__(
        self, data: bytes, *, threads: int, limit_s: float | None = None, is_exact: bool = False
    ) -> None:
        self._limit_s = limit_s
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Threads that wait by spinning take the processor from the next stage: with two sessions
        # and OpenCV taking turns on two cores the whole took twice as long as its parts.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = _LOG_ERRORS_ONLY
        # It would take bytes that are an ONNX model for another format if they say so, and what
        # was examined would not be what is loaded.
        options.add_session_config_entry("session.load_model_format", "ONNX")
        if is_exact:
            options.add_session_config_entry("session.x64quantprecision", "1")
        self.is_fused = True
        try:
            try:
                self._session = _load(data, options)
            except Exception:
                if not is_exact:
                    raise
                # It changes weights in place, and fails where two operators share weights or their
                # zero point (findings/onnxruntime-exact-int8-shared-zero-point.sh). Less optimised,
                # QuantizeLinear and DequantizeLinear stay by themselves, and compute in float32.
                options.graph_optimization_level = (
                    onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
                )
                self._session = _load(data, options)
                self.is_fused = False
        except Exception as exc:  # its exception types share no base class of its own
            raise ModelError(f"ONNX Runtime can't load the model: {_error_text(exc)}") from exc
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if not inputs:
            raise ModelError("The model takes no input; expected pictures.")
        self.input_name: str = inputs[0].name
        self.input_shape: list[Any] = inputs[0].shape
        self.input_types: list[str] = [i.type for i in inputs]
        self.output_names: list[str] = [o.name for o in outputs]
        self.output_types: list[str] = [o.type for o in outputs]

    def run(self, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """The outputs for one input, in the graph's order.

        Raises:
            ModelError: ONNX Runtime can't run the graph, or took longer than the limit.
        """
        options = onnxruntime.RunOptions()
        options.log_severity_level = _LOG_NOTHING
        try:
            with _time_limit(options, self._limit_s):
                return list(self._session.run(None, {self.input_name: batch}, options))
        except Exception as exc:
            if options.terminate:
                raise ModelError(
                    f"The model was stopped: it gave no answer within {self._limit_s:g} s."
                ) from exc
            raise ModelError(f"ONNX Runtime can't run the model: {_error_text(exc)}") from exc


def _load(data: bytes, options: Any) -> Any:
    return onnxruntime.InferenceSession(data, options, providers=list(PROVIDERS))


@contextmanager
def _time_limit(options: Any, limit_s: float | None) -> Iterator[None]:
    """Have a run that goes on for longer end by itself, with an error."""
    if limit_s is None:
        yield
        return
    timer = threading.Timer(limit_s, setattr, (options, "terminate", True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _error_text(exc: Exception) -> str:
    """What ONNX Runtime says, on one line; names in it come from the graph."""
    line = " ".join(_INTERNALS.sub("", str(exc)).split())
    return make_printable(line)[:_LONGEST_TEXT]


def available_providers() -> list[str]:
    """What the installed ONNX Runtime can run models on."""
    return list(onnxruntime.get_available_providers())

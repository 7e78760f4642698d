"""Runs ONNX graphs; the only module that imports onnxruntime."""

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
"""ONNX Runtime, or why it could not be imported."""

PROVIDERS: Final = ("CPUExecutionProvider",)
"""The execution providers that run models."""

onnxruntime: Any = loaded.module

# ONNX Runtime logs one warning for each unused initializer of the public models.
_LOG_ERRORS_ONLY: Final = 3
# Errors of a run are raised; they would also be logged for every frame.
_LOG_NOTHING: Final = 4
# Error codes and source locations, which mean nothing to users.
_INTERNALS: Final = re.compile(
    r"\[ONNXRuntimeError\] : \d+ : \w+ : |/onnxruntime_src/\S+ [^)]*\) ?"
)
_LONGEST_TEXT: Final = 400
# Inputs of other precision than float32.
_DTYPES: Final = {"tensor(float16)": np.float16, "tensor(double)": np.float64}


class OnnxModel:
    """One loaded ONNX graph; `run` may be called from several threads at once.

    Args:
        data: The bytes of the file: those that were hashed, so that nothing can change in between.
        threads: Maximum number of threads of one call. Without it each session uses every core,
            and two sessions at once are slower than one.
        limit_s: A call that takes longer is stopped as soon as the current operator has finished.
        is_exact: Multiply eight-bit weights without saturation. x86 processors with AVX2 or
            AVX-512 but no VNNI add two products in 16 bits, which overflows for weights beyond ±64
            and silently gives wrong results. Exact mode costs nothing for weights within ±64, and
            up to three times as much time for others.

    Attributes:
        is_fused: Whether the graph was fully optimised.

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
        # Threads that spin while waiting take the processor from the next stage: with two sessions
        # and OpenCV in turn on two cores, a frame took twice as long as the sum of its stages.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = _LOG_ERRORS_ONLY
        # Otherwise the bytes could declare another format than the one that was examined.
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
                # Exact mode changes weights in place and fails if two operators share weights or
                # a zero point (findings/onnxruntime-exact-int8-shared-zero-point.sh). With less
                # optimisation, QuantizeLinear and DequantizeLinear remain and compute in float32.
                options.graph_optimization_level = (
                    onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
                )
                self._session = _load(data, options)
                self.is_fused = False
        except Exception as exc:  # its exception types share no base class of its own
            raise ModelError(f"ONNX Runtime can't load the model: {_error_text(exc)}") from exc
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if not inputs:
            raise ModelError("The model has no input; expected one for pictures.")
        self.input_name: str = inputs[0].name
        self.input_shape: list[Any] = inputs[0].shape
        self.input_types: list[str] = [i.type for i in inputs]
        self._dtype = _DTYPES.get(self.input_types[0], np.float32)
        self.output_names: list[str] = [o.name for o in outputs]
        self.output_types: list[str] = [o.type for o in outputs]

    def run(self, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """The outputs for one batch, in the order of the graph.

        Raises:
            ModelError: ONNX Runtime can't run the graph, or it takes longer than the limit.
        """
        options = onnxruntime.RunOptions()
        options.log_severity_level = _LOG_NOTHING
        try:
            with _time_limit(options, self._limit_s):
                values = batch.astype(self._dtype, copy=False)
                return list(self._session.run(None, {self.input_name: values}, options))
        except Exception as exc:
            if options.terminate:
                raise ModelError(
                    f"The model was stopped: it took longer than {self._limit_s:g} s."
                ) from exc
            raise ModelError(f"ONNX Runtime can't run the model: {_error_text(exc)}") from exc


def _load(data: bytes, options: Any) -> Any:
    return onnxruntime.InferenceSession(data, options, providers=list(PROVIDERS))


@contextmanager
def _time_limit(options: Any, limit_s: float | None) -> Iterator[None]:
    """Make ONNX Runtime end a run with an error once it takes longer."""
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
    """The message of ONNX Runtime on one line; names in it come from the graph."""
    line = " ".join(_INTERNALS.sub("", str(exc)).split())
    return make_printable(line)[:_LONGEST_TEXT]


def available_providers() -> list[str]:
    """The execution providers of the installed ONNX Runtime."""
    return list(onnxruntime.get_available_providers())

"""The only home of onnxruntime."""

from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ferapp.errors import ModelError

# ONNX Runtime writes one warning for each unused initializer of the public models.
_LOG_ERRORS_ONLY = 3


class Session:
    """One loaded ONNX graph; `run` may be called from several threads at once.

    Args:
        data: The bytes of the file: those that were hashed, so that nothing can change between.
        threads: How many threads one call may use. Without a cap each session takes every core,
            and two at work at once are slower than one.

    Raises:
        ModelError: ONNX Runtime can't load the graph.
    """

    def __init__(self, data: bytes, *, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Threads that wait by spinning take the processor from the next stage: with two sessions
        # and OpenCV taking turns on two cores the whole took twice as long as its parts.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = _LOG_ERRORS_ONLY
        try:
            self._session = onnxruntime.InferenceSession(
                data, options, providers=["CPUExecutionProvider"]
            )
        except Exception as exc:  # its exception types share no base class of its own
            raise ModelError(f"ONNX Runtime can't load the model: {exc}") from exc
        self.input_name: str = self._session.get_inputs()[0].name
        self.input_shape: list[Any] = self._session.get_inputs()[0].shape
        self.output_names: list[str] = [o.name for o in self._session.get_outputs()]

    def run(self, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """The outputs for one input, in the graph's order."""
        return list(self._session.run(None, {self.input_name: batch}))

"""Expression classifiers: crops of faces in, probabilities out."""

from collections.abc import Sequence
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from ferapp.errors import ModelError
from ferapp.inference.entry_parts import Calibration
from ferapp.inference.manifest import Model
from ferapp.inference.onnx_model import OnnxModel
from ferapp.inference.outputs import Layout, Output, to_logits
from ferapp.settings import Look
from ferapp.vision.crops import Image
from ferapp.vision.preprocess import InputSpec, batch

_LARGEST_BATCH: Final = 64

# Below this, a label is more likely wrong than right, if the probabilities of a classifier without
# calibration are true.
_UNCALIBRATED_UNSURE_BELOW: Final = 0.5


class ExpressionClassifier:
    """One classifier; `classify` may be called from several threads at once.

    Attributes:
        labels: The meaning of its outputs, in order.
        size_wh: Width and height to which crops are resized, px.
        unsure_below: A top probability below this gives no label.
        neutral_reference: Geometric mean of each probability over many people's neutral faces,
            (labels,); None if it has not been measured.

    Args:
        session: Its graph: one input, one output with one number per label.
        spec: The input that it takes.
        labels: The meaning of its outputs, in order.
        calibration: How logits become probabilities; without it, plain softmax.
        flip_averaging: Whether it can also read the mirror image of a face. Expressions look the
            same in a mirror, so the mean of both answers is better than either.
        output: What the graph gives.
        layout: Order of the dimensions of its input.

    Raises:
        ModelError: The number of outputs differs from the number of labels.
    """

    def __init__(
        self,
        session: OnnxModel,
        spec: InputSpec,
        labels: tuple[str, ...],
        calibration: Calibration | None = None,
        *,
        flip_averaging: bool = False,
        output: Output = "logits",
        layout: Layout = "nchw",
    ) -> None:
        self.labels = labels
        self._output, self._layout = output, layout
        self.size_wh = spec.size_wh
        self.unsure_below = calibration.unsure_below if calibration else _UNCALIBRATED_UNSURE_BELOW
        reference = calibration.neutral_reference if calibration else ()
        self.neutral_reference = np.array(reference, np.float32) if reference else None
        self._session = session
        self._spec = spec
        self._flip_averaging = flip_averaging
        self._temperature = calibration.temperature if calibration else 1.0
        bias = calibration.bias if calibration else ()
        self._bias = np.array(bias or [0.0] * len(labels), np.float32)
        # Graphs with a fixed batch size take one picture at a time.
        self._batch = _LARGEST_BATCH if not isinstance(session.input_shape[0], int) else 1
        width, height = spec.size_wh
        self._run(np.zeros((1, spec.channels, height, width), np.float32))

    @classmethod
    def of(cls, session: OnnxModel, model: Model) -> Self:
        """The classifier that an entry describes."""
        return cls(
            session,
            model.input.spec,
            model.labels,
            model.calibration,
            flip_averaging=model.flip_averaging,
            output=model.output,
            layout=model.input.layout,
        )

    def outputs(self, crops_rgb: Sequence[Image], *, look: Look = "both") -> NDArray[np.float32]:
        """What the graph gives, (n, labels) float32.

        Args:
            crops_rgb: Crops of any size, each (h, w, 3) RGB uint8.
            look: Whether to read each crop as it is, mirrored, or both; without flip averaging,
                always as it is.

        Raises:
            ModelError: An output is not finite or has an unexpected shape.
        """
        if not crops_rgb:
            return np.empty((0, len(self.labels)), np.float32)
        plain = batch(crops_rgb, self._spec)
        looks = {"plain": [plain], "mirrored": [plain[..., ::-1]]}
        looks["both"] = looks["plain"] + looks["mirrored"]
        pixels = np.concatenate(looks[look if self._flip_averaging else "plain"])
        parts = [
            self._run(pixels[start : start + self._batch])
            for start in range(0, len(pixels), self._batch)
        ]
        by_look = np.concatenate(parts).reshape(-1, len(crops_rgb), len(self.labels))
        with np.errstate(over="ignore", invalid="ignore"):
            return _require_finite(by_look.mean(axis=0))

    def logits(self, crops_rgb: Sequence[Image], *, look: Look = "both") -> NDArray[np.float32]:
        """The same as logits, before any calibration, (n, labels) float32; see `outputs`."""
        return to_logits(self.outputs(crops_rgb, look=look), self._output)

    def classify(self, crops_rgb: Sequence[Image], *, look: Look = "both") -> NDArray[np.float32]:
        """Calibrated probabilities, (n, labels) float32, each row sums to 1; see `outputs`."""
        logits = self.logits(crops_rgb, look=look)
        # The quotient of finite but very large numbers may be infinite.
        with np.errstate(over="ignore", invalid="ignore"):
            return _require_finite(softmax(logits / self._temperature + self._bias))

    def _run(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """The first output, (n, labels), for pixels (n, channels, height, width)."""
        if self._layout == "nhwc":
            pixels = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
        out = np.asarray(self._session.run(pixels)[0])
        expected = (len(pixels), len(self.labels))
        actual = np.shape(out)
        if actual != expected:  # graphs with conditions may do this for some inputs only
            raise ModelError(f"expected output {expected}, one per label, got {actual}")
        return out.astype(np.float32, copy=False)


def _require_finite(values: NDArray[np.float32]) -> NDArray[np.float32]:
    if not np.isfinite(values).all():
        raise ModelError("The classifier returned numbers that are not finite; no result is shown.")
    return np.asarray(values, np.float32)


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Softmax of each row, (n, k) float32.

    Example:
        >>> softmax(np.log(np.array([[1, 3]], np.float32)))
        array([[0.25, 0.75]], dtype=float32)
    """
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), np.float32)

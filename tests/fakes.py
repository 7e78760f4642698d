"""Stand-ins at the seams: models without weights."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ferapp.settings import DetectionSettings, Look
from ferapp.types import Faces


class FakeDetector:
    """Finds the same faces in every picture and remembers what it was asked."""

    def __init__(self, faces: Faces) -> None:
        self.faces = faces
        self.settings: list[DetectionSettings] = []

    def detect(self, image_rgb: NDArray[np.uint8], settings: DetectionSettings) -> Faces:
        self.settings.append(settings)
        return self.faces.at(np.arange(len(self.faces))[: settings.max_faces])


class FakeClassifier:
    """Gives each crop the probabilities of its mean grey value: dark is the first label."""

    size_wh = (48, 48)
    unsure_below = 0.5
    neutral_reference: NDArray[np.float32] | None = None

    def __init__(self, labels: tuple[str, ...]) -> None:
        self.labels = labels
        self.calls: list[int] = []
        self.looks: list[Look] = []
        self.crops: list[NDArray[np.uint8]] = []

    def classify(
        self, crops_rgb: Sequence[NDArray[np.uint8]], *, look: Look = "both"
    ) -> NDArray[np.float32]:
        self.calls.append(len(crops_rgb))
        self.looks.append(look)
        self.crops += crops_rgb
        out = np.full((len(crops_rgb), len(self.labels)), 0.01, np.float32)
        for row, crop in zip(out, crops_rgb, strict=True):
            row[min(int(crop.mean() / 256 * len(self.labels)), len(self.labels) - 1)] = 1
        return out / out.sum(axis=1, keepdims=True)


class FakeSmileReader:
    """The first face smiles, the others don't."""

    def smiles(self, image_rgb: NDArray[np.uint8], xyxy: NDArray[np.float32]) -> NDArray[np.bool_]:
        return np.arange(len(xyxy)) == 0


class FakeSession:
    """A graph with one output: the mean of each picture, repeated and scaled."""

    input_name = "input"
    output_names = ["logits"]  # noqa: RUF012

    def __init__(self, labels: int, *, batch: int | str = "batch") -> None:
        self.input_shape = [batch, 1, 48, 48]
        self.labels = labels
        self.batches: list[int] = []

    def run(self, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        self.batches.append(len(batch))
        means = batch.mean(axis=(1, 2, 3))
        return [(means[:, None] * np.arange(self.labels)).astype(np.float32)]


class Clock:
    """Tells the time that it was set to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

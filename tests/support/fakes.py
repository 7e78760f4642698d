"""Stand-ins at the seams: models without weights."""

import threading
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ferapp.face_shape import FaceGeometry, FaceShape, HeadPose
from ferapp.sessions.session import Marker, Readings
from ferapp.settings import DetectionSettings, Look
from ferapp.types import Faces
from tests.support.landmarked import face_points


class FakeDetector:
    """Finds the same faces in every picture and records the settings of each call."""

    def __init__(self, faces: Faces) -> None:
        self.faces = faces
        self.settings: list[DetectionSettings] = []

    def detect(self, image_rgb: NDArray[np.uint8], settings: DetectionSettings) -> Faces:
        self.settings.append(settings)
        return self.faces.at(np.arange(len(self.faces))[: settings.max_faces])


class FakeClassifier:
    """Labels each crop by its mean grey value; the first label is the darkest."""

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
    """The first face smiles, the others do not."""

    def smiles(self, image_rgb: NDArray[np.uint8], xyxy: NDArray[np.float32]) -> NDArray[np.bool_]:
        return np.arange(len(xyxy)) == 0


class FakeShapeReader:
    """Finds the drawn face's points in every box but the last, which it calls not clear."""

    def __init__(self) -> None:
        self.calls = 0

    def shapes(
        self, image_rgb: NDArray[np.uint8], xyxy: NDArray[np.float32]
    ) -> tuple[FaceShape, ...]:
        self.calls += 1
        out = []
        for x1, y1, x2, y2 in xyxy:
            points = face_points((float(x1 + x2) / 2, float(y1 + y2) / 2), float(y2 - y1))
            pose = HeadPose(-20.0, 3.0, 1.0, 30.0, 0.02)
            geometry = FaceGeometry(0.05, 0.6, 12.0, 0.2, None)
            out.append(FaceShape(points, pose, geometry))
        return (*out[:-1], FaceShape(missing="not clear enough")) if len(out) > 1 else tuple(out)


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
    """Gives the time that it was set to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class FakeWork:
    """Does one step each time the test allows it, and reports each step and its end.

    Args:
        steps: Number of steps.
        total: The total that it claims.
        error: Raised instead of the first step that the test allows.
        breaks: Raised when it is closed in the middle of a step.
    """

    def __init__(
        self,
        steps: int = 4,
        *,
        total: float | None = None,
        error: Exception | None = None,
        breaks: Exception | None = None,
    ) -> None:
        self.total = float(steps) if total is None else total
        self.steps, self.error, self.breaks = steps, error, breaks
        self.closes = 0
        self.began = threading.Event()
        self.closed = threading.Event()
        self._allowed = threading.Semaphore(0)

    def allow(self, steps: int = 100) -> None:
        self._allowed.release(steps)

    def __iter__(self) -> Iterator[float]:
        self.began.set()
        for step in range(1, self.steps + 1):
            while not self._allowed.acquire(timeout=0.01):
                if self.closed.is_set():
                    if self.breaks:
                        raise self.breaks
                    return
            if self.error:
                raise self.error
            yield float(step)

    def close(self) -> None:
        self.closes += 1
        self.closed.set()


class FakeSink:
    """Keeps the readings it is given, or fails."""

    def __init__(self) -> None:
        self.batches: list[Readings] = []
        self.markers: list[Marker] = []
        self.finished: list[float] = []
        self.failure: Exception | None = None
        self.was_asked = threading.Event()

    def add(self, session: str, readings: Readings, duration_s: float) -> None:
        self.was_asked.set()
        if self.failure:
            raise self.failure
        self.batches.append(readings)

    def add_marker(self, session: str, marker: Marker) -> None:
        if self.failure:
            raise self.failure
        self.markers.append(marker)

    def finish(self, session: str, duration_s: float) -> None:
        self.finished.append(duration_s)


def faces(*lefts: float, side: float = 80) -> Faces:
    xyxy = np.array([[x, 60, x + side, 60 + side] for x in lefts], np.float32).reshape(-1, 4)
    return Faces(xyxy, np.full(len(lefts), 0.9, np.float32))

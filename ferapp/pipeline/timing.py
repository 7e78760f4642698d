"""How long each stage takes on this machine."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ferapp.inference.detectors import Detector
from ferapp.media.images import read_image
from ferapp.pipeline.analyzer import Classifier
from ferapp.settings import DetectionSettings
from ferapp.vision.boxes import squares
from ferapp.vision.crops import region

_WARM_UP: Final = 3


@dataclass(frozen=True)
class StageTimes:
    """Medians for one picture, in ms.

    Attributes:
        faces: How many faces were found.
        decode: From the bytes of the file to pixels.
        detect: From pixels to boxes.
        crop: From boxes to crops.
        classify: From crops to probabilities, all faces in one call.
        end_to_end: From the bytes to probabilities, timed as one.
    """

    faces: int
    decode: float
    detect: float
    crop: float
    classify: float
    end_to_end: float

    @property
    def frames_per_second(self) -> float:
        """How many frames that are decoded already could be analysed in a second."""
        return 1000 / (self.detect + self.crop + self.classify)


def stage_times(
    data: bytes, detector: Detector, classifier: Classifier, *, repeats: int = 30
) -> StageTimes:
    """Time every stage for one picture, given as the bytes of its file.

    Raises:
        ImageError: The picture can't be read.
    """
    image = read_image(data)
    how = DetectionSettings()
    boxes = squares(detector.detect(image, how).xyxy)
    crops = [region(image, box, classifier.size_wh) for box in boxes]

    def everything() -> None:
        pixels = read_image(data)
        found = squares(detector.detect(pixels, how).xyxy)
        classifier.classify([region(pixels, box, classifier.size_wh) for box in found])

    return StageTimes(
        len(boxes),
        median_ms(lambda: read_image(data), repeats),
        median_ms(lambda: detector.detect(image, how), repeats),
        median_ms(lambda: [region(image, box, classifier.size_wh) for box in boxes], repeats),
        median_ms(lambda: classifier.classify(crops), repeats),
        median_ms(everything, repeats),
    )


def median_ms(work: Callable[[], object], repeats: int) -> float:
    """Median wall time of a call, ms, after a few calls that don't count."""
    times = []
    for index in range(_WARM_UP + repeats):
        start = time.perf_counter()
        work()
        if index >= _WARM_UP:
            times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)

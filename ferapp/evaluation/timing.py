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
from ferapp.vision.crops import Image, region

_WARM_UP: Final = 3


@dataclass(frozen=True)
class StageTimes:
    """Median times for one picture, ms.

    Attributes:
        faces: Number of faces found.
        decode_ms: From the bytes of the file to pixels.
        detect_ms: From pixels to boxes.
        crop_ms: From boxes to crops.
        classify_ms: From crops to probabilities, all faces in one call.
        analyze_ms: From pixels to probabilities, measured as a whole.
        end_to_end_ms: From the bytes to probabilities, measured as a whole.
    """

    faces: int
    decode_ms: float
    detect_ms: float
    crop_ms: float
    classify_ms: float
    analyze_ms: float
    end_to_end_ms: float

    @property
    def frames_per_second(self) -> float:
        """How many decoded frames can be analysed per second."""
        return 1000 / self.analyze_ms


def time_stages(
    data: bytes, detector: Detector, classifier: Classifier, *, repeats: int = 30
) -> StageTimes:
    """Measure every stage for one picture, given as the bytes of its file.

    Raises:
        ImageError: The picture can't be read.
    """
    image = read_image(data)
    settings = DetectionSettings()
    boxes = squares(detector.detect(image, settings).xyxy)
    crops = [region(image, box, classifier.size_wh) for box in boxes]

    def analyze(pixels: Image) -> None:
        squared = squares(detector.detect(pixels, settings).xyxy)
        classifier.classify([region(pixels, box, classifier.size_wh) for box in squared])

    return StageTimes(
        len(boxes),
        median_ms(lambda: read_image(data), repeats),
        median_ms(lambda: detector.detect(image, settings), repeats),
        median_ms(lambda: [region(image, box, classifier.size_wh) for box in boxes], repeats),
        median_ms(lambda: classifier.classify(crops), repeats),
        median_ms(lambda: analyze(image), repeats),
        median_ms(lambda: analyze(read_image(data)), repeats),
    )


def median_ms(work: Callable[[], object], repeats: int) -> float:
    """Median wall-clock time of a call, ms, after a few warm-up calls."""
    times = []
    for index in range(_WARM_UP + repeats):
        start = time.perf_counter()
        work()
        if index >= _WARM_UP:
            times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)

"""The composition root: from names of models to an analyzer."""

from typing import Final

from ferapp.inference.landmarks.shape_reader import ShapeReader
from ferapp.inference.manifest import manifest
from ferapp.inference.registry import (
    load_classifier,
    load_detector,
    load_landmarks,
    load_smile_cascade,
)
from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.small_faces import Sight

DEFAULT_THREADS: Final = 2
"""Threads that one analysis may use; more gain little on models of this size."""


def load_analyzer(
    detector: str | None = None,
    classifier: str | None = None,
    *,
    threads: int = DEFAULT_THREADS,
    with_smile: bool = False,
    with_landmarks: bool = False,
) -> Analyzer:
    """Load the models and put them together.

    Args:
        detector: Name of a face detector in the manifest; None for the default.
        classifier: Name of an expression classifier, shipped or added; None for the default.
        threads: How many threads each model may use for one call.
        with_smile: Whether to load the smile cascade as well.
        with_landmarks: Whether to load the landmark network as well.

    Raises:
        UnknownModel: There is no model of that name.
        MissingWeights: Its file is not on this machine.
        WrongHash: Its file is not the one that the manifest names.
        ModelError: It can't be loaded, or it is an added model that was refused.
        MissingExtra: It is an added model, and onnx, which examines it, is not installed.
    """
    entries = manifest()
    return Analyzer(
        load_detector(detector, threads=threads),
        load_classifier(classifier, threads=threads),
        smile_reader=load_smile_cascade() if with_smile else None,
        shape_reader=ShapeReader(load_landmarks(threads=threads)) if with_landmarks else None,
        sight=Sight.of(entries.model(detector, "detector")),
        detector_name=entries.model(detector, "detector").name,
        classifier_name=entries.model(classifier, "classifier").name,
    )

"""The examples in docstrings give what they say."""

import doctest
import importlib

import pytest

MODULES = [
    "ferapp.evaluation.calibration",
    "ferapp.evaluation.metrics",
    "ferapp.inference.classifiers",
    "ferapp.inference.detectors",
    "ferapp.inference.outputs",
    "ferapp.labels",
    "ferapp.media.containers",
    "ferapp.media.pictures.arrays",
    "ferapp.media.pictures.formats",
    "ferapp.media.frame_clock",
    "ferapp.media.orientation",
    "ferapp.sessions.lengths",
    "ferapp.sessions.report.affect",
    "ferapp.sessions.session",
    "ferapp.sessions.statistics.bins",
    "ferapp.sessions.statistics.bootstrap",
    "ferapp.settings",
    "ferapp.system.csv_tables",
    "ferapp.system.text",
    "ferapp.temporal.baseline",
    "ferapp.temporal.both_directions",
    "ferapp.temporal.rolling",
    "ferapp.temporal.smoothing",
    "ferapp.temporal.tracking",
    "ferapp.types",
    "ferapp.vision.annotate",
    "ferapp.vision.boxes",
    "ferapp.vision.crops",
    "ferapp.vision.preprocess",
    "ferapp.vision.priors",
    "ferapp.vision.sizes",
    "ferapp.wording",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_are_right(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0 and result.failed == 0

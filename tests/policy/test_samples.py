"""The sample pictures: the first results that a newcomer sees have to be right."""

import re

import numpy as np
import pytest

from ferapp.emotions import EXPRESSIONS
from ferapp.inference.manifest import manifest
from ferapp.media.images import read_image
from ferapp.pipeline.build import load_analyzer
from ferapp.sessions.formats.exchange import read
from ferapp.ui.shared.sources import SAMPLES
from tests.support.example_session import CAST, FILE, NAMES
from tests.support.places import SAMPLES as FOLDER


@pytest.mark.parametrize(
    ("file", "expressions"),
    [
        pytest.param("astronaut.jpg", ["happiness"], id="smile"),
        pytest.param("grace-hopper.jpg", ["neutral"], id="serious"),
        pytest.param("mona-lisa.jpg", ["neutral"], id="painting"),
        pytest.param("group.jpg", ["happiness"] * 11 + ["neutral"] * 21, id="group"),
        pytest.param("disgust.jpg", ["disgust"], id="disgust"),
        pytest.param("fear.jpg", ["fear"], id="fear"),
        pytest.param("three-portraits.jpg", ["happiness", "neutral", "neutral"], id="three"),
    ],
)
def test_the_default_models_read_the_samples(file: str, expressions: list[str]) -> None:
    analysis = load_analyzer().analyze(read_image(FOLDER / file))
    assert sorted(analysis.expressions) == expressions
    assert not analysis.is_unsure.any()


def test_each_of_the_eight_people_is_read_as_shown_except_for_contempt() -> None:
    analysis = load_analyzer().analyze(read_image(FOLDER / "eight-expressions.jpg"))
    x, y = analysis.faces.xyxy[:, :2].T
    half = analysis.size_wh[1] / 2
    in_order = np.lexsort((x, y > half))
    assert [analysis.expressions[place] for place in in_order] == [
        *("neutral", "happiness", "surprise", "sadness"),
        *("anger", "disgust", "fear", "neutral"),
    ]
    assert not analysis.is_unsure.any()


def test_the_samples_are_read_as_all_expressions_that_their_readme_claims() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    sentence = re.search(r"The default models read seven of them([^.]*)\.", text)
    assert sentence is not None
    claimed = {name for name in EXPRESSIONS if name in sentence[1]}
    analyzer = load_analyzer()
    read_as = {
        name for s in SAMPLES for name in analyzer.analyze(read_image(FOLDER / s.file)).expressions
    }
    assert read_as == claimed and len(claimed) == 7


def test_every_sample_is_offered_and_names_its_rights() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    files = {p.name for p in FOLDER.glob("*.jpg")}
    assert files == {s.file for s in SAMPLES}
    assert not [f for f in files if f"`{f}`" not in text]


def test_the_example_session_is_small_and_of_the_default_models() -> None:
    """A change of models has to make it anew: ``python -m tests.support.example_session``."""
    data = FILE.read_bytes()
    recording, readings = read(FILE.name, data)
    assert len(data) < 120_000 and FILE.name in (FOLDER / "README.md").read_text(encoding="utf-8")
    assert recording.names == NAMES and recording.markers and len(readings.faces) == len(CAST)
    known = {model.name: model.sha256 for model in manifest().models}
    for kind in ("detector", "classifier"):
        model = recording.models[kind]
        assert known[model["name"]] == model["sha256"]
    analyzer = load_analyzer()
    used = [recording.models[kind]["name"] for kind in ("detector", "classifier")]
    assert used == [analyzer.detector_name, analyzer.classifier_name]


def test_samples_are_small_and_carry_no_metadata() -> None:
    for path in FOLDER.glob("*.jpg"):
        data = path.read_bytes()
        assert len(data) < 120_000
        assert b"Exif" not in data and b"http" not in data

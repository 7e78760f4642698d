"""Notes about faces that may be too small for the detector."""

import numpy as np
import pytest

from ferapp.emotions import EXPRESSIONS
from ferapp.inference.entry_parts import Parts
from ferapp.inference.manifest import manifest
from ferapp.media.images import read_image
from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.build import load_analyzer
from ferapp.pipeline.small_faces import Sight
from ferapp.settings import AnalysisSettings, DetectionSettings
from ferapp.types import Faces, PictureRecord
from tests.support.fakes import FakeClassifier, FakeDetector
from tests.support.places import SAMPLES, shared_path

SEEN = Sight((320, 240))
IN_PARTS = Sight((320, 240), parts=Parts(size_wh=(320, 240), most=4))


def faces_of(*sides: tuple[float, float]) -> Faces:
    boxes = [(10, 10, 10 + width, 10 + height) for width, height in sides]
    xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    return Faces(xyxy, np.full(len(xyxy), 0.9, np.float32))


@pytest.mark.parametrize(
    ("sight", "size_wh", "sides", "expected"),
    [
        pytest.param(SEEN, (4032, 3024), [], "about 150 pixels", id="no face in a large picture"),
        pytest.param(SEEN, (4032, 3024), [], "choose the preset Crowd", id="what helps"),
        pytest.param(IN_PARTS, (4032, 3024), [], "about 90 pixels", id="in parts"),
        pytest.param(IN_PARTS, (1280, 960), [(30, 30)], "", id="parts are hardly reduced"),
        pytest.param(SEEN, (640, 480), [], "", id="no face in a small picture"),
        pytest.param(SEEN, (1280, 960), [(100, 110)], "", id="large faces"),
        pytest.param(SEEN, (1280, 960), [(100, 110), (40, 60)], "about 50", id="one small face"),
        pytest.param(SEEN, (640, 480), [(18, 20)], "", id="small faces in a small picture"),
        pytest.param(SEEN, (600, 6000), [(400, 400)], "", id="tall, large face"),
        pytest.param(SEEN, (600, 6000), [(200, 200)], "about 300", id="tall, small face"),
        pytest.param(Sight((640, 640), True), (4000, 3000), [], "640 × 480", id="keeps the shape"),
        pytest.param(Sight((640, 640), True), (4000, 3000), [(90, 90)], "", id="sees more"),
        pytest.param(Sight((640, 640), True), (1, 9000), [], "0 × 640", id="a strip"),
        pytest.param(Sight((640, 640), True, 26), (4000, 3000), [], "about 160", id="Haar"),
    ],
)
def test_a_note_names_what_may_be_missing(
    sight: Sight, size_wh: tuple[int, int], sides: list[tuple[float, float]], expected: str
) -> None:
    note = sight.note(size_wh, faces_of(*sides))
    assert (expected in note) if expected else note == ""


@pytest.mark.parametrize("model", [m for m in manifest().models if m.kind == "detector"], ids=str)
def test_every_detector_has_a_sight(model: object) -> None:
    sight = Sight.of(model)  # type: ignore[arg-type]
    assert sight.note((50_000, 50_000), Faces.empty()) and not sight.note((300, 200), faces_of())


def test_the_note_is_part_of_the_result() -> None:
    detector = FakeDetector(faces_of((100, 100), (30, 30)))
    analyzer = Analyzer(detector, FakeClassifier(EXPRESSIONS), sight=SEEN)
    image = np.zeros((960, 1280, 3), np.uint8)
    # Also where the small face is one too many.
    settings = AnalysisSettings(DetectionSettings(max_faces=1))
    for analysis in (analyzer.analyze(image), analyzer.analyze(image, settings)):
        [note] = analysis.notes
        assert note.startswith("Faces smaller than about 50 pixels may be missing")
        record = analysis.to_record()
        assert record["notes"] == [note]
        assert PictureRecord.from_json(record).notes == (note,)
    old = {key: value for key, value in record.items() if key != "notes"}
    assert PictureRecord.from_json(old).notes == (), "a result of an older version"


def test_ordinary_pictures_have_no_note() -> None:
    analyzer = load_analyzer()
    for path in set(SAMPLES.glob("*.jpg")) - {SAMPLES / "group.jpg"}:
        assert analyzer.analyze(read_image(path)).notes == (), path.name


def test_a_group_in_a_picture_of_12_megapixels_has_a_note() -> None:
    image = read_image(shared_path("data/bugs") / "group_12mp_100px.jpg")
    analysis = load_analyzer().analyze(image)
    assert len(analysis) < 8 and "320 × 240" in analysis.notes[0]

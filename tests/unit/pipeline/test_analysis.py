"""The analyzer and its results, with fake models."""

import json
from dataclasses import replace

import numpy as np
import pytest

from ferapp.emotions import EXPRESSIONS
from ferapp.errors import InvalidValue, SettingError
from ferapp.pipeline.analyzer import Analyzer, renormalised
from ferapp.settings import AnalysisSettings, DetectionSettings
from ferapp.types import Faces, FrameAnalysis, PictureRecord
from tests.support.fakes import FakeClassifier, FakeDetector, FakeShapeReader, FakeSmileReader
from tests.support.textures import textured


def faces(*boxes: tuple[float, float, float, float]) -> Faces:
    xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    return Faces(xyxy, np.linspace(0.9, 0.8, len(boxes), dtype=np.float32))


def halves() -> np.ndarray:
    """Black on the left, white on the right, (40, 80, 3)."""
    image = np.zeros((40, 80, 3), np.uint8)
    image[:, 40:] = 255
    return image


LEFT, RIGHT = (5, 5, 25, 25), (50, 5, 70, 25)


def test_no_face_flows_through() -> None:
    analysis = Analyzer(FakeDetector(Faces.empty()), FakeClassifier(EXPRESSIONS)).analyze(halves())
    assert len(analysis) == 0 and analysis.expressions == [] and analysis.confidence.shape == (0,)
    assert analysis.to_record()["faces"] == []
    assert list(analysis.to_frame().columns)[:3] == ["face", "x1", "y1"]
    assert len(analysis.to_frame()) == 0


def test_every_face_gets_its_own_crop_in_one_call() -> None:
    classifier = FakeClassifier(EXPRESSIONS)
    analysis = Analyzer(FakeDetector(faces(LEFT, RIGHT)), classifier).analyze(halves())
    assert analysis.expressions == ["neutral", "contempt"], (
        "black is the first label, white the last"
    )
    assert classifier.calls == [2]
    assert analysis.size_wh == (80, 40)


def test_a_box_at_the_border_is_never_empty_or_squashed() -> None:
    classifier = FakeClassifier(EXPRESSIONS)
    detector = FakeDetector(faces((-10, -10, 3, 39), (79, 39, 80, 40)))
    analysis = Analyzer(detector, classifier).analyze(halves(), AnalysisSettings(padding=1.0))
    assert analysis.probabilities.shape == (2, 8)
    assert {c.shape for c in classifier.crops} == {(48, 48, 3)}


def test_padding_makes_the_crop_larger() -> None:
    """A white face on black: the more padding, the darker its crop."""
    image = np.zeros((60, 60, 3), np.uint8)
    image[20:40, 20:40] = 255
    means = []
    for padding in (-0.2, 0.0, 0.5, 1.0):
        classifier = FakeClassifier(EXPRESSIONS)
        Analyzer(FakeDetector(faces((20, 20, 40, 40))), classifier).analyze(
            image, AnalysisSettings(padding=padding)
        )
        means.append(classifier.crops[0].mean())
    assert means[0] == means[1] == 255 and means[1] > means[2] > means[3] == pytest.approx(
        64, abs=8
    )


def test_left_out_classes_are_listed_and_the_rest_sums_to_one() -> None:
    analyzer = Analyzer(FakeDetector(faces(LEFT)), FakeClassifier(EXPRESSIONS))
    analysis = analyzer.analyze(halves(), AnalysisSettings(classes=("fear", "happiness")))
    assert analysis.labels == ("happiness", "fear"), "in the classifier's order"
    assert analysis.left_out == ("neutral", "surprise", "sadness", "anger", "disgust", "contempt")
    assert analysis.probabilities.sum() == pytest.approx(1)
    assert analysis.to_record()["renormalised_without"] == list(analysis.left_out)


def test_renormalising_zeros_gives_equal_shares() -> None:
    np.testing.assert_allclose(renormalised(np.zeros((1, 4), np.float32)), np.full((1, 4), 0.25))


@pytest.mark.parametrize(("threshold", "is_unsure"), [(None, True), (0.5, False), (0.99, True)])
def test_unsure_below_the_threshold_of_the_classifier_or_the_caller(
    threshold: float | None, is_unsure: bool
) -> None:
    classifier = FakeClassifier(EXPRESSIONS)  # its top probability is 0.93
    classifier.unsure_below = 0.95
    analysis = Analyzer(FakeDetector(faces(LEFT)), classifier).analyze(
        halves(), AnalysisSettings(unsure_below=threshold)
    )
    assert analysis.is_unsure.tolist() == [is_unsure]
    assert analysis.to_record()["faces"][0]["is_unsure"] is is_unsure


def test_settings_reach_the_detector() -> None:
    detector = FakeDetector(Faces.empty())
    detection = DetectionSettings(confidence=0.7, iou=0.2, max_faces=3)
    Analyzer(detector, FakeClassifier(EXPRESSIONS)).analyze(halves(), AnalysisSettings(detection))
    asked = detector.settings[0]
    assert (asked.confidence, asked.iou) == (0.7, 0.2)


def test_more_faces_than_the_maximum_are_reported() -> None:
    analyzer = Analyzer(FakeDetector(faces(LEFT, RIGHT)), FakeClassifier(EXPRESSIONS))
    at_most = [AnalysisSettings(DetectionSettings(max_faces=n)) for n in (1, 2)]
    one, two = (analyzer.analyze(halves(), settings) for settings in at_most)
    assert (len(one), one.is_cut) == (1, True) and one.to_record()["has_more_faces"]
    assert (len(two), two.is_cut) == (2, False)


def test_a_face_whose_expression_was_left_out_is_unsure() -> None:
    analyzer = Analyzer(FakeDetector(faces(LEFT)), FakeClassifier(EXPRESSIONS))
    analysis = analyzer.analyze(halves(), AnalysisSettings(classes=("fear", "contempt")))
    assert analysis.share_kept == pytest.approx([0.02 / 1.07], abs=1e-3)
    assert analysis.is_unsure.tolist() == [True]
    assert analysis.to_record()["faces"][0]["share_kept"] < 0.5
    assert "share_kept" in analysis.to_frame()
    kept = analyzer.analyze(halves(), AnalysisSettings(classes=("neutral", "contempt")))
    assert kept.is_unsure.tolist() == [False]


@pytest.mark.parametrize("method", ["analyze", "detect", "judge"])
def test_what_is_no_picture_is_refused_by_every_method(method: str) -> None:
    analyzer = Analyzer(FakeDetector(Faces.empty()), FakeClassifier(EXPRESSIONS))
    more = {"detect": (AnalysisSettings(),), "judge": (Faces.empty(), AnalysisSettings())}
    with pytest.raises(InvalidValue, match="expected one RGB picture"):
        getattr(analyzer, method)(None, *more.get(method, ()))


def test_boxes_and_crops_are_those_of_the_picture_that_was_meant() -> None:
    """A grey picture of 16 bits that has been handed over as such."""
    classifier = FakeClassifier(EXPRESSIONS)
    grey = halves()[:, :, 0].astype(np.uint16) * 257
    analysis = Analyzer(FakeDetector(faces(LEFT, RIGHT)), classifier).analyze(grey)
    assert analysis.expressions == ["neutral", "contempt"]
    assert analysis.size_wh == (80, 40)
    assert analysis.notes == ("The picture came as uint16: 0 to 65535 was read as black to white.",)
    assert analysis.to_record()["notes"] == list(analysis.notes)


def test_a_face_that_is_hard_to_read_has_no_label_and_says_why() -> None:
    image = textured(90, 200, 60, 200)
    boxes = faces((10, 10, 60, 60), (100, 10, 115, 25))
    analysis = Analyzer(FakeDetector(boxes), FakeClassifier(EXPRESSIONS)).analyze(image)
    assert analysis.flaws == (None, "too small")
    assert analysis.face_labels == [analysis.expressions[0], None]
    first, second = analysis.to_record()["faces"]
    assert "flaw" not in first and second["flaw"] == "too small"
    assert analysis.to_frame()["flaw"].fillna("").tolist() == ["", "too small"]


def test_flaws_of_another_number_of_faces_are_refused() -> None:
    one = Analyzer(FakeDetector(faces(LEFT)), FakeClassifier(EXPRESSIONS)).analyze(halves())
    with pytest.raises(InvalidValue, match="expected flaws of 1 faces, got 2"):
        replace(one, flaws=(None, None))


def test_smiles_are_detected_only_on_request() -> None:
    analyzer = Analyzer(
        FakeDetector(faces(LEFT, RIGHT)),
        FakeClassifier(EXPRESSIONS),
        smile_reader=FakeSmileReader(),
    )
    assert analyzer.analyze(halves()).smiles is None
    analysis = analyzer.analyze(halves(), AnalysisSettings(with_smile=True))
    assert [row["is_smiling"] for row in analysis.to_record()["faces"]] == [True, False]
    assert analysis.to_frame()["is_smiling"].tolist() == [True, False]


def test_landmarks_are_found_only_on_request() -> None:
    reader = FakeShapeReader()
    analyzer = Analyzer(
        FakeDetector(faces(LEFT, RIGHT)), FakeClassifier(EXPRESSIONS), shape_reader=reader
    )
    plain = analyzer.analyze(halves())
    assert plain.landmarks is None and reader.calls == 0
    assert "shape" not in plain.to_record()["faces"][0]
    assert not any("landmark" in column for column in plain.to_frame())
    analysis = analyzer.analyze(halves(), AnalysisSettings(with_landmarks=True))
    assert analysis.landmarks is not None and analysis.landmarks.shape == (2, 68, 2)
    first, second = analysis.landmarks
    assert abs(first.mean(axis=0) - [15, 15]).max() < 10 and np.isnan(second).all()


def test_what_landmarks_say_is_in_the_record_and_the_table() -> None:
    analyzer = Analyzer(
        FakeDetector(faces(LEFT, RIGHT)),
        FakeClassifier(EXPRESSIONS),
        shape_reader=FakeShapeReader(),
    )
    analysis = analyzer.analyze(halves(), AnalysisSettings(with_landmarks=True))
    first, second = (face["shape"] for face in analysis.to_record()["faces"])
    assert first["head"] == {
        "pose": "turned slightly left",
        "yaw_deg": -20,
        "pitch_deg": 3,
        "roll_deg": 1,
    }
    assert len(first["landmarks"]) == 68 and first["measures"]["mouth_width"] == 0.6
    assert "left_brow_height" not in first["measures"], "a measure that is not clear is left out"
    assert second == {"missing": "not clear enough"}
    table = analysis.to_frame()
    assert table["head_pose"].fillna("").tolist() == ["turned slightly left", ""]
    assert table["mouth_width"].tolist()[0] == 0.6 and table["landmark_67_y"].isna().tolist() == [
        False,
        True,
    ]
    assert table["shape_missing"].fillna("").tolist() == ["", "not clear enough"]


def test_faces_that_are_put_in_another_order_keep_their_landmarks() -> None:
    analyzer = Analyzer(
        FakeDetector(faces(LEFT, RIGHT)),
        FakeClassifier(EXPRESSIONS),
        shape_reader=FakeShapeReader(),
    )
    analysis = analyzer.analyze(halves(), AnalysisSettings(with_landmarks=True))
    turned = analysis.at(np.array([1, 0]))
    assert turned.shapes is not None and analysis.shapes is not None
    assert turned.shapes == analysis.shapes[::-1]
    with pytest.raises(InvalidValue, match="expected shapes of 2 faces, got 1"):
        replace(analysis, shapes=analysis.shapes[:1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param(AnalysisSettings(with_landmarks=True), "network is not loaded", id="marks"),
        pytest.param(AnalysisSettings(classes=("joy", "fear")), "does not know 'joy'", id="class"),
        pytest.param(AnalysisSettings(with_smile=True), "cascade is not loaded", id="smile"),
    ],
)
def test_unsupported_settings_are_refused(settings: AnalysisSettings, message: str) -> None:
    analyzer = Analyzer(FakeDetector(Faces.empty()), FakeClassifier(EXPRESSIONS))
    with pytest.raises(SettingError, match=message):
        analyzer.analyze(halves(), settings)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"padding": 2.0}, id="padding"),
        pytest.param({"unsure_below": 1.5}, id="unsure_below"),
        pytest.param({"classes": ("fear",)}, id="one class"),
        pytest.param({"classes": ("fear", "fear")}, id="the same class twice"),
    ],
)
def test_settings_out_of_range_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(InvalidValue):
        AnalysisSettings(**values)


def test_arrays_of_different_lengths_are_refused() -> None:
    with pytest.raises(InvalidValue, match="probabilities"):
        FrameAnalysis((4, 4), faces(LEFT), EXPRESSIONS, np.zeros((2, 8), np.float32), 0.5)
    with pytest.raises(InvalidValue, match="expected smiles"):
        FrameAnalysis(
            (4, 4),
            Faces.empty(),
            ("a",),
            np.zeros((0, 1), np.float32),
            0.5,
            smiles=np.ones(1, bool),
        )


def test_the_record_is_plain_json() -> None:
    analysis = Analyzer(FakeDetector(faces(LEFT)), FakeClassifier(EXPRESSIONS)).analyze(halves())
    record = json.loads(json.dumps(analysis.to_record(), allow_nan=False))
    assert {"width", "height", "faces"} <= set(record)
    face = record["faces"][0]
    assert face["box"] == [5, 5, 25, 25] and face["expression"] == "neutral"
    assert list(face["probabilities"]) == list(EXPRESSIONS)


@pytest.mark.parametrize(
    ("boxes", "settings"),
    [
        pytest.param((), AnalysisSettings(), id="no face"),
        pytest.param((LEFT, RIGHT), AnalysisSettings(), id="two faces"),
        pytest.param(
            (LEFT, RIGHT),
            AnalysisSettings(
                classes=("anger", "fear"), unsure_below=0, with_smile=True, with_landmarks=True
            ),
            id="every key",
        ),
    ],
)
def test_a_picture_record_comes_back_from_json_byte_for_byte(
    boxes: tuple[tuple[int, int, int, int], ...], settings: AnalysisSettings
) -> None:
    analyzer = Analyzer(
        FakeDetector(faces(*boxes)),
        FakeClassifier(EXPRESSIONS),
        smile_reader=FakeSmileReader(),
        shape_reader=FakeShapeReader(),
    )
    text = json.dumps(analyzer.analyze(halves(), settings).to_record())
    assert json.dumps(PictureRecord.from_json(json.loads(text)).to_json()) == text


def test_a_picture_record_is_stored_under_these_keys() -> None:
    analyzer = Analyzer(
        FakeDetector(faces(LEFT)), FakeClassifier(("a", "b", "c")), smile_reader=FakeSmileReader()
    )
    settings = AnalysisSettings(classes=("a", "b"), with_smile=True)
    assert json.dumps(analyzer.analyze(halves(), settings).to_record()) == (
        '{"width": 80, "height": 40, "faces": [{"box": [5.0, 5.0, 25.0, 25.0], "score": 0.9, '
        '"expression": "a", "is_unsure": false, "probabilities": {"a": 0.990099, "b": 0.009901}, '
        '"share_kept": 0.990196, "is_smiling": true, "flaw": "too small"}], '
        '"renormalised_without": ["c"], "unsure_below": 0.5, "has_more_faces": false, '
        '"detector": "", "classifier": "", "notes": []}'
    )

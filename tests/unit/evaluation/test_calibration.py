"""Temperature and threshold of added classifiers, on labelled faces."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ferapp.errors import DataError
from ferapp.evaluation import calibration
from ferapp.evaluation.calibration import calibrate, fit_temperature
from ferapp.inference.classifiers import ExpressionClassifier, softmax
from ferapp.inference.manifest import parse_added_model
from ferapp.inference.onnx_model import OnnxModel
from tests.support.added_models import forget_models, place_models
from tests.support.cli import ferapp
from tests.support.graphs import ending_model
from tests.support.models import LABELS, SIDE, entry

SAMPLES = Path(calibration.__file__).parents[1] / "samples"


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """A folder per class of coloured squares, of which each class has one channel lit, mostly."""
    random = np.random.default_rng(0)
    for place, label in enumerate(LABELS):
        (tmp_path / "faces" / label).mkdir(parents=True)
        for number in range(60):
            lit = place if number % 10 else (place + 1) % 3  # one in ten is labelled wrongly
            colour = random.integers(60, 140, 3)
            colour[lit] += 90
            square = np.full((SIDE, SIDE, 3), colour, np.uint8)
            Image.fromarray(square).save(tmp_path / "faces" / label / f"{number}.png")
    return tmp_path / "faces"


def classifier(scale: float, end: str = "logits") -> ExpressionClassifier:
    data = ending_model(end, scale=scale)
    output = {"softmax": "probabilities", "sigmoid": "sigmoid"}.get(end, "logits")
    return ExpressionClassifier.of(
        OnnxModel(data, threads=1), parse_added_model(entry(data, output=output))
    )


@pytest.mark.parametrize(
    ("scale", "end"),
    [
        (0.05, "logits"),
        (1.0, "logits"),
        (20.0, "logits"),
        # A softmax that is surer rounds away what the network knew.
        (0.05, "softmax"),
        (1.0, "softmax"),
    ],
)
def test_logits_of_any_scale_end_in_the_same_probabilities(
    labelled: Path, scale: float, end: str
) -> None:
    expected = calibrate(classifier(4.0), labelled).calibration
    fit = calibrate(classifier(scale, end), labelled)
    assert fit.faces == 180 and fit.left_out == 0
    assert fit.accuracy == pytest.approx(0.9)
    assert fit.calibration.temperature == pytest.approx(
        expected.temperature * scale / 4, rel=0.02, abs=2e-4
    )
    assert fit.calibration.unsure_below == pytest.approx(expected.unsure_below, abs=0.02)
    assert fit.calibration.fitted_on == "faces, n = 180"


@pytest.mark.parametrize("temperature", [0.01, 0.5, 1.0, 7.0, 300.0])
def test_the_temperature_that_made_the_labels_is_found(temperature: float) -> None:
    random = np.random.default_rng(1)
    logits = random.normal(0, 2, (20_000, 4)).astype(np.float32)
    classes = np.array(
        [random.choice(4, p=row / row.sum()) for row in softmax(logits).astype(float)]
    )
    found = fit_temperature(logits * temperature, classes)
    assert found == pytest.approx(temperature, rel=0.05)


def test_labels_that_the_network_does_not_know_are_counted(labelled: Path) -> None:
    (labelled / "calm").rename(labelled / "bored")
    fit = calibrate(classifier(4.0), labelled)
    assert (fit.faces, fit.left_out) == (120, 60)


@pytest.mark.parametrize("what", ["missing", "empty", "foreign", "no Valid"])
def test_a_folder_that_cannot_be_used_is_refused(tmp_path: Path, what: str) -> None:
    folder = tmp_path / "faces"
    if what != "missing":
        folder.mkdir()
    if what == "foreign":
        for label in ("cats", "dogs"):
            (folder / label).mkdir()
            Image.new("RGB", (8, 8)).save(folder / label / "1.png")
    if what == "no Valid":
        (folder / "Train").mkdir()
    with pytest.raises(DataError):
        calibrate(classifier(4.0), folder)


def test_models_add_calibrates_before_it_writes(models_dir: Path, labelled: Path) -> None:
    net = labelled.parent / "net.onnx"
    net.write_bytes(ending_model("softmax", scale=0.2))
    common = ["--labels", ",".join(LABELS), "--size", str(SIDE), "--colour", "rgb"]
    common += ["--mean", "127.5", "--std", "127.5"]
    run = ferapp("models", "add", net, "--name", "bad", *common, "--calibrate", labelled / "no")
    assert run.returncode == 1 and "no folder of that name" in run.stderr
    assert not list(models_dir.glob("*"))
    run = ferapp("models", "add", net, "--name", "mine", *common, "--calibrate", labelled)
    assert run.returncode == 0, run.stderr
    assert "Its outputs are probabilities, as after a softmax" in run.stdout
    assert "Calibrated on 180 faces: 90 % right, temperature 0." in run.stdout
    written = json.loads((models_dir / "manifest.json").read_text())["models"][0]
    assert written["output"] == "probabilities" and written["input"]["layout"] == "nchw"
    assert written["calibration"]["temperature"] < 0.2
    read = ferapp("analyze", "--json", "--classifier", "mine", SAMPLES / "astronaut.jpg")
    face = json.loads(read.stdout)["faces"][0]
    assert json.loads(read.stdout)["unsure_below"] == written["calibration"]["unsure_below"]
    assert set(face["probabilities"]) == set(LABELS)


def test_a_model_can_be_calibrated_later(models_dir: Path, labelled: Path) -> None:
    place_models(models_dir, mine=ending_model("logits", scale=100))
    for extra in labelled.glob("*/[1-9]*.png"):
        extra.unlink()
    run = ferapp("models", "calibrate", "mine", labelled)
    assert run.returncode == 0, run.stderr
    assert "Calibrated on 3 faces" in run.stdout and "this is rough" in run.stdout
    forget_models()
    written = json.loads((models_dir / "manifest.json").read_text())["models"][0]
    assert written["calibration"]["temperature"] > 0
    run = ferapp("models", "calibrate", "seresnet-48", labelled)
    assert run.returncode == 1 and "only models that were added" in run.stderr


class Fixed:
    """Reads every face alike."""

    labels = ("neutral", "happiness")
    size_wh = (48, 48)
    unsure_below = 0.5
    neutral_reference = None

    def __init__(self, *shares: float) -> None:
        self._shares = shares

    def classify(self, crops_rgb, *, look="both"):  # type: ignore[no-untyped-def]
        return np.array([self._shares] * len(crops_rgb), np.float32).reshape(-1, 2)


def test_what_is_odd_about_the_sample_faces_is_said() -> None:
    assert "faces of the sample pictures are unsure" in _doubts(0.49, 0.51, threshold=0.55)
    assert "get over 99.9 %" in _doubts(0.0, 1.0)
    assert _doubts(0.2, 0.8) == ""


def _doubts(*shares: float, threshold: float = 0.5) -> str:
    fixed = Fixed(*shares)
    fixed.unsure_below = threshold
    return calibration.doubts(fixed)  # type: ignore[arg-type]

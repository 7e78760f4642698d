"""From checkpoints to graphs: calibration, variants, parity."""

import warnings
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra: train")

from ferapp.errors import DataError  # noqa: E402
from ferapp.evaluation.labelled_faces import LabelledFaces  # noqa: E402
from ferapp.inference.classifiers import softmax  # noqa: E402
from ferapp.inference.manifest import manifest, write_manifest  # noqa: E402
from ferapp.inference.onnx_model import OnnxModel  # noqa: E402
from ferapp.training.networks import (  # noqa: E402
    ExpressionNet,
)
from ferapp.vision.preprocess import InputSpec  # noqa: E402


def test_a_failed_export_changes_nothing(tmp_path: Path) -> None:
    from ferapp.training.export import export_into

    write_manifest(manifest(), tmp_path / "manifest.json")

    def fails(folder: Path) -> list:
        (folder / "half.onnx").write_bytes(b"half")
        raise DataError("no data")

    before = (tmp_path / "manifest.json").read_bytes()
    with pytest.raises(DataError):
        export_into(tmp_path, fails, is_default=True)
    assert [p.name for p in tmp_path.iterdir()] == ["manifest.json"]
    assert (tmp_path / "manifest.json").read_bytes() == before


def test_the_temperature_makes_confidences_true(rng: np.random.Generator) -> None:
    """For logits three times too large, the temperature must be three."""
    from ferapp.training.export import calibrate

    true = rng.normal(0, 1.5, (4000, 4)).astype(np.float32)
    classes = np.array([rng.choice(4, p=p) for p in softmax(true)])
    faces = LabelledFaces([], np.eye(4, dtype=np.float32)[classes], ("a", "b", "c", "d"), "")
    calibration = calibrate(true * 3, faces, adjustment=0)
    assert calibration.temperature == pytest.approx(3, rel=0.05)
    assert calibration.bias == () and calibration.fitted_on == "Valid, n = 4000"


def test_logit_adjustment_favours_rare_classes() -> None:
    from ferapp.training.export import calibrate

    classes = np.array([0] * 90 + [1] * 10)
    faces = LabelledFaces([], np.eye(2, dtype=np.float32)[classes], ("often", "rare"), "")
    often, rare = calibrate(np.zeros((100, 2), np.float32), faces, adjustment=0.5).bias
    assert rare - often == pytest.approx(0.5 * np.log(91 / 11), abs=1e-3)


@pytest.mark.parametrize(
    ("small_score", "small_ms", "wins"),
    [
        pytest.param(89.8, 1.0, True, id="faster, within 0.3 points"),
        pytest.param(89.6, 1.0, False, id="faster, but too much lost"),
        pytest.param(91.0, 3.0, False, id="better, but slower"),
    ],
)
def test_int8_is_the_default_only_if_it_is_better(
    small_score: float, small_ms: float, wins: bool
) -> None:
    from ferapp.training.export import Variant, default_of

    model = manifest().models[0]
    plain, small = Variant(model, 90.0, 2.0), Variant(model, small_score, small_ms)
    assert default_of(plain, small) is (small if wins else plain)


def test_weights_stored_as_float16_give_the_same_results(tmp_path: Path) -> None:
    from ferapp.training.graphs import store_as_half, to_onnx

    spec = InputSpec(size_wh=(24, 24), colour="grey", mean=0, std=1)
    path = tmp_path / "e.onnx"
    to_onnx(ExpressionNet(3).eval(), spec, path, ["logits"], any_batch=True)
    faces = np.random.default_rng(0).normal(size=(2, 1, 24, 24)).astype(np.float32)
    before, size = OnnxModel(path.read_bytes(), threads=1).run(faces)[0], path.stat().st_size
    store_as_half(path)
    after = OnnxModel(path.read_bytes(), threads=1).run(faces)[0]
    assert path.stat().st_size < 0.52 * size
    np.testing.assert_allclose(after, before, atol=5e-3)
    assert not np.array_equal(after, before)


def test_a_graph_with_other_results_is_refused(tmp_path: Path) -> None:
    """The parity check must notice a graph that computes something else than the network."""
    from ferapp.training.graphs import ParityError, to_onnx

    class Drifts(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean(dim=(1, 2, 3)) + (0.0 if torch.compiler.is_exporting() else 1.0)

    spec = InputSpec(size_wh=(8, 8), colour="grey", mean=0, std=1)
    with pytest.raises(ParityError, match="logits differs by 1"):
        to_onnx(Drifts().eval(), spec, tmp_path / "x.onnx", ["logits"], any_batch=False)


def test_warnings_of_the_exporter_are_not_shown(tmp_path: Path) -> None:
    from ferapp.training.graphs import to_onnx

    spec = InputSpec(size_wh=(24, 24), colour="grey", mean=0, std=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        to_onnx(ExpressionNet(3).eval(), spec, tmp_path / "e.onnx", ["logits"], any_batch=True)
    session = OnnxModel((tmp_path / "e.onnx").read_bytes(), threads=1)
    for count in (1, 2, 7):
        assert session.run(np.zeros((count, 1, 24, 24), np.float32))[0].shape == (count, 3)


class _Looks:
    """Right about the given share of faces, by how it looks at them."""

    def __init__(self, plain: float, both: float) -> None:
        self.shares = {"plain": plain, "both": both}

    def logits(self, images: list, look: str) -> np.ndarray:
        right = np.arange(len(images)) < self.shares[look] * len(images)
        return np.stack([right, ~right], axis=1).astype(np.float32)


@pytest.mark.parametrize(
    ("plain", "gains"),
    [
        pytest.param(0.880, False, id="as good with one look"),
        pytest.param(0.8795, False, id="half a tenth of a point worse"),
        pytest.param(0.875, True, id="half a point worse"),
        pytest.param(0.885, False, id="better with one look"),
    ],
)
def test_a_second_look_is_taken_only_if_it_helps(plain: float, gains: bool) -> None:
    from ferapp.training.export import gains_by_mirror

    images = [np.zeros((1, 1, 3), np.uint8)] * 2000
    faces = LabelledFaces(images, np.eye(2, dtype=np.float32)[[0] * 2000], ("a", "b"), "")
    assert gains_by_mirror(_Looks(plain, 0.880), faces) is gains

"""Landmarks: data, views, and a run from training to the exported graph."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra: train")

from ferapp.evaluation.landmarked_faces import load_landmarked, part_of  # noqa: E402
from ferapp.evaluation.landmarks import evaluate_landmarks  # noqa: E402
from ferapp.inference.landmarks.finder import LandmarkFinder  # noqa: E402
from ferapp.inference.manifest import manifest, read_manifest, write_manifest  # noqa: E402
from ferapp.inference.onnx_model import OnnxModel  # noqa: E402
from ferapp.training.camera import Camera  # noqa: E402
from ferapp.training.landmarks.train import (  # noqa: E402
    LandmarkRecipe,
    landmark_loss,
    train_landmarks,
)
from ferapp.training.landmarks.views import StoredFaces, ViewRecipe, views_of  # noqa: E402
from ferapp.vision.landmarks import MIRRORED  # noqa: E402
from tests.support.landmarked import write_landmarked  # noqa: E402

CLEAR = Camera(gain=0, curve=0, side=0, distance=0, noise=0, compression=0)


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    return write_landmarked(tmp_path / "faces")


def test_nobody_who_is_measured_on_is_learnt_from(faces: Path) -> None:
    sizes = {part: len(load_landmarked(faces, part)) for part in ("train", "valid", "test")}
    assert sizes == {"train": 2, "valid": 4, "test": 4}, (
        "by person, and none of test.csv learnt from"
    )
    assert len(load_landmarked(faces, "seen")) == 6, "all of the table test.csv"
    assert len({part_of(f"Some_One_{n}.jpg") for n in ("00", "13", "52")}) == 1


def test_points_stay_on_the_face_when_it_is_turned_moved_and_mirrored(faces: Path) -> None:
    """Every point of the drawn faces is a dark dot; so it has to be in every view."""
    stored = StoredFaces.of(load_landmarked(faces, "train"))
    recipe = ViewRecipe(camera=CLEAR, erased=0, lost=0)
    rng = torch.Generator().manual_seed(0)
    pixels, points, is_learnt = views_of(stored, torch.arange(2).repeat(16), recipe, rng)
    places = (points * 96).long()
    inside = ((places >= 1) & (places < 95)).all(dim=2)
    assert inside.float().mean() > 0.97 and is_learnt.all()
    for view, spots, is_inside in zip(pixels[:, 0], places, inside, strict=True):
        dots = view[spots[is_inside][:, 1], spots[is_inside][:, 0]]
        assert dots.mean() < 0.6 * view.median()


def test_a_mirrored_face_keeps_its_right_eye_on_its_right(faces: Path) -> None:
    stored = StoredFaces.of(load_landmarked(faces, "train"))
    recipe = ViewRecipe(camera=CLEAR, erased=0, lost=0, rolls_deg=(20,))
    rng = torch.Generator().manual_seed(1)
    _, points, _ = views_of(stored, torch.zeros(40, dtype=torch.long), recipe, rng)
    assert (points[:, 36, 0] < points[:, 45, 0]).all() and (
        points[:, 0, 0] < points[:, 16, 0]
    ).all()
    assert np.array_equal(np.array(MIRRORED)[list(MIRRORED)], np.arange(68))


def test_doubt_grows_with_the_error_and_does_not_move_the_points() -> None:
    recipe, true = LandmarkRecipe(), torch.full((2, 68, 2), 0.5)
    points = (true + torch.tensor([0.01, 0.1])[:, None, None]).requires_grad_()
    log_error = torch.full((2, 68), -3.0, requires_grad=True)
    learnt = torch.tensor([False, False])
    landmark_loss((points, log_error, torch.ones(2, 68)), true, learnt, recipe).backward()
    assert log_error.grad[0].min() > 0 > log_error.grad[1].max(), "less doubt, more doubt"
    assert not points.grad.any()


def test_a_run_is_resumed_and_exported_as_it_was_trained(faces: Path, tmp_path: Path) -> None:
    from ferapp.training.export import Origin, export_into
    from ferapp.training.landmarks.export import export_landmarks

    recipe = LandmarkRecipe(views=16, round_views=8, batch_size=4)
    run = tmp_path / "run"
    first = train_landmarks(faces, run, recipe)
    assert first.exists() and (run / "curves.csv").read_text().count("\n") == 3
    steps: list[int] = []
    train_landmarks(faces, run, recipe, report=lambda done, total: steps.append(done))
    assert not steps, "nothing is left to be done"

    models = tmp_path / "models"
    models.mkdir()
    write_manifest(manifest(), models / "manifest.json")
    variants = export_into(
        models,
        lambda folder: export_landmarks(first, faces, folder, Origin("marks", "drawn faces")),
        is_default=True,
    )
    assert [v.model.name for v in variants] == ["marks", "marks-int8"]
    stored = read_manifest(models / "manifest.json")
    assert stored.defaults.landmarks in ("marks", "marks-int8")
    found = load_landmarked(faces, "test")
    for variant in variants:
        session = OnnxModel((models / variant.model.file).read_bytes(), threads=1)
        figures = evaluate_landmarks(found, LandmarkFinder.of(session, variant.model))
        assert figures["nme"] == pytest.approx(variant.model.metrics[0].value, abs=1e-3)


def test_a_side_that_the_network_cannot_halve_is_refused() -> None:
    with pytest.raises(ValueError, match="32"):
        replace(ViewRecipe(), side=100)

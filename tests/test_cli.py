"""The command line as others script against it: keys, exit statuses, sentences."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ferapp.inference.manifest import manifest
from tests.conftest import ROOT, shared
from tests.test_data import FEAR, HAPPY, png, write_split


def ferapp(*args: object, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ferapp", *map(str, args)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        env={**os.environ, **env},
    )


@pytest.fixture
def ferplus(tmp_path: Path) -> Path:
    write_split(tmp_path / "ferplus", "Test", [HAPPY, FEAR])
    return tmp_path / "ferplus"


@pytest.fixture
def wider(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(png(90))
    row = {"image": "a.png", "boxes_xyxy": [[4, 4, 30, 30]], "easy": [0], "medium": [0], "hard": []}
    (tmp_path / "annotations.json").write_text(json.dumps([row]))
    return tmp_path


def test_no_command_shows_help() -> None:
    run = ferapp()
    assert "evaluate" in run.stdout + run.stderr and "models" in run.stdout + run.stderr


def test_evaluate_emotions(ferplus: Path) -> None:
    run = ferapp("evaluate", "emotions", "--data", ferplus, "--json")
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert result["n"] == 2 and result["model"] == manifest().defaults.classifier
    assert {"accuracy", "macro_recall", "ece", "confusion", "labels", "recall"} <= set(result)
    assert np.sum(result["confusion"]) == 2
    assert result["recall"][0] is None, "a class without faces has no recall"


def test_evaluate_emotions_as_a_table(ferplus: Path) -> None:
    run = ferapp("evaluate", "emotions", "--data", ferplus, COLUMNS="200")
    assert "macro recall" in run.stdout and "happiness" in run.stdout


def test_evaluate_faces(wider: Path) -> None:
    run = ferapp("evaluate", "faces", "--data", wider, "--json")
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert result["n_images"] == 1 and result["n_easy"] == 1
    assert 0 <= result["ap_easy"] <= 1
    assert result["ap_hard"] is None, "without faces that count there is no figure"


@pytest.mark.parametrize(
    ("args", "status", "told"),
    [
        pytest.param(("evaluate", "emotions", "--data", "nowhere"), 1, "no such folder", id="data"),
        pytest.param(("evaluate", "faces", "--data", "docs"), 1, "annotations.json", id="faces"),
        pytest.param(
            ("evaluate", "emotions", "--data", "docs", "--model", "vgg99"),
            1,
            "no classifier called 'vgg99'",
            id="model",
        ),
        pytest.param(
            ("evaluate", "emotions", "--data", "x", "--split", "All"), 2, "Train", id="split"
        ),
        pytest.param(("evaluate", "emotions"), 2, "--data", id="usage"),
        pytest.param(("models", "fetch", "nothing"), 1, "no model called", id="fetch"),
    ],
)
def test_what_is_wrong_is_a_sentence(args: tuple, status: int, told: str) -> None:
    run = ferapp(*args, COLUMNS="200")
    assert run.returncode == status
    assert told in run.stderr and "Traceback" not in run.stderr and not run.stdout


def test_models_list_tells_what_is_here(tmp_path: Path) -> None:
    run = ferapp("models", "list", "--json", FERAPP_CACHE_DIR=str(tmp_path))
    rows = {row["name"]: row for row in map(json.loads, run.stdout.splitlines())}
    assert set(rows) == {m.name for m in manifest().models}
    assert rows[manifest().defaults.detector]["is_here"]
    assert rows[manifest().defaults.detector]["is_default"]
    assert not rows["rfb-320"]["is_here"]
    assert "ferplus-vgg13" in ferapp("models", "list", COLUMNS="200").stdout


def test_models_verify_finds_a_changed_byte(tmp_path: Path) -> None:
    assert ferapp("models", "verify", FERAPP_CACHE_DIR=str(tmp_path)).returncode == 0
    model = manifest().named("yunet")
    (tmp_path / model.file).write_bytes(b"something else")
    run = ferapp("models", "verify", "--json", FERAPP_CACHE_DIR=str(tmp_path))
    assert run.returncode == 1
    states = {row["name"]: row for row in map(json.loads, run.stdout.splitlines())}
    assert states["yunet"]["state"] == "wrong" and model.sha256 in states["yunet"]["reason"]
    assert states["rfb-320"]["state"] == "not fetched"


def test_shipped_classifier_holds_its_floor() -> None:
    run = ferapp("evaluate", "emotions", "--data", shared("data/ferplus.zip"), "--json")
    result = json.loads(run.stdout)
    assert result["n"] == 3153
    assert result["accuracy"] >= 0.87
    assert result["macro_recall"] >= 0.66
    assert result["ece"] < 0.02


def test_shipped_detector_holds_its_floor() -> None:
    run = ferapp("evaluate", "faces", "--data", shared("data/wider-val-subset"), "--json")
    result = json.loads(run.stdout)
    assert result["n_images"] == 100
    assert result["ap_easy"] >= 0.55
    assert result["ap_medium"] >= 0.40
    assert result["ap_hard"] >= 0.20


def test_public_detectors_give_their_published_figures_through_our_rules() -> None:
    """Our average precision is the field's: a public model's figure comes out as others got it."""
    folder = shared("models")
    run = ferapp(
        "evaluate",
        "faces",
        "--data",
        shared("data/wider-val-subset"),
        "--json",
        "--detector",
        "rfb-320",
        FERAPP_CACHE_DIR=str(folder),
    )
    result = json.loads(run.stdout)
    # 0.677, 0.567 and 0.375 with linear resizing, which is what that model was trained with.
    assert result["ap_easy"] == pytest.approx(0.677, abs=0.01)
    assert result["ap_medium"] == pytest.approx(0.567, abs=0.01)
    assert result["ap_hard"] == pytest.approx(0.375, abs=0.01)

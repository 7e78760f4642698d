"""Training runs from end to end on a few generated pictures, in seconds."""

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra: train")

from ferapp.emotions import KEYS  # noqa: E402
from ferapp.errors import DataError  # noqa: E402
from ferapp.inference.manifest import manifest, read_manifest, write_manifest  # noqa: E402
from ferapp.inference.onnx_model import OnnxModel  # noqa: E402
from ferapp.training.distil import train_faces  # noqa: E402
from ferapp.training.runs import AveragedWeights, Run, average_checkpoints, cosine, is_best  # noqa: E402
from ferapp.training.teachers import Scenes  # noqa: E402
from ferapp.training.train import train_expressions  # noqa: E402
from ferapp.types import Faces  # noqa: E402
from tests.support.class_folders import pixel_row, pixel_table, put  # noqa: E402
from tests.support.places import ROOT  # noqa: E402
from tests.support.training import TINY, TINY_FACES  # noqa: E402


class Killed(Exception):
    pass


def killed_after(steps: int):
    def report(done: int, total: int) -> None:
        if done == steps:
            raise Killed

    return report


def test_expressions_from_data_to_manifest(ferplus: Path, tmp_path: Path) -> None:
    """Train, export, calibrate and add to the manifest, as `ferapp train` does."""
    from ferapp.training.export import Origin, default_of, export_expressions, export_into

    steps = []
    best = train_expressions(ferplus, tmp_path / "run", TINY, report=lambda d, t: steps.append(d))
    assert steps == [1, 2, 3, 4, 5, 6]
    assert {"curves.csv", "curves.png", "last.pt", "best.pt"} <= {
        p.name for p in best.parent.iterdir()
    }
    about = torch.load(best, weights_only=True)["about"]
    assert about["labels"] == list(manifest().model(None, "classifier").labels)
    assert about["config"]["sizes"] == [[16, 1], [24, 1]] and len(about["data_sha256"]) == 64

    models = tmp_path / "models"
    models.mkdir()
    write_manifest(manifest(), models / "manifest.json")
    origin = Origin("tiny", "made up")
    variants = export_into(
        models, lambda folder: export_expressions(best, ferplus, folder, origin), is_default=True
    )
    value = read_manifest(models / "manifest.json")
    assert value.defaults.classifier == default_of(*variants).model.name
    assert {p.name for p in models.iterdir()} == {"manifest.json", "tiny.onnx", "tiny-int8.onnx"}
    for name in ("tiny", "tiny-int8"):
        entry = value.find(name)
        assert entry.input.size_wh == (24, 24) and entry.calibration is not None
        assert {m.name for m in entry.metrics} >= {"test_accuracy", "valid_macro_recall"}
        data = (models / entry.file).read_bytes()
        assert hashlib.sha256(data).hexdigest() == entry.sha256
        assert OnnxModel(data, threads=1).output_names == ["logits"]


def test_a_resumed_run_gives_the_same_result(ferplus: Path, tmp_path: Path) -> None:
    train_expressions(ferplus, tmp_path / "whole", TINY)
    with pytest.raises(Killed):
        train_expressions(ferplus, tmp_path / "killed", TINY, report=killed_after(5))
    train_expressions(ferplus, tmp_path / "killed", TINY)
    whole, again = (
        torch.load(tmp_path / name / "last.pt", weights_only=True) for name in ("whole", "killed")
    )
    assert [r["loss"] for r in again["history"]] == [r["loss"] for r in whole["history"]]
    for name, value in whole["weights"].items():
        torch.testing.assert_close(again["weights"][name], value, rtol=0, atol=0)


def test_another_recipe_does_not_resume_in_the_same_folder(ferplus: Path, tmp_path: Path) -> None:
    train_expressions(ferplus, tmp_path / "run", TINY)
    with pytest.raises(DataError, match="holds a run with another config"):
        train_expressions(ferplus, tmp_path / "run", replace(TINY, learning_rate=0.5))


@pytest.mark.parametrize("views", [1, 10, 47])
def test_any_number_of_views(photos: tuple[Path, Scenes], tmp_path: Path, views: int) -> None:
    recipe = replace(TINY_FACES, views=views, batch_size=8, round_views=40)
    folder, scenes = photos
    steps = []
    train_faces(
        folder, tmp_path / "run", recipe, scenes=scenes, report=lambda d, t: steps.append((d, t))
    )
    assert steps[-1][0] == steps[-1][1] >= views / 8


def test_held_out_photos_without_a_face_give_a_message(
    photos: tuple[Path, Scenes], tmp_path: Path
) -> None:
    folder, scenes = photos
    empty = Scenes(scenes.names, [Faces.empty()] * 6)
    with pytest.raises(DataError, match="None of the 2 held-out photos"):
        train_faces(folder, tmp_path / "run", TINY_FACES, scenes=empty)


@pytest.mark.parametrize(
    ("train", "valid", "message"),
    [
        (("joy", "fear"), ("fear", "sad"), r"Valid/sadness \(1 picture\): Train has no such class"),
        (("joy", "fear", "sad"), ("joy", "fear"), r"Unknown classes \['sadness'\]"),
    ],
)
def test_different_classes_in_train_and_valid_give_a_message(
    tmp_path: Path, train: tuple[str, ...], valid: tuple[str, ...], message: str
) -> None:
    for split, names in (("Train", train), ("Valid", valid)):
        for name in names:
            put(tmp_path / split / name)
    with pytest.raises(DataError, match=message):
        train_expressions(tmp_path, tmp_path / "run", TINY)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        pytest.param([0.0], True, id="the first, whatever it is"),
        pytest.param([float("nan"), 0.0], True, id="better than nothing"),
        pytest.param([0.5, 0.5], False, id="no better"),
        pytest.param([0.5, float("nan")], False, id="NaN"),
    ],
)
def test_is_best(scores: list[float], expected: bool) -> None:
    assert is_best([{"score": s} for s in scores], "score") is expected


def test_fewer_classes(ferplus: Path, tmp_path: Path) -> None:
    recipe = replace(TINY, classes=("happiness", "fear"))
    state = torch.load(train_expressions(ferplus, tmp_path / "run", recipe), weights_only=True)
    assert state["about"]["labels"] == ["happiness", "fear"]
    assert state["weights"]["head.weight"].shape[0] == 2


def test_faces_from_photos_to_graph(photos: tuple[Path, Scenes], tmp_path: Path) -> None:
    from ferapp.training.export import Origin, export_faces

    folder, scenes = photos
    best = train_faces(folder, tmp_path / "run", TINY_FACES, scenes=scenes)
    assert torch.load(best, weights_only=True)["about"]["kind"] == "faces"
    variants = export_faces(best, folder, scenes, tmp_path, Origin("tiny", "made up"))
    for variant in variants:
        path = tmp_path / variant.model.file
        scores, boxes = OnnxModel(path.read_bytes(), threads=1).run(
            np.zeros((1, 3, 240, 320), np.float32)
        )
        assert scores.shape == (1, 4420, 2) and boxes.shape == (1, 4420, 4)
        np.testing.assert_allclose(scores.sum(axis=2), 1, atol=0.02)


def test_a_run_can_start_from_the_weights_of_another(
    photos: tuple[Path, Scenes], tmp_path: Path
) -> None:
    folder, scenes = photos
    first = train_faces(folder, tmp_path / "first", TINY_FACES, scenes=scenes)
    still = replace(TINY_FACES, learning_rate=0.0)
    second = train_faces(folder, tmp_path / "second", still, scenes=scenes, start=first)
    name = "heads.0.weight"
    before, after = (torch.load(p, weights_only=True)["weights"][name] for p in (first, second))
    torch.testing.assert_close(after, before)


def test_the_mean_of_two_checkpoints(tmp_path: Path) -> None:
    about = {"kind": "faces", "labels": ["background", "face"]}
    for name, value in (("a", 1.0), ("b", 3.0)):
        weights = {"w": torch.full((2,), value), "steps": torch.tensor(int(value))}
        torch.save({"about": about, "weights": weights}, tmp_path / f"{name}.pt")
    average_checkpoints(tmp_path / "a.pt", tmp_path / "b.pt", tmp_path / "new" / "mean.pt")
    state = torch.load(tmp_path / "new" / "mean.pt", weights_only=True)
    assert state["weights"]["w"].tolist() == [2, 2] and int(state["weights"]["steps"]) == 3
    assert state["about"]["averaged_with"] == about

    torch.save({"about": {**about, "kind": "expressions"}, "weights": {}}, tmp_path / "c.pt")
    with pytest.raises(DataError, match="different kinds"):
        average_checkpoints(tmp_path / "a.pt", tmp_path / "c.pt", tmp_path / "no.pt")


def test_a_killed_face_run_is_resumed(photos: tuple[Path, Scenes], tmp_path: Path) -> None:
    folder, scenes = photos
    with pytest.raises(Killed):
        train_faces(folder, tmp_path / "run", TINY_FACES, scenes=scenes, report=killed_after(3))
    steps = []
    train_faces(
        folder, tmp_path / "run", TINY_FACES, scenes=scenes, report=lambda d, t: steps.append(d)
    )
    assert steps == [3, 4]


def test_the_command_trains_and_prints_the_checkpoint(ferplus: Path, tmp_path: Path) -> None:
    """Includes the restart with another allocator, which no other test covers."""
    command = [sys.executable, "-m", "ferapp", "train", "expressions", "--sizes", "16:1"]
    options = ["--data", str(ferplus), "--out", str(tmp_path / "run"), "--threads", "1"]
    run = subprocess.run([*command, *options], capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0, run.stderr
    assert "best checkpoint" in run.stdout and (tmp_path / "run" / "best.pt").is_file()


def test_averaged_weights_follow_and_forget() -> None:
    network = torch.nn.Linear(1, 1)
    average = AveragedWeights(network, 0.9)
    with torch.no_grad():
        network.weight.fill_(5)
        for _ in range(200):
            average.update(network)
    assert float(average.state["weight"]) == pytest.approx(5, abs=1e-3)


@pytest.mark.parametrize(
    ("step", "expected"), [(0, 0.1), (9, 1.0), (10, 1.0), (55, 0.5), (100, 0.0)]
)
def test_cosine(step: int, expected: float) -> None:
    assert cosine(step, total=100, warmup=10) == pytest.approx(expected, abs=1e-9)


def test_a_kill_while_saving_leaves_a_checkpoint(tmp_path: Path) -> None:
    run = Run(tmp_path, {"config": 1})
    run.save({"epoch": 1}, is_best=True)
    with pytest.raises(Exception, match="pickle"):
        run.save({"epoch": lambda: 2}, is_best=True)
    state = Run(tmp_path, {"config": 1}).resume()
    assert state is not None and state["epoch"] == 1


def test_folders_of_fer2013_are_trained_on_by_their_meaning(tmp_path: Path) -> None:
    """Also where Train and Valid call a class otherwise, and into an export."""
    from ferapp.training.export import FOLDER_RULE, Origin, export_expressions

    data = tmp_path / "data"
    for split, names in (("train", ("angry", "Happy")), ("val", ("anger", "joy"))):
        for place, name in enumerate(names):
            put(data / split / name, 4, 100 * place)
    best = train_expressions(data, tmp_path / "run", TINY)
    about = torch.load(best, weights_only=True)["about"]
    assert about["labels"] == ["happiness", "anger"]

    # A checkpoint of an earlier version keeps the names and the order of its columns.
    state = torch.load(best, weights_only=True)
    state["about"]["labels"] = ["angry", "happy"]
    torch.save(state, tmp_path / "old.pt")
    results = {}
    for name, path in (("new", best), ("old", tmp_path / "old.pt")):
        out = tmp_path / name
        out.mkdir()
        [plain, _] = export_expressions(path, data, out, Origin(name, "made up"))
        results[name] = {m.name: m.value for m in plain.model.metrics}
        assert all(m.rule.startswith(FOLDER_RULE) for m in plain.model.metrics)
        labels = tuple(torch.load(path, weights_only=True)["about"]["labels"])
        assert plain.model.labels == labels
    # The same columns under swapped names are right where they were wrong.
    swapped = 1 - results["old"]["valid_accuracy"]
    assert results["new"]["valid_accuracy"] == pytest.approx(swapped)


def test_pictures_that_cannot_be_used_are_named_before_training(tmp_path: Path) -> None:
    from ferapp.training.export import Origin, export_expressions

    for split in ("train", "valid"):
        for name in ("happy", "sad"):
            put(tmp_path / split / name, 4)
    (tmp_path / "train" / "sad" / "bad.png").write_bytes(b"no")
    put(tmp_path / "valid" / "fear", 3)
    with pytest.raises(DataError, match=r"not all of it(.|\n)*Valid/fear \(3 pictures\)(.|\n)*bad"):
        train_expressions(tmp_path, tmp_path / "run", TINY)
    said: list[str] = []
    best = train_expressions(
        tmp_path, tmp_path / "run", TINY, may_leave_out=True, report_data=said.append
    )
    [text] = said
    assert text.startswith(
        "Train: 8 faces of happiness, sadness.\n  Read as: happy = happiness, sad"
    )
    assert "Train has no such class" in text and "sad/bad.png (1 picture)" in text

    (tmp_path / "valid" / "sad" / "bad.png").write_bytes(b"no")
    with pytest.raises(DataError, match="not all of it can be used"):
        export_expressions(best, tmp_path, tmp_path, Origin("tiny", "made up"))


def test_a_table_of_pixels_is_trained_on(tmp_path: Path) -> None:
    rows = [
        pixel_row(number, usage, 40 * number)
        for usage in ("Training", "PublicTest")
        for number in (3, 4, 6)
        for _ in range(2)
    ]
    best = train_expressions(pixel_table(tmp_path / "fer2013.csv", *rows), tmp_path / "run", TINY)
    about = torch.load(best, weights_only=True)["about"]
    assert about["labels"] == ["neutral", "happiness", "sadness"]


def test_numbered_folders_need_a_key(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        for number in ("1", "4"):
            put(tmp_path / split / number, 4)
    with pytest.raises(DataError, match="--key rafdb"):
        train_expressions(tmp_path, tmp_path / "run", TINY)
    best = train_expressions(tmp_path, tmp_path / "run", TINY, key=KEYS["rafdb"])
    assert torch.load(best, weights_only=True)["about"]["labels"] == ["happiness", "surprise"]


def test_one_class_is_too_few(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        for name in ("happy", "joy"):
            put(tmp_path / split / name)
    with pytest.raises(DataError, match="at least two classes, found happiness"):
        train_expressions(tmp_path, tmp_path / "run", TINY)

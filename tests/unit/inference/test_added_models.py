"""Added models in the app and on the command line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ferapp.errors import ModelError
from ferapp.inference import added as adding
from ferapp.inference import folder
from tests.support.added_models import forget_models, place_models, write_entries
from tests.support.apps import open_app, page_text, upload
from tests.support.cli import ferapp
from tests.support.graphs import biased_model, ending_model, valid_model
from tests.support.models import LABELS, SIDE, entry
from tests.support.places import SAMPLES


def test_an_added_model_can_be_chosen_and_a_bad_one_cannot(models_dir: Path) -> None:
    place_models(models_dir, mine=valid_model(4), bad=biased_model(np.nan))
    at = upload(open_app(), a=(SAMPLES / "astronaut.jpg").read_bytes())
    assert not at.exception
    box = at.selectbox(key="classifier")
    assert "mine" in box.options and "bad" not in box.options
    at = box.set_value("mine").run()
    assert not at.exception
    assert set(LABELS) <= set(at.dataframe[0].value.columns)
    assert "with ssd-320-int8 and mine" in page_text(at)


@pytest.mark.parametrize("page", ["image.py", "about.py"])
def test_a_bad_folder_leaves_the_app_working(models_dir: Path, page: str) -> None:
    (models_dir / "manifest.json").write_text("{")
    forget_models()
    at = open_app(page)
    assert not at.exception
    if page == "about.py":
        assert "manifest.json breaks its schema" in page_text(at)
        assert "refused" in at.dataframe[0].value["on this machine"].tolist()
    else:
        at = upload(at, a=(SAMPLES / "astronaut.jpg").read_bytes())
        assert "1 · happiness" in page_text(at)


def test_the_about_page_says_which_file_is_bad_and_why(models_dir: Path) -> None:
    place_models(models_dir, good=valid_model(), bad=biased_model(np.nan))
    at = open_app("about.py")
    assert "bad: bad.onnx was refused: The classifier returned numbers" in page_text(at)
    states = at.dataframe[0].value.set_index("model")["on this machine"]
    assert states["good"] == "yes" and states["bad"] == "refused"
    assert states["seresnet-48-int8 (default)"] == "yes"


def add(models_dir: Path, file: Path, name: str = "mine", **options: object) -> Any:
    asked = {"labels": ",".join(LABELS), "size": SIDE, "colour": "rgb", "mean": 127.5, "std": 127.5}
    given = [f"--{key}={value}" for key, value in (asked | options).items()]
    return ferapp("models", "add", file, "--name", name, *given)


def test_models_add_writes_the_file_and_its_entry(models_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(valid_model(4))
    models_dir.rmdir()
    run = add(models_dir, tmp_path / "net.onnx", labels=", ".join(LABELS).title())
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[1:] == [
        "Read as: calm = neutral.",
        "Classes of its own: glad, odd. Charts show them, but valence and arousal are left out, "
        "and `evaluate` needs folders of the same names.",
    ]
    run = ferapp("analyze", "--json", "--classifier", "mine", SAMPLES / "astronaut.jpg")
    face = json.loads(run.stdout)["faces"][0]
    assert set(face["probabilities"]) == set(LABELS)
    before = {path.name: path.read_bytes() for path in models_dir.iterdir()}
    run = add(models_dir, tmp_path / "net.onnx")
    assert run.returncode == 1 and "The name mine is taken" in run.stderr
    assert {path.name: path.read_bytes() for path in models_dir.iterdir()} == before


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        pytest.param(valid_model(), {"size": 9}, "expected n × 3 × 9 × 9", id="size"),
        pytest.param(valid_model(), {"colour": "pink"}, "at input.colour", id="colour"),
        pytest.param(valid_model(), {"mean": "nan"}, "at input.mean", id="mean"),
        pytest.param(valid_model(), {"labels": "a,b,"}, "at labels.2", id="labels"),
        pytest.param(b"", {}, "net.onnx is empty", id="empty"),
    ],
)
def test_a_model_that_is_refused_leaves_nothing(
    models_dir: Path, tmp_path: Path, data: bytes, options: dict[str, object], message: str
) -> None:
    (tmp_path / "net.onnx").write_bytes(data)
    run = add(models_dir, tmp_path / "net.onnx", **options)
    assert run.returncode == 1 and message in run.stderr and "Traceback" not in run.stderr
    assert not list(models_dir.iterdir())


def test_a_manifest_that_cannot_be_written_leaves_nothing(
    models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net.onnx").write_bytes(valid_model())
    real = adding.write_whole

    def write_whole(path: Path, data: bytes) -> None:
        if path.name == "manifest.json":
            raise OSError(28, "No space left on device")
        real(path, data)

    monkeypatch.setattr(adding, "write_whole", write_whole)
    with pytest.raises(ModelError, match=r"No space left on device\..* Nothing has changed"):
        adding.add(
            tmp_path / "net.onnx",
            name="mine",
            labels=LABELS,
            input_entry=entry(b"")["input"],
            licence="MIT",
            source="me",
            data="nothing",
        )
    assert not list(models_dir.iterdir())


def test_without_a_folder_the_message_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(folder.FOLDER_VARIABLE, raising=False)
    (tmp_path / "net.onnx").write_bytes(valid_model())
    run = add(tmp_path, tmp_path / "net.onnx")
    assert run.returncode == 1 and "set FERAPP_MODELS_DIR" in run.stderr


def test_models_list_and_verify_report_refused_models(models_dir: Path) -> None:
    write_entries(
        models_dir, [entry(valid_model(), "good"), entry(valid_model(), "bad"), {"name": "[/odd]"}]
    )
    (models_dir / "good.onnx").write_bytes(valid_model())
    (models_dir / "bad.onnx").write_bytes(valid_model(2))
    run = ferapp("models", "list", COLUMNS="200")
    assert run.returncode == 0 and "bad: bad.onnx is not the file" in run.stderr
    assert "[/odd]: Entry 3 of manifest.json" in run.stderr and "good" in run.stdout
    run = ferapp("models", "list", "--json")
    rows = {row["name"]: row for row in map(json.loads, run.stdout.splitlines())}
    assert "refused" not in rows["good"] and "sha256" in rows["bad"]["refused"]
    assert rows["[/odd]"]["refused"].startswith("Entry 3")
    run = ferapp("models", "verify", "--json")
    states = {row["name"]: row["state"] for row in map(json.loads, run.stdout.splitlines())}
    assert run.returncode == 1
    assert (states["good"], states["bad"], states["[/odd]"]) == ("right", "wrong", "wrong")


def test_models_verify_says_where_an_entry_is_wrong_about_the_outputs(models_dir: Path) -> None:
    """As of a network with its own softmax that was added by an older ferapp."""
    place_models(models_dir, soft=ending_model("softmax"), plain=ending_model("logits"))
    run = ferapp("models", "verify", "--json")
    rows = {row["name"]: row for row in map(json.loads, run.stdout.splitlines())}
    assert run.returncode == 0 and rows["soft"]["state"] == "right"
    assert "calls its outputs logits, but they look like probabilities" in rows["soft"]["note"]
    assert "note" not in rows["plain"]


def test_models_add_says_what_it_found(models_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(ending_model("sigmoid", layout="nhwc"))
    run = add(models_dir, tmp_path / "net.onnx")
    assert run.returncode == 0, run.stderr
    assert "one probability for each class, as after a sigmoid" in run.stdout
    assert "Its input has the channels last." in run.stdout
    written = json.loads((models_dir / "manifest.json").read_text())["models"][0]
    assert (written["output"], written["input"]["layout"]) == ("sigmoid", "nhwc")
    refused = add(models_dir, tmp_path / "net.onnx", "other", output="percent")
    assert refused.returncode == 1 and "at output" in refused.stderr
    forced = add(models_dir, tmp_path / "net.onnx", "other", output="logits")
    assert forced.returncode == 0
    assert "Its entry calls its outputs logits, but they look like sigmoid" in forced.stdout

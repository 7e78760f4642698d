"""The folder of added models and its manifest: only regular files inside, each entry by itself."""

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ferapp.emotions import EXPRESSIONS
from ferapp.errors import FetchError, MissingWeights, ModelError, WrongHash
from ferapp.inference import examination, folder, registry, weights
from ferapp.inference.manifest import Model, added_models, manifest
from tests.support.added_models import place_models, write_entries
from tests.support.graphs import model_with_external_data, valid_model
from tests.support.models import LABELS, SIDE, entry


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda p: None, "No such file", id="missing"),
        pytest.param(lambda p: p.write_bytes(b""), "is empty", id="empty"),
        pytest.param(lambda p: p.mkdir(), "Is a directory", id="folder"),
        pytest.param(lambda p: os.mkfifo(p), "is a pipe or a device", id="pipe"),
        pytest.param(lambda p: p.symlink_to("/dev/zero"), "link out of the folder", id="device"),
        pytest.param(
            lambda p: p.symlink_to(p.parents[1] / "outside.onnx"), "link out of", id="link out"
        ),
        pytest.param(lambda p: p.symlink_to(p), "symbolic links", id="link to itself"),
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="needs pipes and links")
def test_paths_that_are_not_files_in_the_folder_are_refused(
    models_dir: Path, make: Callable[[Path], object], message: str
) -> None:
    (models_dir.parent / "outside.onnx").write_bytes(valid_model())
    write_entries(models_dir, [entry(valid_model())])
    make(models_dir / "mine.onnx")
    with pytest.raises(MissingWeights, match=rf"mine\.onnx .*{message}"):
        registry.load_classifier("mine")


def test_a_file_over_the_limit_is_refused_before_it_is_read(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_entries(models_dir, [entry(valid_model())])
    with (models_dir / "mine.onnx").open("wb") as file:
        file.truncate(folder.MOST_BYTES + 1)  # of holes: it takes no room
    start = time.monotonic()
    with pytest.raises(MissingWeights, match="has 500,000,001 bytes; expected 500,000,000 at most"):
        registry.load_classifier("mine")
    assert time.monotonic() - start < 1


@pytest.mark.skipif(os.name != "posix", reason="needs links")
def test_links_inside_the_folder_and_hard_links_are_files(models_dir: Path) -> None:
    """Their bytes have the right hash, wherever they are; Kubernetes mounts files like this."""
    (models_dir / "..data").mkdir()
    (models_dir / "..data" / "a").write_bytes(valid_model())
    (models_dir / "a.onnx").symlink_to("..data/a")
    (models_dir.parent / "outside").write_bytes(valid_model(2))
    os.link(models_dir.parent / "outside", models_dir / "b.onnx")
    write_entries(models_dir, [entry(valid_model(), "a"), entry(valid_model(2), "b")])
    assert registry.load_classifier("a").labels == registry.load_classifier("b").labels == LABELS


@pytest.mark.skipif(os.name != "posix", reason="needs links")
def test_a_hard_link_as_second_file_does_not_help(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ONNX Runtime itself would follow one, from the working folder."""
    (models_dir.parent / "secret").write_bytes(np.eye(3, dtype=np.float32).tobytes())
    os.link(models_dir.parent / "secret", models_dir / "w.bin")
    monkeypatch.chdir(models_dir)
    place_models(models_dir, mine=model_with_external_data("initializer"))
    with pytest.raises(ModelError, match=r"mine\.onnx was refused: .*'W' are in another file"):
        registry.load_classifier("mine")


def test_a_swapped_file_is_refused_with_both_hashes(models_dir: Path) -> None:
    place_models(models_dir, mine=valid_model())
    registry.load_classifier("mine")
    (models_dir / "mine.onnx").write_bytes(valid_model(2))
    expected, found = (hashlib.sha256(valid_model(k)).hexdigest() for k in (1, 2))
    with pytest.raises(FetchError, match="was added by the operator"):
        weights.fetch(manifest().find("mine"))
    with pytest.raises(WrongHash, match=f"mine.onnx .*expected sha256 {expected}, found {found}"):
        registry.load_classifier("mine")


def test_the_bytes_that_were_examined_are_those_that_are_loaded(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place_models(models_dir, mine=valid_model())

    def swap(data: bytes, model: Model) -> None:
        examination.examine(data, model)
        (models_dir / "mine.onnx").write_bytes(valid_model(-1))

    monkeypatch.setattr(registry, "examine", swap)
    logits = registry.load_classifier("mine").logits([np.full((SIDE, SIDE, 3), 255, np.uint8)])
    np.testing.assert_allclose(logits, [[1, 1, 1]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("{", "breaks its schema at the file", id="torn"),
        pytest.param('{"version": 1}', "at models: Field required", id="no models"),
        pytest.param('{"version": 2, "models": []}', "at version", id="another version"),
        pytest.param(
            '{"version": 1, "models": [], "defaults": {}}', "at defaults: Extra", id="defaults"
        ),
        pytest.param("[" * 100_000, "breaks its schema", id="nested"),
        pytest.param(" " * 1_000_001, "expected 1,000,000 at most", id="large"),
        pytest.param(None, "No such file", id="missing"),
    ],
)
def test_a_broken_manifest_leaves_what_ships(
    models_dir: Path, text: str | None, message: str
) -> None:
    if text is not None:
        (models_dir / "manifest.json").write_text(text)
    assert not added_models().models and manifest().defaults.classifier
    assert message in added_models().refused[0].reason
    assert registry.load_classifier().labels == EXPRESSIONS


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"name": "seresnet-48"}, "is taken by another", id="name of ours"),
        pytest.param({"name": "other"}, "is taken by another", id="name twice"),
        pytest.param({"name": "../x"}, "at name", id="name as path"),
        pytest.param({"file": "../other.onnx"}, "plain name", id="file outside"),
        pytest.param({"file": "/etc/passwd"}, "plain name", id="file of the system"),
        pytest.param({"file": "a\x00b"}, "at file", id="file with a zero"),
        pytest.param({"kind": "detector", "family": "yunet"}, "only classifiers", id="detector"),
        pytest.param({"url": "https://example.org/a"}, "without a url", id="url"),
        pytest.param({"sha256": "x"}, "at sha256", id="no hash"),
        pytest.param({"labels": ["a"]}, "two different names", id="one label"),
        pytest.param({"labels": ["score", "b"]}, "label 'score'", id="label of a column"),
        pytest.param({"labels": ["=cmd()", "b"]}, "label '=cmd", id="formula"),
        pytest.param({"labels": ["Happy", "b"]}, "label 'Happy'", id="upper case"),
        pytest.param({"labels": ["a\u202eb", "b"]}, "at labels", id="direction mark"),
        pytest.param({"licence": "\x1b[31m"}, "at licence", id="control characters"),
        pytest.param({"input": {"mean": float("nan")}}, "at input", id="mean is no number"),
    ],
)
def test_one_bad_entry_leaves_the_others(
    models_dir: Path, changes: dict[str, Any], message: str
) -> None:
    write_entries(models_dir, [entry(valid_model(), "other"), entry(valid_model(), **changes)])
    (bad,) = added_models().refused
    assert bad.reason.startswith("Entry 2 of manifest.json: ") and message in bad.reason
    assert [m.name for m in added_models().models] == ["other"]
    assert manifest().model("seresnet-48", "classifier").file == "seresnet-48.onnx"


def test_an_entry_that_is_not_an_object_leaves_the_others(models_dir: Path) -> None:
    write_entries(models_dir, ["text", entry(valid_model(), "other")])
    assert [m.name for m in added_models().models] == ["other"]
    assert added_models().refused[0].name == "entry 1"

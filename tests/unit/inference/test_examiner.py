"""What the examiner refuses in an added model, before and while it runs."""

import csv
import hashlib
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from ferapp.errors import MissingExtra, ModelError
from ferapp.inference import examination, examiner, folder, weights
from ferapp.inference.manifest import manifest, parse_added_model
from ferapp.inference.onnx_model import OnnxModel
from tests.support.added_models import COLD, refusal
from tests.support.graphs import (
    EYE,
    FLOAT,
    INT64,
    LAST,
    MEANS,
    PLACES,
    allocating_model,
    biased_model,
    looping_model,
    model_bytes,
    model_with_external_data,
    tensor,
    valid_model,
)
from tests.support.models import SIDE, entry
from tests.support.places import shared_path


@pytest.mark.usefixtures("without_onnx_runtime")
@pytest.mark.parametrize("place", [*PLACES, "graph in a graph in a graph"])
def test_tensors_in_another_file_are_refused_wherever_they_are(place: str) -> None:
    assert "are in another file, which no hash covers" in refusal(model_with_external_data(place))


@pytest.mark.usefixtures("without_onnx_runtime")
@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"no model at all, but text", "not an ONNX model", id="text"),
        pytest.param(valid_model()[:-9], "not an ONNX model", id="cut off"),
        pytest.param(
            model_bytes(
                [*MEANS, helper.make_node("Evil", ["means"], ["logits"], domain="evil.ops")]
            ),
            "operators of 'evil.ops'",
            id="unknown operators",
        ),
        pytest.param(
            model_bytes(
                [*MEANS, LAST],
                [EYE],
                extra={
                    "functions": [
                        helper.make_function(
                            "evil.ops",
                            "Mine",
                            ["a"],
                            ["b"],
                            [helper.make_node("Identity", ["a"], ["b"])],
                            [helper.make_opsetid("", 17)],
                        )
                    ]
                },
            ),
            "operators of 'evil.ops'",
            id="operators of its own",
        ),
        pytest.param(
            model_bytes([*MEANS, LAST], [EYE], opset=999),
            "needs opset 999; expected",
            id="opset 999",
        ),
    ],
)
def test_invalid_graphs_are_refused(data: bytes, message: str) -> None:
    assert message in refusal(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(
            model_bytes([*MEANS, LAST], [EYE], shape=("n", 3, SIDE, 9)),
            "shape n × 3 × 8 × 9; expected n × 3 × 8 × 8",
            id="another width",
        ),
        pytest.param(
            model_bytes([*MEANS, LAST], [tensor("W", np.ones((1, 3)))], shape=("n", 1, SIDE, SIDE)),
            "shape n × 1 × 8 × 8; expected n × 3 × 8 × 8",
            id="grey in place of colour",
        ),
        pytest.param(
            model_bytes([helper.make_node("Flatten", ["x"], ["logits"])], shape=("n", 3)),
            "shape n × 3; expected n × 3 × 8 × 8",
            id="no pictures",
        ),
        pytest.param(
            model_bytes([*MEANS, LAST], [EYE], shape=(5, 3, SIDE, SIDE)),
            "shape 5 × 3 × 8 × 8",
            id="five at a time",
        ),
        pytest.param(
            model_bytes(
                [*MEANS, helper.make_node("ArgMax", ["means"], ["logits"])], kinds=(FLOAT, INT64)
            ),
            "expected one tensor(float) each",
            id="another type",
        ),
        pytest.param(
            model_bytes([*MEANS, LAST], [tensor("W", np.ones((3, 5)))]),
            "expected output (1, 3), one per label, got (1, 5)",
            id="five labels",
        ),
        pytest.param(
            # Right for one picture alone.
            model_bytes(
                [*MEANS, helper.make_node("ReduceMax", ["means"], ["logits"], axes=[0])], opset=17
            ),
            "one per label, got (1, 3)",
            id="one answer for three pictures",
        ),
        pytest.param(biased_model(np.nan), "not finite", id="NaN"),
        pytest.param(biased_model(np.inf), "not finite", id="infinity"),
        pytest.param(valid_model(3e38), "not finite", id="too large together"),
        pytest.param(model_bytes([LAST], [EYE]), "can't load the model", id="a loose end"),
    ],
)
def test_a_model_that_differs_from_its_entry_is_refused(data: bytes, message: str) -> None:
    assert message in refusal(data, calibration=COLD if message == "not finite" else None)


@pytest.mark.parametrize("shape", [("n", 3, SIDE, SIDE), (1, 3, SIDE, SIDE), ("n", 3, "h", "w")])
def test_a_sound_model_passes(shape: tuple[int | str, ...]) -> None:
    assert refusal(model_bytes([*MEANS, LAST], [EYE], shape=shape)) == ""


def test_the_classifiers_that_ship_would_pass() -> None:
    for model in manifest().of_kind("classifier"):
        if weights.is_here(model):
            answer = examiner.examine(weights.read(model)[0], model, finds=True)
            assert not answer["reason"] and not answer["has_wide_weights"]
            assert (answer["layout"], answer["output"]) == (model.input.layout, model.output)


def test_bytes_that_claim_another_format_are_read_as_onnx() -> None:
    """Otherwise what is examined would differ from what is loaded."""
    made = onnx.load_model_from_string(valid_model())
    made.ClearField("ir_version")
    # The first field of the file: ONNX Runtime looks for the four letters at the fifth byte.
    data = b"\x12\x06xxORTM" + b"\x08\x08" + made.SerializeToString()
    assert data[4:8] == b"ORTM" and onnx.load_model_from_string(data).producer_name
    assert OnnxModel(data, threads=1).input_shape[1:] == [3, SIDE, SIDE]


def examined(data: bytes, **changes: Any) -> None:
    examination._passed.clear()
    examination.examine(data, parse_added_model(entry(data, **changes)))


def test_an_endless_loop_is_refused_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "LIMIT_S", 4.0)
    start = time.monotonic()
    with pytest.raises(ModelError, match=r"mine\.onnx was refused: .* took longer than 4 s"):
        examined(looping_model(only_for_grey=False))
    assert time.monotonic() - start < 12


@pytest.mark.skipif(os.name != "posix", reason="memory is limited on POSIX alone")
def test_a_model_that_uses_all_memory_is_refused() -> None:
    """160 GB, and 10 GB, which this machine may have."""
    for side in (200_000, 50_000):
        with pytest.raises(ModelError, match=r"refused: it needs more memory than the 700 MB"):
            examined(allocating_model(side))


@pytest.mark.skipif(os.name != "posix", reason="ends as POSIX tells them")
@pytest.mark.parametrize(
    ("ends", "message"),
    [
        pytest.param("kill -SEGV $$", r"the process .* crashed", id="it crashes"),
        pytest.param("exit 1", r"could not be examined.*exit status 1", id="an error of ours"),
    ],
)
def test_a_model_is_refused_if_its_examiner_dies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: str, message: str
) -> None:
    (tmp_path / "python").write_text(f"#!/bin/sh\n{ends}\n")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr("ferapp.system.child.sys.executable", str(tmp_path / "python"))
    with pytest.raises(ModelError, match=rf"mine\.onnx was refused: .*{message}"):
        examined(valid_model())


def test_without_onnx_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=r'needs onnx, .* -e "\.\[models\]"'):
        examined(valid_model())


def test_every_hostile_model_is_refused_as_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "LIMIT_S", 8.0)
    place = shared_path("data/hostile")
    with (place / "MANIFEST.tsv").open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file, delimiter="\t") if "syn_model/" in r["file"]]
    assert len(rows) > 10 and {row["expected"] for row in rows} == {"clear-error"}
    size = {"size_wh": [112, 112], "colour": "rgb", "mean": 127.5, "std": 127.5}
    right = hashlib.sha256((place / "syn_model" / "valid_7class.onnx").read_bytes()).hexdigest()
    wrong = []
    for row in rows:
        path = place / row["file"]
        # Only the hash tells these two.
        is_other = path.stem in ("bitflip_weights", "valid_7class")
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        named = (right if path.stem != "valid_7class" else "0" * 64) if is_other else sha256
        model = parse_added_model(
            entry(b"", file=path.name, sha256=named, input=size, labels=list("abcdefg"))
        )
        monkeypatch.setenv(folder.FOLDER_VARIABLE, str(path.parent))
        try:
            examination.examine(weights.read(model)[0], model)
            wrong.append((row["file"], "was accepted"))
        except ModelError as exc:
            message = str(exc)
            if path.name not in message or is_other != (f"found {sha256}" in message):
                wrong.append((row["file"], message))
    assert not wrong

"""Classifiers that operators add: refused before they do harm, and watched while they run."""

import csv
import fractions
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from ferapp.emotions import EXPRESSIONS
from ferapp.errors import FetchError, MissingExtra, MissingWeights, ModelError, WrongHash
from ferapp.inference import added as adding
from ferapp.inference import examination, examiner, folder, registry, weights
from ferapp.inference.classifiers import ExpressionClassifier
from ferapp.inference.detectors import faces_of
from ferapp.inference.manifest import Model, added, added_model, manifest
from ferapp.inference.onnx_model import OnnxModel
from ferapp.pipeline.analyzer import Analyzer
from ferapp.settings import DetectionSettings
from ferapp.types import Faces
from ferapp.ui.live.webcam import Viewer
from ferapp.ui.shared import resources
from ferapp.vision.crops import mirrored
from tests.support.apps import app, upload, words
from tests.support.cli import ferapp
from tests.support.fakes import Clock, FakeDetector, FakeSession
from tests.support.models import LABELS, SIDE, entry
from tests.support.places import SAMPLES, shared

GREY = 191
"""Mean of the pictures that the graphs below stumble over; none of the examiner's has it."""

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


def tensor(name: str, values: Any, kind: int = FLOAT) -> onnx.TensorProto:
    array = np.array(values)
    return helper.make_tensor(name, kind, array.shape, array.flatten().tolist())


def elsewhere(name: str, location: str) -> onnx.TensorProto:
    """A tensor whose numbers are in another file."""
    out = TensorProto(name=name, data_type=FLOAT, dims=[3, 3], data_location=TensorProto.EXTERNAL)
    out.external_data.add(key="location", value=location)
    return out


def model_bytes(
    nodes: list[onnx.NodeProto],
    tensors: list[onnx.TensorProto] | None = None,
    *,
    shape: tuple[int | str, ...] = ("n", 3, SIDE, SIDE),
    kinds: tuple[int, int] = (FLOAT, FLOAT),
    opset: int = 17,
    more: dict[str, Any] | None = None,
) -> bytes:
    """A graph from ``x`` to ``logits``."""
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("x", kinds[0], shape)],
        [helper.make_tensor_value_info("logits", kinds[1], None)],
        tensors or [],
    )
    sets = [helper.make_opsetid("", opset), helper.make_opsetid("evil.ops", 1)]
    made = helper.make_model(graph, opset_imports=sets, ir_version=8, **(more or {}))
    return made.SerializeToString()


# From pictures to the mean of each channel, (n, 3), which are three logits.
MEANS = [
    helper.make_node("GlobalAveragePool", ["x"], ["pooled"]),
    helper.make_node("Flatten", ["pooled"], ["means"]),
]
LAST = helper.make_node("MatMul", ["means", "W"], ["logits"])
EYE = tensor("W", np.eye(3))


def sound(scale: float = 1) -> bytes:
    return model_bytes([*MEANS, LAST], [tensor("W", np.eye(3) * scale)])


def plus(constant: float) -> bytes:
    """Each logit and a constant."""
    nodes = [*MEANS, helper.make_node("Add", ["means", "c"], ["logits"])]
    return model_bytes(nodes, [tensor("c", [constant])])


def looping(*, only_for_grey: bool) -> bytes:
    """A loop without end, or one that ends unless a picture's mean is the grey's."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_out"]),
            helper.make_node("Add", ["v", "one"], ["v_out"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", INT64, []),
            helper.make_tensor_value_info("go", BOOL, []),
            helper.make_tensor_value_info("v", FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("go_out", BOOL, []),
            helper.make_tensor_value_info("v_out", FLOAT, None),
        ],
        [tensor("one", [1.0])],
    )
    tensors = [EYE, tensor("yes", True, BOOL), tensor("grey", [(GREY - 127.5) / 127.5])]
    tensors += [tensor("near", [0.1]), tensor("many", [1e18])]
    count = [
        helper.make_node("Sub", ["means", "grey"], ["difference"]),
        helper.make_node("Abs", ["difference"], ["distance"]),
        helper.make_node("Sub", ["near", "distance"], ["nearness"]),
        helper.make_node("Relu", ["nearness"], ["is_grey"]),
        helper.make_node("Mul", ["is_grey", "many"], ["times"]),
        helper.make_node("ReduceMax", ["times"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["trips"], to=INT64),
    ]
    if not only_for_grey:
        count, tensors = [], [*tensors, tensor("trips", 1 << 62, INT64)]
    loop = helper.make_node("Loop", ["trips", "yes", "means"], ["logits"], body=body)
    return model_bytes([*MEANS, *count, loop], tensors)


def nan_for_grey() -> bytes:
    """Not a number for pictures whose mean is the grey's, and sound for others."""
    nodes = [
        *MEANS,
        helper.make_node("Sub", ["means", "grey"], ["difference"]),
        helper.make_node("Abs", ["difference"], ["distance"]),
        helper.make_node("Sub", ["distance", "near"], ["beyond"]),
        helper.make_node("Sqrt", ["beyond"], ["logits"]),
    ]
    return model_bytes(nodes, [tensor("grey", [(GREY - 127.5) / 127.5]), tensor("near", [0.1])])


def allocating(side: int) -> bytes:
    nodes = [
        *MEANS,
        helper.make_node("Shape", ["means"], ["n"]),
        # Of the input, so that it is not folded while loading.
        helper.make_node("Mul", ["n", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "side"], ["shape"]),
        helper.make_node("ConstantOfShape", ["shape"], ["huge"]),
        helper.make_node("ReduceMean", ["huge"], ["mean"], keepdims=0),
        helper.make_node("Add", ["means", "mean"], ["logits"]),
    ]
    sizes = [tensor("zero", [0, 0], INT64), tensor("side", [side, side], INT64)]
    return model_bytes(nodes, sizes)


def hidden(how: str) -> bytes:
    """A model that takes numbers from another file, in one of the places for numbers."""
    bad = elsewhere("W2", "w.bin")
    constant = helper.make_node("Constant", [], ["c"], value=bad)
    if how == "initializer":
        return model_bytes([*MEANS, LAST], [elsewhere("W", "w.bin")])
    if how == "up":
        return model_bytes([*MEANS, LAST], [elsewhere("W", "../../../etc/hostname")])
    if how == "without a mark":
        bad.data_location = TensorProto.DEFAULT
        return model_bytes([*MEANS, LAST], [EYE, bad])
    if how == "attribute":
        return model_bytes([*MEANS, constant, LAST], [EYE])
    if how == "sparse":
        made = onnx.load_model_from_string(sound())
        made.graph.sparse_initializer.add(values=bad, dims=[3, 3])
        return made.SerializeToString()
    if how == "function":
        sets = [helper.make_opsetid("", 17)]
        function = helper.make_function("", "Mine", [], ["c"], [constant], sets)
        return model_bytes([*MEANS, LAST], [EYE], more={"functions": [function]})
    if how == "training":
        made = onnx.load_model_from_string(sound())
        made.training_info.add().algorithm.initializer.append(bad)
        return made.SerializeToString()
    assert how == "graph in a graph in a graph"
    inner = helper.make_graph([constant], "inner", [], [])
    for depth in range(2):
        branch = helper.make_node("If", ["yes"], [], then_branch=inner, else_branch=inner)
        inner = helper.make_graph([branch], f"outer {depth}", [], [])
    branch = helper.make_node("If", ["yes"], [], then_branch=inner, else_branch=inner)
    return model_bytes([*MEANS, branch, LAST], [EYE, tensor("yes", True, BOOL)])


PLACES = ("initializer", "up", "without a mark", "attribute", "sparse", "function", "training")


def refusal(data: bytes, **changes: Any) -> str:
    """In this process, so that it is fast: for what is refused before anything runs for long."""
    return str(examiner.examine(data, added_model(entry(data, **changes)))["reason"])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder for models; nobody remembers another one."""
    path = tmp_path / "models"
    path.mkdir()
    monkeypatch.setenv(folder.FOLDER_VARIABLE, str(path))
    _forget()
    yield path
    _forget()


def _forget() -> None:
    for remembered in (manifest, added, adding._refusals):
        remembered.cache_clear()
    examination._passed.clear()
    resources._refused_models.clear()
    resources.analyzer.clear()


def put(here: Path, **models: bytes) -> None:
    """Models with the right hashes, in the folder and in its manifest."""
    for name, data in models.items():
        (here / f"{name}.onnx").write_bytes(data)
    write(here, [entry(data, name) for name, data in models.items()])


def write(here: Path, entries: list[Any]) -> None:
    (here / "manifest.json").write_text(json.dumps({"version": 1, "models": entries}))
    _forget()


# What is refused before ONNX Runtime sees it.


@pytest.fixture
def without_onnx_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object, **__: object) -> None:
        raise AssertionError("ONNX Runtime was given a model that should have been refused")

    monkeypatch.setattr(examiner, "OnnxModel", load)


@pytest.mark.usefixtures("without_onnx_runtime")
@pytest.mark.parametrize("how", [*PLACES, "graph in a graph in a graph"])
def test_numbers_in_another_file_are_found_wherever_they_hide(how: str) -> None:
    assert "are in another file, which no hash covers" in refusal(hidden(how))


@pytest.mark.usefixtures("without_onnx_runtime")
@pytest.mark.parametrize(
    ("data", "told"),
    [
        pytest.param(b"no model at all, but text", "no ONNX model", id="text"),
        pytest.param(sound()[:-9], "no ONNX model", id="cut off"),
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
                more={
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
            model_bytes([*MEANS, LAST], [EYE], opset=999), "of opset 999; expected", id="opset 999"
        ),
    ],
)
def test_what_is_no_sound_graph_is_refused(data: bytes, told: str) -> None:
    assert told in refusal(data)


@pytest.mark.parametrize(
    ("data", "told"),
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
            "expected output (3, 3), one per label, got (1, 3)",
            id="one answer for three pictures",
        ),
        pytest.param(plus(np.nan), "not finite", id="NaN"),
        pytest.param(plus(np.inf), "not finite", id="infinity"),
        pytest.param(sound(3e38), "not finite", id="too large together"),
        pytest.param(model_bytes([LAST], [EYE]), "can't load the model", id="a loose end"),
    ],
)
def test_what_does_not_fit_its_entry_is_refused(data: bytes, told: str) -> None:
    assert told in refusal(data, calibration=COLD if told == "not finite" else None)


COLD = {"temperature": 0.1, "unsure_below": 0.5, "coverage": 0.9, "fitted_on": "made up"}


@pytest.mark.parametrize("shape", [("n", 3, SIDE, SIDE), (1, 3, SIDE, SIDE), ("n", 3, "h", "w")])
def test_a_sound_model_passes(shape: tuple[int | str, ...]) -> None:
    assert refusal(model_bytes([*MEANS, LAST], [EYE], shape=shape)) == ""


def test_the_classifiers_that_ship_would_pass() -> None:
    for model in manifest().of_kind("classifier"):
        if weights.is_here(model):
            passed = {"reason": "", "has_wide_weights": False}
            assert examiner.examine(weights.read(model)[0], model) == passed


def test_bytes_that_claim_another_format_are_read_as_onnx() -> None:
    """Or else what is examined is not what is loaded."""
    made = onnx.load_model_from_string(sound())
    made.ClearField("ir_version")
    # The first field of the file: ONNX Runtime looks for the four letters at the fifth byte.
    data = b"\x12\x06xxORTM" + b"\x08\x08" + made.SerializeToString()
    assert data[4:8] == b"ORTM" and onnx.load_model_from_string(data).producer_name
    assert OnnxModel(data, threads=1).input_shape[1:] == [3, SIDE, SIDE]


# What only a process of its own can find out.


def examined(data: bytes, **changes: Any) -> None:
    examination._passed.clear()
    examination.examine(data, added_model(entry(data, **changes)))


def test_a_loop_without_end_is_refused_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "LIMIT_S", 4.0)
    start = time.monotonic()
    with pytest.raises(ModelError, match=r"mine\.onnx was refused: .* not examined within 4 s"):
        examined(looping(only_for_grey=False))
    assert time.monotonic() - start < 12


@pytest.mark.skipif(os.name != "posix", reason="memory is limited on POSIX alone")
def test_a_model_that_takes_all_memory_is_refused() -> None:
    """160 GB, and 10 GB, which this machine may well have."""
    for side in (200_000, 50_000):
        with pytest.raises(ModelError, match=r"refused: it needs more memory than the 4 GB"):
            examined(allocating(side))


@pytest.mark.skipif(os.name != "posix", reason="ends as POSIX tells them")
@pytest.mark.parametrize(
    ("ends", "message"),
    [
        pytest.param("kill -SEGV $$", r"the process .* ended by itself", id="it crashes"),
        pytest.param("exit 1", r"could not be examined.*exit status 1", id="an error of ours"),
    ],
)
def test_an_examiner_that_dies_is_a_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: str, message: str
) -> None:
    (tmp_path / "python").write_text(f"#!/bin/sh\n{ends}\n")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr("ferapp.system.child.sys.executable", str(tmp_path / "python"))
    with pytest.raises(ModelError, match=rf"mine\.onnx was refused: .*{message}"):
        examined(sound())


def test_without_onnx_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=r'needs onnx, .* -e "\.\[models\]"'):
        examined(sound())


def test_every_hostile_model_gives_what_it_must(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "LIMIT_S", 8.0)
    place = shared("data/hostile")
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
        model = added_model(
            entry(b"", file=path.name, sha256=named, input=size, labels=list("abcdefg"))
        )
        monkeypatch.setenv(folder.FOLDER_VARIABLE, str(path.parent))
        try:
            examination.examine(weights.read(model)[0], model)
            wrong.append((row["file"], "was accepted"))
        except ModelError as exc:
            told = str(exc)
            if path.name not in told or is_other != (f"found {sha256}" in told):
                wrong.append((row["file"], told))
    assert not wrong


# The folder and its files.


@pytest.mark.parametrize(
    ("make", "told"),
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
def test_what_is_no_file_in_the_folder_is_refused(
    here: Path, make: Callable[[Path], object], told: str
) -> None:
    (here.parent / "outside.onnx").write_bytes(sound())
    write(here, [entry(sound())])
    make(here / "mine.onnx")
    with pytest.raises(MissingWeights, match=rf"mine\.onnx .*{told}"):
        registry.load_classifier("mine")


def test_a_file_over_the_limit_is_refused_unread(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(here, [entry(sound())])
    with (here / "mine.onnx").open("wb") as file:
        file.truncate(folder.MOST_BYTES + 1)  # of holes: it takes no room
    start = time.monotonic()
    with pytest.raises(MissingWeights, match="has 500,000,001 bytes; expected 500,000,000 at most"):
        registry.load_classifier("mine")
    assert time.monotonic() - start < 1


@pytest.mark.skipif(os.name != "posix", reason="needs links")
def test_links_inside_the_folder_and_hard_links_are_files(here: Path) -> None:
    """Their bytes are what the hash says, wherever they lie; Kubernetes mounts files like that."""
    (here / "..data").mkdir()
    (here / "..data" / "a").write_bytes(sound())
    (here / "a.onnx").symlink_to("..data/a")
    (here.parent / "outside").write_bytes(sound(2))
    os.link(here.parent / "outside", here / "b.onnx")
    write(here, [entry(sound(), "a"), entry(sound(2), "b")])
    assert registry.load_classifier("a").labels == registry.load_classifier("b").labels == LABELS


@pytest.mark.skipif(os.name != "posix", reason="needs links")
def test_a_hard_link_as_second_file_does_not_help(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ONNX Runtime itself follows one, from the folder that it was started in."""
    (here.parent / "secret").write_bytes(np.eye(3, dtype=np.float32).tobytes())
    os.link(here.parent / "secret", here / "w.bin")
    monkeypatch.chdir(here)
    put(here, mine=hidden("initializer"))
    with pytest.raises(ModelError, match=r"mine\.onnx was refused: .*'W' are in another file"):
        registry.load_classifier("mine")


def test_a_swapped_file_is_refused_with_both_hashes(here: Path) -> None:
    put(here, mine=sound())
    registry.load_classifier("mine")
    (here / "mine.onnx").write_bytes(sound(2))
    expected, found = (hashlib.sha256(sound(k)).hexdigest() for k in (1, 2))
    with pytest.raises(FetchError, match="was added by the operator"):
        weights.fetch(manifest().named("mine"))
    with pytest.raises(WrongHash, match=f"mine.onnx .*expected sha256 {expected}, found {found}"):
        registry.load_classifier("mine")


def test_the_bytes_that_were_examined_are_those_that_are_loaded(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(here, mine=sound())

    def swap(data: bytes, model: Model) -> None:
        examination.examine(data, model)
        (here / "mine.onnx").write_bytes(sound(-1))

    monkeypatch.setattr(registry, "examine", swap)
    logits = registry.load_classifier("mine").logits([np.full((SIDE, SIDE, 3), 255, np.uint8)])
    np.testing.assert_allclose(logits, [[1, 1, 1]])


@pytest.mark.parametrize(
    ("text", "told"),
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
def test_a_broken_manifest_leaves_what_ships(here: Path, text: str | None, told: str) -> None:
    if text is not None:
        (here / "manifest.json").write_text(text)
    assert not added().models and manifest().defaults.classifier
    assert told in added().refused[0].reason
    assert registry.load_classifier().labels == EXPRESSIONS


@pytest.mark.parametrize(
    ("changes", "told"),
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
def test_one_bad_entry_leaves_the_others(here: Path, changes: dict[str, Any], told: str) -> None:
    write(here, [entry(sound(), "other"), entry(sound(), **changes)])
    (bad,) = added().refused
    assert bad.reason.startswith("Entry 2 of manifest.json: ") and told in bad.reason
    assert [m.name for m in added().models] == ["other"]
    assert manifest().model("seresnet-48", "classifier").file == "seresnet-48.onnx"


def test_an_entry_that_is_no_object_leaves_the_others(here: Path) -> None:
    write(here, ["text", entry(sound(), "other")])
    assert [m.name for m in added().models] == ["other"]
    assert added().refused[0].name == "entry 1"


# While they run.

PICTURE = np.full((SIDE, SIDE, 3), GREY, np.uint8)


def test_a_loop_that_only_some_picture_starts_is_stopped(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_ADDED_LIMIT_S", 0.5)
    put(here, mine=looping(only_for_grey=True))
    classifier = registry.load_classifier("mine")
    start = time.monotonic()
    with pytest.raises(ModelError, match=r"was stopped: it gave no answer within 0\.5 s"):
        classifier.classify([PICTURE])
    assert time.monotonic() - start < 5
    assert classifier.classify([PICTURE // 2]).shape == (1, 3), "the next picture is read"


def test_not_a_number_is_no_result_and_the_next_picture_is_read() -> None:
    data = nan_for_grey()
    assert refusal(data) == "", "it is sound for the examiner's pictures"
    classifier = ExpressionClassifier(
        OnnxModel(data, threads=1), added_model(entry(data)).input.spec, LABELS
    )
    analyzer = Analyzer(FakeDetector(Faces(BOX, np.ones(1, np.float32))), classifier)
    with pytest.raises(ModelError, match="not finite"):
        classifier.logits([PICTURE])
    with pytest.raises(ModelError, match="not finite"):
        analyzer.analyze(around(GREY))
    assert len(analyzer.analyze(around(80))) == 1

    viewer = Viewer(analyzer, Clock())
    for index in range(4):
        viewer.on_frame(frame(index, 80))
    read = viewer.latest.snapshot()
    assert read.frame is not None and read.frame.faces[0].probabilities is not None
    out = viewer.on_frame(frame(4, GREY)).to_ndarray(format="rgb24")
    told = viewer.latest.snapshot()
    assert "not finite" in str(told.message)
    assert len(told.series[1].probabilities) == len(read.series[1].probabilities), "no result"
    assert (out == mirrored(around(GREY))).all(), "and no label on the picture"
    viewer.on_frame(frame(5, 80))
    told = viewer.latest.snapshot()
    assert told.message is None and len(told.series[1].probabilities) > 1, "the stream lives on"


def test_numbers_too_large_for_the_calibration_are_no_result() -> None:
    class Huge(FakeSession):
        def run(self, batch: np.ndarray) -> list[np.ndarray]:
            return [np.full((len(batch), self.labels), 3e38, np.float32)]

    spec = added_model(entry(b"", input={**entry(b"")["input"], "colour": "grey"})).input.spec
    calibration = added_model(entry(b"", calibration=COLD)).calibration
    classifier = ExpressionClassifier(Huge(3), spec, LABELS, calibration)
    with pytest.raises(ModelError, match="not finite"):
        classifier.classify([PICTURE])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_detector_that_gives_no_finite_score_or_box_finds_no_face(value: float) -> None:
    box, score = np.array([[0.1, 0.1, 0.9, 0.9]] * 2, np.float32), np.ones((2, 2), np.float32)
    box[0, 2] = score[1, 1] = value
    assert len(faces_of(box, score, np.zeros((60, 80, 3), np.uint8), DetectionSettings())) == 0


BOX = np.array([[200, 100, 300, 200]], np.float32)


def around(grey: int) -> np.ndarray:
    """Noise of this mean, sharp enough to be read; the same in every channel."""
    noise = np.random.default_rng(0).integers(-20, 21, (480, 640, 1))
    return np.repeat(grey + noise, 3, axis=2).astype(np.uint8)


def frame(index: int, grey: int) -> av.VideoFrame:
    out = av.VideoFrame.from_ndarray(around(grey), format="rgb24")
    out.pts, out.time_base = index * 6000, fractions.Fraction(1, 90_000)
    return out


# In the app and on the command line.


def test_an_added_model_is_chosen_and_a_bad_one_is_not(here: Path) -> None:
    put(here, mine=sound(4), bad=plus(np.nan))
    at = upload(app(), a=(SAMPLES / "astronaut.jpg").read_bytes())
    assert not at.exception
    box = at.selectbox(key="classifier")
    assert "mine" in box.options and "bad" not in box.options
    at = box.set_value("mine").run()
    assert not at.exception
    assert set(LABELS) <= set(at.dataframe[0].value.columns)
    assert "with ssd-320-int8 and mine" in words(at)


@pytest.mark.parametrize("page", ["image.py", "about.py"])
def test_a_bad_folder_leaves_the_app_working(here: Path, page: str) -> None:
    (here / "manifest.json").write_text("{")
    _forget()
    at = app(page)
    assert not at.exception
    if page == "about.py":
        assert "manifest.json breaks its schema" in words(at)
        assert "refused" in at.dataframe[0].value["on this machine"].tolist()
    else:
        at = upload(at, a=(SAMPLES / "astronaut.jpg").read_bytes())
        assert "**1 · happiness**" in words(at)


def test_the_about_page_says_which_file_is_bad_and_why(here: Path) -> None:
    put(here, good=sound(), bad=plus(np.nan))
    at = app("about.py")
    assert "bad: bad.onnx was refused: The classifier gave numbers" in words(at)
    told = at.dataframe[0].value.set_index("model")["on this machine"]
    assert told["good"] == "yes" and told["bad"] == "refused"
    assert told["seresnet-48-int8 (default)"] == "yes"


def add(here: Path, file: Path, name: str = "mine", **options: object) -> Any:
    asked = {"labels": ",".join(LABELS), "size": SIDE, "colour": "rgb", "mean": 127.5, "std": 127.5}
    given = [f"--{key}={value}" for key, value in (asked | options).items()]
    return ferapp("models", "add", file, "--name", name, *given)


def test_models_add_writes_the_file_and_its_entry(here: Path, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(sound(4))
    here.rmdir()
    run = add(here, tmp_path / "net.onnx")
    assert run.returncode == 0, run.stderr
    run = ferapp("analyze", "--json", "--classifier", "mine", SAMPLES / "astronaut.jpg")
    face = json.loads(run.stdout)["faces"][0]
    assert set(face["probabilities"]) == set(LABELS)
    before = {path.name: path.read_bytes() for path in here.iterdir()}
    run = add(here, tmp_path / "net.onnx")
    assert run.returncode == 1 and "The name mine is taken" in run.stderr
    assert {path.name: path.read_bytes() for path in here.iterdir()} == before


@pytest.mark.parametrize(
    ("data", "options", "told"),
    [
        pytest.param(sound(), {"size": 9}, "expected n × 3 × 9 × 9", id="size"),
        pytest.param(sound(), {"colour": "pink"}, "at input.colour", id="colour"),
        pytest.param(sound(), {"mean": "nan"}, "at input.mean", id="mean"),
        pytest.param(sound(), {"labels": "a,b,"}, "at labels.2", id="labels"),
        pytest.param(b"", {}, "net.onnx is empty", id="empty"),
    ],
)
def test_a_model_that_is_refused_leaves_nothing(
    here: Path, tmp_path: Path, data: bytes, options: dict[str, object], told: str
) -> None:
    (tmp_path / "net.onnx").write_bytes(data)
    run = add(here, tmp_path / "net.onnx", **options)
    assert run.returncode == 1 and told in run.stderr and "Traceback" not in run.stderr
    assert not list(here.iterdir())


def test_a_manifest_that_can_t_be_written_leaves_nothing(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net.onnx").write_bytes(sound())
    real = adding.write_whole

    def write_whole(path: Path, data: bytes) -> None:
        if path.name == "manifest.json":
            raise OSError(28, "No space left on device")
        real(path, data)

    monkeypatch.setattr(adding, "write_whole", write_whole)
    with pytest.raises(ModelError, match=r"No space left on device\. Nothing has changed"):
        adding.add(
            tmp_path / "net.onnx",
            name="mine",
            labels=LABELS,
            taken=entry(b"")["input"],
            licence="MIT",
            source="me",
            data="nothing",
        )
    assert not list(here.iterdir())


def test_without_a_folder_the_sentence_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(folder.FOLDER_VARIABLE, raising=False)
    (tmp_path / "net.onnx").write_bytes(sound())
    run = add(tmp_path, tmp_path / "net.onnx")
    assert run.returncode == 1 and "set FERAPP_MODELS_DIR" in run.stderr


def test_models_list_and_verify_tell_of_what_is_refused(here: Path) -> None:
    write(here, [entry(sound(), "good"), entry(sound(), "bad"), {"name": "[/odd]"}])
    (here / "good.onnx").write_bytes(sound())
    (here / "bad.onnx").write_bytes(sound(2))
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

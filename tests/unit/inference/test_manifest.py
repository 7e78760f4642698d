"""Every entry of the manifest against its file, its graph and its card."""

import json
from pathlib import Path

import pytest

from ferapp.emotions import EXPRESSIONS
from ferapp.errors import ManifestError, UnknownModel
from ferapp.inference import weights
from ferapp.inference.manifest import MODELS_FOLDER, Manifest, Model, manifest, read_manifest
from ferapp.inference.onnx_model import OnnxModel
from ferapp.inference.registry import load_classifier, load_detector, load_landmarks

MODELS = [pytest.param(m, id=m.name) for m in manifest().models]
SHIPPED = [
    pytest.param(m, id=m.name)
    for m in manifest().models
    if m.url is None and m.ships_with == "ferapp"
]
OPENCV = [pytest.param(m, id=m.name) for m in manifest().models if m.ships_with == "opencv"]
LABELS = {
    "classifier": EXPRESSIONS,
    "detector": ("background", "face"),
    "smile": ("no smile", "smile"),
    "landmarks": tuple(str(i) for i in range(68)),
}
FETCHED = [pytest.param(m, id=m.name) for m in manifest().models if m.url is not None]


@pytest.mark.parametrize("model", MODELS)
def test_shipped_labels_are_in_the_agreed_order(model: Model) -> None:
    assert model.labels == LABELS[model.kind]


@pytest.mark.parametrize("model", SHIPPED)
def test_shipped_bytes_and_graph_are_what_the_entry_says(model: Model) -> None:
    data = weights.read(model)[0]
    assert len(data) == model.bytes
    session = OnnxModel(data, threads=1)
    width, height = model.input.size_wh
    assert session.input_shape[1:] == [model.input.spec.channels, height, width]
    if model.kind == "detector":
        assert session.output_names == ["scores", "boxes"]
        return
    assert isinstance(session.input_shape[0], str), "the batch has to be of any length"
    if model.kind == "landmarks":
        assert (
            session.output_names == ["points", "log_error", "peaks"] and model.padding is not None
        )
    else:
        assert session.output_names == ["logits"] and model.calibration is not None


@pytest.mark.parametrize("model", SHIPPED)
def test_shipped_graphs_contain_no_local_paths(model: Model) -> None:
    data = weights.read(model)[0]
    assert not [word for word in (b"/home/", b"/tmp/", b"site-packages", b'.py"') if word in data]


@pytest.mark.parametrize("model", SHIPPED)
def test_shipped_metrics_name_their_data(model: Model) -> None:
    assert model.metrics
    assert all(metric.n > 0 and metric.rule and metric.data for metric in model.metrics)


@pytest.mark.parametrize("model", SHIPPED)
def test_shipped_models_load_by_name(model: Model) -> None:
    {
        "detector": load_detector,
        "classifier": load_classifier,
        "landmarks": load_landmarks,
    }[model.kind](model.name)


@pytest.mark.parametrize("model", OPENCV)
def test_the_installed_opencv_has_the_cascades_of_the_manifest(model: Model) -> None:
    assert weights.is_here(model)
    assert len(weights.read(model)[0]) == model.bytes


@pytest.mark.parametrize("model", MODELS)
def test_every_model_has_a_card(model: Model) -> None:
    assert f"`{model.name}`" in (MODELS_FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("model", FETCHED)
def test_fetched_models_come_over_tls(model: Model) -> None:
    assert {file.url.scheme for file in model.files if file.url} == {"https"}
    assert all(file.url for file in model.files)


def test_shipped_weights_stay_small() -> None:
    sizes = {m.values[0].file: m.values[0].bytes or 0 for m in SHIPPED}
    assert sum(sizes.values()) < 20_000_000
    assert max(sizes.values()) < 12_000_000


def test_presets_must_exist() -> None:
    assert manifest().presets["quick"] == manifest().defaults.detector
    text = manifest().model_dump(mode="json", exclude_none=True)
    text["presets"]["crowd"] = manifest().defaults.classifier
    with pytest.raises(ValueError, match=r"presets\.crowd is not the name of a detector"):
        Manifest.model_validate(text)


def test_only_detectors_look_in_parts() -> None:
    fields = entry(parts={"size_wh": [320, 240], "most": 4})
    with pytest.raises(ValueError, match="only detectors look in parts"):
        Model.model_validate(fields)


def test_an_unknown_name_gives_a_message_with_the_known_ones() -> None:
    with pytest.raises(UnknownModel, match=manifest().defaults.classifier):
        manifest().model("vgg99", "classifier")
    with pytest.raises(UnknownModel):
        manifest().model(manifest().defaults.detector, "classifier")


CALIBRATION = {
    "temperature": 1.0,
    "bias": [0.0] * 8,
    "unsure_below": 0.5,
    "coverage": 0.9,
    "fitted_on": "x",
}


def entry(**changes: object) -> dict:
    """A classifier entry as JSON, with changes."""
    model = manifest().model(None, "classifier").model_dump(mode="json", exclude_none=True)
    return {**model, **changes}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"sha256": "abc"}, "sha256", id="no hash"),
        pytest.param({"file": "../secret.onnx"}, "plain name", id="path outside"),
        pytest.param({"file": "..\\x.onnx"}, "plain name", id="path of Windows outside"),
        pytest.param({"file": "/etc/passwd"}, "plain name", id="absolute path"),
        pytest.param({"labels": ["a", "a"]}, "labels", id="labels twice"),
        pytest.param({"labels": ["a", "b"]}, "one number per label", id="bias of another length"),
        pytest.param({"colour": "pink"}, "colour", id="unknown field"),
        pytest.param({"kind": "oracle"}, "kind", id="unknown kind"),
        pytest.param({"family": "yunet"}, "family", id="kind and family at odds"),
        pytest.param({"recipe": None}, "recipe", id="ours without a recipe"),
        pytest.param(
            {"graph": {"file": "a", "sha256": "0" * 64}}, "second file", id="graph without Caffe"
        ),
        pytest.param(
            {"calibration": {**CALIBRATION, "unsure_below": 1.2}}, "unsure_below", id="threshold"
        ),
    ],
)
def test_a_broken_entry_is_refused(tmp_path: Path, changes: dict, message: str) -> None:
    base = {"calibration": CALIBRATION}
    text = manifest().model_dump(mode="json", exclude_none=True)
    text["models"] = [entry(**{**base, **changes}), *text["models"][1:]]
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(text))
    with pytest.raises(ManifestError, match=f"manifest.json breaks its schema.*{message}"):
        read_manifest(path)


def test_defaults_must_exist() -> None:
    text = manifest().model_dump(mode="json", exclude_none=True)
    text["defaults"]["detector"] = manifest().defaults.classifier
    with pytest.raises(ValueError, match=r"defaults\.detector is not the name of a detector"):
        Manifest.model_validate(text)


def test_a_missing_or_truncated_manifest_gives_a_message(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="can't be read"):
        read_manifest(tmp_path / "manifest.json")
    (tmp_path / "manifest.json").write_text('{"version": 1,')
    with pytest.raises(ManifestError, match="breaks its schema at the file"):
        read_manifest(tmp_path / "manifest.json")

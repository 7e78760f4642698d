"""Eight-bit models, shipped and added ones, give the same results on every processor."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from ferapp import load_analyzer, read_image
from ferapp.inference import examiner, weights
from ferapp.inference.manifest import manifest, parse_added_model
from ferapp.inference.onnx_model import OnnxModel
from ferapp.vision.boxes import squares
from ferapp.vision.crops import mirror, region
from ferapp.vision.preprocess import batch
from tests.support.models import entry
from tests.support.places import ROOT, SAMPLES

EMULATOR = shutil.which("qemu-x86_64")
FACES = 30
SHIPPED = [m for m in manifest().models if m.name.endswith("-int8")]

# AVX2 and no VNNI: products of two bytes are added in 16 bits.
OLD_PROCESSOR = "Haswell"
ANSWERS = """
import sys, numpy as np
from ferapp.inference.onnx_model import OnnxModel
model, inputs, outputs, is_exact = sys.argv[1:]
session = OnnxModel(open(model, "rb").read(), threads=1, is_exact=bool(int(is_exact)))
np.savez(outputs, *[session.run(one[None])[0] for one in np.load(inputs)])
"""


def answers(data: bytes, inputs: NDArray[np.float32], *, is_exact: bool = False) -> list[Any]:
    """Results on this processor."""
    session = OnnxModel(data, threads=1, is_exact=is_exact)
    return [session.run(one[None])[0] for one in inputs]


def answers_of_old(
    folder: Path, data: bytes, inputs: NDArray[np.float32], *, is_exact: bool = False
) -> list[Any]:
    """Results on a processor without VNNI."""
    if EMULATOR is None:
        pytest.skip("needs an emulator of older processors (Debian: qemu-user)")
    (folder / "model.onnx").write_bytes(data)
    np.save(folder / "inputs.npy", inputs)
    run = subprocess.run(
        [EMULATOR, "-cpu", OLD_PROCESSOR, sys.executable, "-c", ANSWERS]
        + [str(folder / name) for name in ("model.onnx", "inputs.npy", "outputs.npz")]
        + [str(int(is_exact))],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    with np.load(folder / "outputs.npz") as found:
        return [found[f"arr_{n}"] for n in range(len(inputs))]


def faces() -> list[NDArray[np.uint8]]:
    """Thirty crops: the faces of the samples, moved, relit and mirrored."""
    rng, analyzer = np.random.default_rng(0), load_analyzer()
    images = [read_image(path) for path in sorted(SAMPLES.glob("*.jpg"))]
    found = [(image, face) for image in images for face in analyzer.analyze(image).faces.xyxy]
    crops = []
    for n in range(FACES):
        image, box = found[n % len(found)]
        moved = box + rng.uniform(-0.1, 0.1, 4) * (box[2] - box[0])
        (square,) = squares(moved[None].astype(np.float32))
        crop = region(image, square, (96, 96))
        lit = np.clip(crop * rng.uniform(0.5, 1.4), 0, 255).astype(np.uint8)
        crops.append(mirror(lit) if n % 2 else lit)
    return crops


@pytest.mark.parametrize("model", SHIPPED, ids=lambda model: model.name)
def test_shipped_weights_stay_within_seven_bits(model: Any) -> None:
    """Otherwise one in fifteen labels changes on processors without VNNI."""
    graph = onnx.load_model_from_string(weights.read(model)[0]).graph
    eight = [
        numpy_helper.to_array(t).astype(int)
        for t in graph.initializer
        if t.data_type == TensorProto.INT8 and t.dims
    ]
    assert sum(map(np.size, eight)) > 100_000, "no int8 weights: what is looked at?"
    assert max(np.abs(values).max() for values in eight) <= 64


@pytest.mark.parametrize("model", SHIPPED, ids=lambda model: model.name)
def test_shipped_models_give_the_same_results_on_an_older_cpu(model: Any, tmp_path: Path) -> None:
    inputs = batch(faces(), model.input.spec)
    data = weights.read(model)[0]
    ours, old = answers(data, inputs), answers_of_old(tmp_path, data, inputs)
    assert len({one.tobytes() for one in ours}) == FACES, "or the faces are all the same"
    # The softmax of landmarks is computed in float32, by instructions that round differently.
    atol = 1e-6 if model.kind == "landmarks" else 0
    for mine, theirs in zip(ours, old, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=atol)


# A classifier of eight-bit weights that nobody kept within seven.

SIDE, CLASSES = 8, 3


def quantised(*, form: str, shares_zero_point: bool = False, most: int = 127) -> bytes:
    """Pictures to logits, by one or two products of bytes.

    Args:
        form: "QDQ", as quantize_static writes it, or "QLinearMatMul".
        shares_zero_point: Whether two products have their zero point in common.
        most: The largest weight.
    """
    rng = np.random.default_rng(1)
    inputs = 3 * SIDE * SIDE
    tensors = [
        numpy_helper.from_array(np.float32(1 / 255), "xs"),
        numpy_helper.from_array(np.uint8(0), "xz"),
        numpy_helper.from_array(np.float32(0.01), "ws"),
        numpy_helper.from_array(np.int8(0), "wz"),
        numpy_helper.from_array(np.float32(1), "ys"),
        numpy_helper.from_array(np.uint8(128), "yz"),
    ]
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("Relu", ["flat"], ["light"]),
        helper.make_node("QuantizeLinear", ["light", "xs", "xz"], ["xq"]),
        helper.make_node("DequantizeLinear", ["xq", "xs", "xz"], ["xd"]),
    ]
    names = ["a", "b"] if shares_zero_point else ["a"]
    for name in names:
        values = rng.choice([-most, most], (inputs, CLASSES), p=[0.3, 0.7]).astype(np.int8)
        tensors.append(numpy_helper.from_array(values, f"w{name}"))
        if form == "QDQ":
            nodes += [
                helper.make_node("DequantizeLinear", [f"w{name}", "ws", "wz"], [f"wd{name}"]),
                helper.make_node("MatMul", ["xd", f"wd{name}"], [f"f{name}"]),
                helper.make_node("QuantizeLinear", [f"f{name}", "ys", "yz"], [f"q{name}"]),
            ]
        else:
            ports = ["xq", "xs", "xz", f"w{name}", "ws", "wz", "ys", "yz"]
            nodes.append(helper.make_node("QLinearMatMul", ports, [f"q{name}"]))
        nodes.append(helper.make_node("DequantizeLinear", [f"q{name}", "ys", "yz"], [f"o{name}"]))
    last = ["oa", "ob"] if shares_zero_point else ["oa", "oa"]
    nodes.append(helper.make_node("Add", last, ["logits"]))
    graph = helper.make_graph(
        nodes,
        "eight-bits",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, None)],
        tensors,
    )
    opset = [helper.make_opsetid("", 17)]
    return bytes(helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString())


def pictures() -> NDArray[np.float32]:
    return np.random.default_rng(2).uniform(0.2, 1, (FACES, 3, SIDE, SIDE)).astype(np.float32)


@pytest.mark.parametrize("shares", [False, True], ids=["its own", "a shared"])
@pytest.mark.parametrize("form", ["QDQ", "QLinearMatMul"])
def test_added_models_give_the_same_results_on_an_older_cpu_or_are_refused(
    form: str, shares: bool, tmp_path: Path
) -> None:
    data, inputs = quantised(form=form, shares_zero_point=shares), pictures()
    answer = examiner.examine(data, parse_added_model(entry(data)))
    assert answer["has_wide_weights"]
    if shares and form == "QLinearMatMul":
        assert "QLinearMatMul share their zero point" in answer["reason"]
        return
    assert answer["reason"] == ""
    ours = answers(data, inputs, is_exact=True)
    for mine, theirs in zip(
        ours, answers_of_old(tmp_path, data, inputs, is_exact=True), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)
    wrong = answers_of_old(tmp_path, data, inputs)
    assert any((mine != theirs).any() for mine, theirs in zip(ours, wrong, strict=True)), (
        "they saturate, or the test proves nothing"
    )


def test_weights_within_seven_bits_are_not_wide() -> None:
    data = quantised(form="QLinearMatMul", shares_zero_point=True, most=64)
    answer = examiner.examine(data, parse_added_model(entry(data)))
    assert not answer["reason"] and json.dumps(answer["has_wide_weights"]) == "false"


def test_weights_in_an_inner_graph_are_refused() -> None:
    """Exact mode overlooks them."""
    made = onnx.load_model_from_string(quantised(form="QDQ"))
    graph = made.graph
    ends = [helper.make_tensor_value_info("inner", TensorProto.FLOAT, None)]
    branches = {}
    for name in ("then_branch", "else_branch"):
        nodes = [
            helper.make_node("DequantizeLinear", ["wa", "ws", "wz"], ["d"]),
            helper.make_node("MatMul", ["xd", "d"], ["inner"]),
        ]
        branches[name] = helper.make_graph(nodes, name, [], ends)
    graph.initializer.append(numpy_helper.from_array(np.bool_(True), "yes"))
    graph.node[-1].output[0] = "outer"
    graph.node.append(helper.make_node("If", ["yes"], ["chosen"], **branches))
    graph.node.append(helper.make_node("Add", ["outer", "chosen"], ["logits"]))
    data = made.SerializeToString()
    answer = examiner.examine(data, parse_added_model(entry(data)))
    assert "in a graph inside another one" in answer["reason"]

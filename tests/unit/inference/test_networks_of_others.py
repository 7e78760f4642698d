"""Networks that end in a softmax or a sigmoid, or take the channels last, are read right."""

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from ferapp.errors import ModelError
from ferapp.inference import examiner
from ferapp.inference.classifiers import ExpressionClassifier, softmax
from ferapp.inference.examination import Examination
from ferapp.inference.manifest import Model, parse_added_model
from ferapp.inference.onnx_model import OnnxModel
from ferapp.inference.outputs import contradiction, guess_output, is_constant, to_logits
from ferapp.inference.verification import output_note
from tests.support.graphs import (
    ENDS,
    FLOAT,
    LAST,
    MEANS,
    biased_model,
    ending_model,
    model_bytes,
    tensor,
    valid_model,
)
from tests.support.models import SIDE, entry

KINDS = {
    "logits": "logits",
    "log-softmax": "log_probabilities",
    "sigmoid": "sigmoid",
} | {end: "probabilities" for end in ENDS if "softmax" in end and end != "log-softmax"}
KINDS["percent"] = "probabilities"

COLOURS = np.array([[250, 90, 10], [20, 200, 60], [128, 127, 129]], np.uint8)
CROPS = [np.full((SIDE, SIDE, 3), colour, np.uint8) for colour in COLOURS]


def found(data: bytes, *, finds: bool = True, **changes: Any) -> dict[str, Any]:
    return examiner.examine(data, parse_added_model(entry(data, **changes)), finds=finds)


def added(data: bytes) -> Model:
    """The entry that `models add` would write."""
    answer = found(data)
    assert not answer["reason"]
    plain = entry(data)
    port = plain["input"] | {"layout": answer["layout"]}
    return parse_added_model(plain | {"input": port, "output": answer["output"]})


def shares(data: bytes) -> np.ndarray:
    classifier = ExpressionClassifier.of(OnnxModel(data, threads=1), added(data))
    return classifier.classify(CROPS)


@pytest.mark.parametrize("end", ENDS)
def test_whatever_a_network_ends_in_its_probabilities_are_the_same(end: str) -> None:
    data = ending_model(end)
    assert added(data).output == KINDS[end]
    # Eight bits leave steps of 1/256.
    np.testing.assert_allclose(shares(data), shares(ending_model("logits")), atol=0.01)


@pytest.mark.parametrize("is_open", [False, True], ids=["fixed sizes", "open sizes"])
@pytest.mark.parametrize("end", ["logits", "softmax"])
def test_networks_with_the_channels_last_are_read_right(end: str, is_open: bool) -> None:
    data = ending_model(end, layout="nhwc", is_open=is_open)
    # With open sizes, what runs first counts: the means over height and width of the other layout
    # have as many numbers as the picture is wide, which are no labels.
    assert added(data).input.layout == "nhwc"
    np.testing.assert_allclose(shares(data), shares(ending_model("logits")), atol=1e-5)


def test_an_entry_without_the_new_fields_is_read_as_before() -> None:
    model = parse_added_model(entry(valid_model()))
    assert (model.output, model.input.layout) == ("logits", "nchw")
    data = ending_model("softmax")
    old = ExpressionClassifier.of(OnnxModel(data, threads=1), parse_added_model(entry(data)))
    np.testing.assert_allclose(old.classify(CROPS), softmax(old.outputs(CROPS)))


def test_an_old_entry_that_is_wrong_about_its_outputs_gets_a_note() -> None:
    data = ending_model("softmax")
    model = parse_added_model(entry(data))
    answer = found(data, finds=False)
    assert not answer.pop("reason"), "it still works"
    note = output_note(model, Examination(**answer))
    assert "calls its outputs logits, but they look like probabilities" in note
    assert not output_note(added(data), Examination(**answer))
    log = ending_model("log-softmax")
    answer = found(log)
    answer.pop("reason")
    assert not output_note(parse_added_model(entry(log)), Examination(**answer)), (
        "logarithms of probabilities are logits"
    )


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("probabilities", "probabilities are not negative"),
        ("log_probabilities", "are not positive"),
        ("sigmoid", "a sigmoid gives 0 to 1"),
    ],
)
def test_an_entry_that_its_outputs_contradict_is_refused(output: str, message: str) -> None:
    assert message in found(valid_model(4), output=output)["reason"]


@pytest.mark.parametrize(("stored", "said"), [("nhwc", "nchw"), ("nchw", "nhwc")])
def test_another_layout_than_that_of_the_entry_is_refused(stored: str, said: str) -> None:
    data = ending_model("logits", layout=stored)
    port = entry(data)["input"] | {"layout": said}
    assert "its input has the shape" in found(data, finds=False, input=port)["reason"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(
            model_bytes(
                [
                    *MEANS,
                    helper.make_node("Softmax", ["means"], ["shares"], axis=1),
                    helper.make_node("QuantizeLinear", ["shares", "s", "z"], ["logits"]),
                ],
                [tensor("s", 1 / 256), tensor("z", 0, onnx.TensorProto.UINT8)],
                kinds=(FLOAT, onnx.TensorProto.UINT8),
            ),
            "gives tensor(uint8)",
            id="bytes without their scale",
        ),
        pytest.param(
            model_bytes([*MEANS, LAST], [tensor("W", np.ones((3, 8)))]),
            "expected output (1, 3), one per label, got (1, 8)",
            id="another number of labels",
        ),
    ],
)
def test_outputs_that_cannot_be_understood_are_refused(data: bytes, message: str) -> None:
    assert message in found(data)["reason"]


def test_two_outputs_are_refused() -> None:
    model = onnx.load_model_from_string(valid_model())
    model.graph.output.append(helper.make_tensor_value_info("means", FLOAT, None))
    assert "expected one tensor(float) each" in found(model.SerializeToString())["reason"]


def test_a_network_that_says_the_same_of_every_picture_is_noticed() -> None:
    silent = model_bytes(
        [*MEANS, helper.make_node("Mul", ["means", "none"], ["logits"])], [tensor("none", [0.0])]
    )
    assert found(silent)["is_constant"] and not found(biased_model(1.0))["is_constant"]


@pytest.mark.parametrize(
    ("rows", "output"),
    [
        pytest.param([[1, 0, 0], [0, 1, 0]], "probabilities", id="as sure as can be"),
        pytest.param([[0.34, 0.33, 0.32]], "probabilities", id="rounded"),
        pytest.param([[-0.004, 0.504, 0.5]], "probabilities", id="rounded below zero"),
        pytest.param([[98, 1, 1]], "probabilities", id="percent"),
        pytest.param(np.log([[0.9, 0.05, 0.05]]), "log_probabilities", id="logarithms"),
        pytest.param([[0.9, 0.8, 0.1], [0.1, 0.1, 0]], "sigmoid", id="sigmoid"),
        pytest.param([[0.01, -0.02, 0.01]], "logits", id="small logits"),
        pytest.param([[0, 0, 0], [0, 0, 0]], "logits", id="nothing"),
        pytest.param([[0.9, 0.1, 0], [3, 0, 0]], "logits", id="one row like probabilities"),
        pytest.param([[120, -80, 3]], "logits", id="large logits"),
        pytest.param([[-9, -8, -7]], "logits", id="negative logits"),
    ],
)
def test_what_outputs_look_like(rows: Any, output: str) -> None:
    assert guess_output(np.array(rows, np.float32)).output == output


def test_probabilities_of_zero_stay_finite() -> None:
    for rows in ([[1, 0, 0]], [[0, 0, 0]], [[100, 0, 0]], [[-0.01, 1, 0]]):
        given = np.array(rows, np.float32)
        for output in ("probabilities", "sigmoid"):
            result = softmax(to_logits(given, output))
            assert np.isfinite(result).all()
            assert result[0, rows[0].index(max(rows[0]))] >= 1 / 3 - 1e-6


def test_rows_of_one_picture_do_not_prove_that_nothing_changes() -> None:
    assert is_constant(np.ones((5, 3), np.float32))
    assert not is_constant(np.array([[1, 2], [1, 2.1]], np.float32))
    assert not contradiction(np.array([[1, -2]], np.float32), "logits")


def test_the_layout_is_part_of_the_schema() -> None:
    data = valid_model()
    with pytest.raises(ModelError, match=r"at input\.layout"):
        parse_added_model(entry(data, input=entry(data)["input"] | {"layout": "hwcn"}))
    with pytest.raises(ModelError, match="at output"):
        parse_added_model(entry(data, output="percent"))

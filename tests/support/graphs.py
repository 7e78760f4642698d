"""ONNX graphs for tests: valid ones, and ones that must be refused."""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.support.models import SIDE

GREY = 191
"""Mean of the pictures on which the graphs below fail; no picture of the examiner has it."""

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


def tensor(name: str, values: Any, kind: int = FLOAT) -> onnx.TensorProto:
    array = np.array(values)
    return helper.make_tensor(name, kind, array.shape, array.flatten().tolist())


def external_tensor(name: str, location: str) -> onnx.TensorProto:
    """A tensor whose values are in another file."""
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
    extra: dict[str, Any] | None = None,
) -> bytes:
    """Serialise a graph from ``x`` to ``logits``."""
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("x", kinds[0], shape)],
        [helper.make_tensor_value_info("logits", kinds[1], None)],
        tensors or [],
    )
    sets = [helper.make_opsetid("", opset), helper.make_opsetid("evil.ops", 1)]
    model = helper.make_model(graph, opset_imports=sets, ir_version=8, **(extra or {}))
    return model.SerializeToString()


# From pictures to the mean of each channel, (n, 3), which are three logits.
MEANS = [
    helper.make_node("GlobalAveragePool", ["x"], ["pooled"]),
    helper.make_node("Flatten", ["pooled"], ["means"]),
]
LAST = helper.make_node("MatMul", ["means", "W"], ["logits"])
EYE = tensor("W", np.eye(3))


def valid_model(scale: float = 1) -> bytes:
    return model_bytes([*MEANS, LAST], [tensor("W", np.eye(3) * scale)])


# What networks of others end in, from logits called ``raw``.
ENDS: dict[str, list[onnx.NodeProto]] = {
    "logits": [helper.make_node("Identity", ["raw"], ["logits"])],
    "softmax": [helper.make_node("Softmax", ["raw"], ["logits"], axis=1)],
    "softmax in half precision": [
        helper.make_node("Cast", ["raw"], ["half"], to=TensorProto.FLOAT16),
        helper.make_node("Softmax", ["half"], ["shares"], axis=1),
        helper.make_node("Cast", ["shares"], ["logits"], to=FLOAT),
    ],
    "softmax, half precision out": [
        helper.make_node("Softmax", ["raw"], ["shares"], axis=1),
        helper.make_node("Cast", ["shares"], ["logits"], to=TensorProto.FLOAT16),
    ],
    "softmax, double precision out": [
        helper.make_node("Softmax", ["raw"], ["shares"], axis=1),
        helper.make_node("Cast", ["shares"], ["logits"], to=TensorProto.DOUBLE),
    ],
    "softmax in eight bits": [
        helper.make_node("Softmax", ["raw"], ["shares"], axis=1),
        helper.make_node("QuantizeLinear", ["shares", "step", "zero"], ["coarse"]),
        helper.make_node("DequantizeLinear", ["coarse", "step", "zero"], ["logits"]),
    ],
    "softmax that adds up to 0.999": [
        helper.make_node("Softmax", ["raw"], ["shares"], axis=1),
        helper.make_node("Mul", ["shares", "nearly"], ["logits"]),
    ],
    "percent": [
        helper.make_node("Softmax", ["raw"], ["shares"], axis=1),
        helper.make_node("Mul", ["shares", "hundred"], ["logits"]),
    ],
    "log-softmax": [helper.make_node("LogSoftmax", ["raw"], ["logits"], axis=1)],
    "sigmoid": [helper.make_node("Sigmoid", ["raw"], ["logits"])],
}


def ending_model(
    end: str, *, scale: float = 4, layout: str = "nchw", is_open: bool = False
) -> bytes:
    """Logits are the means of the channels; they end as a network of others does.

    Args:
        end: A key of `ENDS`.
        scale: Of the logits.
        layout: Of the input.
        is_open: Whether the graph leaves the sizes of its input open.
    """
    kinds = {"softmax, half precision out": TensorProto.FLOAT16}
    kinds |= {"softmax, double precision out": TensorProto.DOUBLE}
    mean = helper.make_node("ReduceMean", ["x"], ["means"], axes=[1, 2], keepdims=0)
    head = [mean] if layout == "nhwc" else MEANS
    shape = ("n", SIDE, SIDE, 3) if layout == "nhwc" else ("n", 3, SIDE, SIDE)
    last = helper.make_node("MatMul", ["means", "W"], ["raw"])
    return model_bytes(
        [*head, last, *ENDS[end]],
        [
            tensor("W", np.eye(3) * scale),
            tensor("step", 1 / 256),
            tensor("zero", 0, TensorProto.UINT8),
            tensor("nearly", 0.999),
            tensor("hundred", 100.0),
        ],
        shape=("n", "a", "b", "c") if is_open else shape,
        kinds=(FLOAT, kinds.get(end, FLOAT)),
    )


def biased_model(constant: float) -> bytes:
    """A constant is added to each logit."""
    nodes = [*MEANS, helper.make_node("Add", ["means", "c"], ["logits"])]
    return model_bytes(nodes, [tensor("c", [constant])])


def looping_model(*, only_for_grey: bool) -> bytes:
    """A model that loops forever, on all pictures or only on those whose mean is `GREY`."""
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


def nan_model() -> bytes:
    """A model that gives NaN for pictures whose mean is `GREY`, and finite logits for others."""
    nodes = [
        *MEANS,
        helper.make_node("Sub", ["means", "grey"], ["difference"]),
        helper.make_node("Abs", ["difference"], ["distance"]),
        helper.make_node("Sub", ["distance", "near"], ["beyond"]),
        helper.make_node("Sqrt", ["beyond"], ["logits"]),
    ]
    return model_bytes(nodes, [tensor("grey", [(GREY - 127.5) / 127.5]), tensor("near", [0.1])])


def allocating_model(side: int) -> bytes:
    nodes = [
        *MEANS,
        helper.make_node("Shape", ["means"], ["n"]),
        # Depends on the input, or it would be folded while loading.
        helper.make_node("Mul", ["n", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "side"], ["shape"]),
        helper.make_node("ConstantOfShape", ["shape"], ["huge"]),
        helper.make_node("ReduceMean", ["huge"], ["mean"], keepdims=0),
        helper.make_node("Add", ["means", "mean"], ["logits"]),
    ]
    sizes = [tensor("zero", [0, 0], INT64), tensor("side", [side, side], INT64)]
    return model_bytes(nodes, sizes)


def model_with_external_data(place: str) -> bytes:
    """A model with values from another file, in one of the places where tensors can be."""
    bad = external_tensor("W2", "w.bin")
    constant = helper.make_node("Constant", [], ["c"], value=bad)
    if place == "initializer":
        return model_bytes([*MEANS, LAST], [external_tensor("W", "w.bin")])
    if place == "up":
        return model_bytes([*MEANS, LAST], [external_tensor("W", "../../../etc/hostname")])
    if place == "without a mark":
        bad.data_location = TensorProto.DEFAULT
        return model_bytes([*MEANS, LAST], [EYE, bad])
    if place == "attribute":
        return model_bytes([*MEANS, constant, LAST], [EYE])
    if place == "sparse":
        model = onnx.load_model_from_string(valid_model())
        model.graph.sparse_initializer.add(values=bad, dims=[3, 3])
        return model.SerializeToString()
    if place == "function":
        sets = [helper.make_opsetid("", 17)]
        function = helper.make_function("", "Mine", [], ["c"], [constant], sets)
        return model_bytes([*MEANS, LAST], [EYE], extra={"functions": [function]})
    if place == "training":
        model = onnx.load_model_from_string(valid_model())
        model.training_info.add().algorithm.initializer.append(bad)
        return model.SerializeToString()
    assert place == "graph in a graph in a graph"
    inner = helper.make_graph([constant], "inner", [], [])
    for depth in range(2):
        branch = helper.make_node("If", ["yes"], [], then_branch=inner, else_branch=inner)
        inner = helper.make_graph([branch], f"outer {depth}", [], [])
    branch = helper.make_node("If", ["yes"], [], then_branch=inner, else_branch=inner)
    return model_bytes([*MEANS, branch, LAST], [EYE, tensor("yes", True, BOOL)])


PLACES = ("initializer", "up", "without a mark", "attribute", "sparse", "function", "training")

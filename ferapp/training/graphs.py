"""Converts networks to ONNX graphs: parity check, int8 and float16 variants."""

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import nn

from ferapp.errors import FerappError
from ferapp.inference.onnx_model import OnnxModel, loaded
from ferapp.vision.preprocess import InputSpec

logger = logging.getLogger(__name__)

OPSET: Final = 18
_TOLERANCE: Final = 1e-3
_LARGE: Final = 256


class ParityError(FerappError):
    """The exported graph and the network give different results."""


def to_onnx(
    network: nn.Module, spec: InputSpec, path: Path, outputs: Sequence[str], *, any_batch: bool
) -> None:
    """Export a network as one self-contained ONNX file and check that the results agree.

    Args:
        network: In evaluation mode.
        spec: Its input.
        path: The file.
        outputs: Names of its outputs.
        any_batch: Whether the batch may have any size; otherwise it is 1.

    Raises:
        ParityError: An output differs from the network's by more than 1e-3, or by more than that
            share of the largest value, if that is above 1.
    """
    width, height = spec.size_wh
    count = 3 if any_batch else 1
    example = torch.randn(
        count, spec.channels, height, width, generator=torch.Generator().manual_seed(0)
    )
    shapes = ({0: torch.export.Dim("batch")},) if any_batch else None
    with warnings.catch_warnings():
        # PyTorch's exporter warns about its own internals.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (example,),
            path,
            input_names=["input"],
            output_names=list(outputs),
            opset_version=OPSET,
            dynamo=True,
            dynamic_shapes=shapes,
            external_data=False,
            verbose=False,
        )
    forget_traces(path)
    with torch.no_grad():
        expected = network(example)
    expected = expected if isinstance(expected, tuple) else (expected,)
    for name, ours, theirs in zip(
        outputs, OnnxModel(path.read_bytes(), threads=1).run(example.numpy()), expected, strict=True
    ):
        gap = float(np.abs(ours - theirs.numpy()).max())
        if gap > _TOLERANCE * max(1.0, float(theirs.abs().max())):
            raise ParityError(f"{path.name}: {name} differs by {gap:.2g} from the network")
        logger.info("%s: %s differs by at most %.2g", path.name, name, gap)


def forget_traces(path: Path) -> None:
    """Remove the exporter's debugging notes from a graph: stack traces with local paths."""
    model = onnx.load(path)
    graph = model.graph
    parts = [model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output]
    for part in [*parts, *graph.initializer]:
        del part.metadata_props[:]
        part.doc_string = ""
    onnx.checker.check_model(model)
    onnx.save(model, path)


def to_int8(fp32: Path, int8: Path, inputs: NDArray[np.float32]) -> None:
    """Quantise the convolutions of a graph to int8, with the ranges seen on some inputs.

    Weights stay within seven bits. With eight, x86 processors without VNNI add two products in 16
    bits and saturate: the same file had an accuracy of 87.9 % on FER+ Valid with VNNI and of 85.7 %
    without. With seven bits it is 87.9 % on both.

    Args:
        fp32: The graph to start from.
        int8: The file to write.
        inputs: Preprocessed pictures, NCHW float32.

    Raises:
        LibraryError: ONNX Runtime can't be used.
    """
    loaded.require()
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._rows = iter(inputs)

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            row = next(self._rows, None)
            return None if row is None else {"input": row[None]}

    prepared = int8.with_suffix(".prepared")
    quant_pre_process(fp32, prepared, skip_symbolic_shape=True)
    quantize_static(
        prepared,
        int8,
        Reader(),
        nodes_to_quantize=_names_to_quantise(onnx.load(prepared).graph),
        per_channel=True,
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
    )
    prepared.unlink()


def _names_to_quantise(graph: onnx.GraphProto) -> list[str]:
    """Names of the convolutions and of all nodes before one.

    What follows, above all the decoding of boxes, needs a precision finer than a pixel.
    """
    maker = {output: node for node in graph.node for output in node.output}
    names: set[str] = set()
    open_nodes = [node for node in graph.node if node.op_type == "Conv"]
    while open_nodes:
        node = open_nodes.pop()
        if node.name not in names:
            names.add(node.name)
            open_nodes += [maker[name] for name in node.input if name in maker]
    return sorted(names)


def store_as_half(path: Path) -> None:
    """Store the large weights of a graph as float16; they are cast back when it is loaded.

    It still computes in float32, and the file is half as large. Weights are rounded to 11 bits.
    """
    model = onnx.load(path)
    casts = []
    for weight in model.graph.initializer:
        values = onnx.numpy_helper.to_array(weight)
        if values.dtype == np.float32 and values.size >= _LARGE:
            half = onnx.numpy_helper.from_array(values.astype(np.float16), f"{weight.name}.half")
            casts.append(
                onnx.helper.make_node("Cast", [half.name], [weight.name], to=onnx.TensorProto.FLOAT)
            )
            weight.CopyFrom(half)
    for cast in reversed(casts):
        model.graph.node.insert(0, cast)
    onnx.checker.check_model(model)
    onnx.save(model, path)

"""Weights of finished classifiers, from which a training goes on."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import onnx
import torch
from torch import Tensor
from torch.nn.utils.fusion import fuse_conv_bn_weights

from ferapp.emotions import class_of
from ferapp.errors import DataError
from ferapp.inference import weights as weights_files
from ferapp.inference.manifest import manifest

# The blocks that begin a stage of an `ExpressionNet`.
_FIRST_BLOCKS: Final = (0, 1, 3, 5)
_PARTS: Final = ("stem.", "stages.", "head.")
_EPSILON: Final = 1e-5


@dataclass(frozen=True, eq=False)
class Start:
    """A finished classifier.

    Attributes:
        labels: The meaning of its outputs, in order.
        weights: Those of an `ExpressionNet` without batch norm.
        sha256: Hash of its file.
    """

    labels: tuple[str, ...]
    weights: dict[str, Tensor]
    sha256: str

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of each stage of the network."""
        return tuple(len(self.weights[f"stages.{i}.first.0.weight"]) for i in _FIRST_BLOCKS)

    def weights_for(self, labels: Sequence[str]) -> dict[str, Tensor]:
        """Its weights, with an output for each of some labels; a class that is new to it gets 0.

        Raises:
            DataError: It has none of these classes.
        """
        places = {class_of(name): place for place, name in enumerate(self.labels)}
        if not any(class_of(name) in places for name in labels):
            raise DataError(
                f"The classifier to start from has none of the classes {', '.join(labels)}; "
                f"it has {', '.join(self.labels)}."
            )
        changed = dict(self.weights)
        for part in ("head.weight", "head.bias"):
            old = self.weights[part]
            new = torch.zeros(len(labels), *old.shape[1:])
            for row, name in enumerate(labels):
                if class_of(name) in places:
                    new[row] = old[places[class_of(name)]]
            changed[part] = new
        return changed


def read_start(which: str) -> Start:
    """Read a finished classifier.

    Args:
        which: A checkpoint, or the name of an installed classifier of ferapp's own network in fp32,
            such as ``seresnet-48``.

    Raises:
        UnknownModel: There is no such file, nor a classifier of this name.
        DataError: It is another network, or it is in int8.
    """
    path = Path(which)
    if path.is_file():
        data = path.read_bytes()
        state = torch.load(path, weights_only=True)
        labels, found = tuple(state["about"]["labels"]), _folded(state["weights"])
    else:
        model = manifest().model(which, "classifier")
        data, *_ = weights_files.read(model)
        labels, found = model.labels, _of_graph(data)
    if "head.weight" not in found or "stem.0.weight" not in found:
        raise DataError(
            f"{which}: expected a checkpoint of a classifier, or an fp32 graph that was exported "
            "from one; int8 graphs and other networks can't be trained on."
        )
    return Start(labels, found, hashlib.sha256(data).hexdigest())


def _folded(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a checkpoint, with batch norms as part of the convolutions before them."""
    folded = {k: v for k, v in weights.items() if k != "source_bias"}
    for name in weights:
        if not name.endswith(".1.running_mean"):
            continue
        block = name.removesuffix("1.running_mean")
        mean, variance, scale, shift = (
            folded.pop(f"{block}1.{part}")
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        del folded[f"{block}1.num_batches_tracked"]
        conv, bias = fuse_conv_bn_weights(
            folded[f"{block}0.weight"], None, mean, variance, _EPSILON, scale, shift
        )
        folded[f"{block}0.weight"], folded[f"{block}0.bias"] = conv.detach(), bias.detach()
    return folded


def _of_graph(data: bytes) -> dict[str, Tensor]:
    """The weights of an exported graph, by their names in the network.

    The exporter has folded the batch norms, named their shifts after the weights, and
    `ferapp.training.graphs.store_as_half` has stored most of them as float16.
    """
    found = {}
    for one in onnx.load_from_string(data).graph.initializer:
        name = one.name.removeprefix("network.").removesuffix(".half")
        if name.startswith(_PARTS):
            values = torch.from_numpy(onnx.numpy_helper.to_array(one).copy())
            found[name.replace("weight_bias", "bias")] = values.float()
    return found

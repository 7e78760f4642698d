"""The faces that all systems of the laboratory learn from, and what networks make of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ferapp.evaluation.labelled_faces import LabelledFaces, in_order_of
from ferapp.training.expression_data import training_data
from ferapp.vision.preprocess import InputSpec, batch

SPEC: Final = InputSpec(size_wh=(48, 48), colour="grey", mean=127.5, std=64.0)
"""The input of every system."""

_PART: Final = 256


@dataclass(frozen=True, eq=False)
class GreyFaces:
    """Faces with one class each.

    Attributes:
        pixels: (n, 1, 48, 48) uint8.
        classes: Index of the class with most votes, (n,).
    """

    pixels: Tensor
    classes: NDArray[np.intp]

    def __len__(self) -> int:
        """Number of faces."""
        return len(self.pixels)

    def inputs(self) -> Iterator[Tensor]:
        """The faces as network input, some at a time, (m, 1, 48, 48) float32."""
        for part in torch.split(self.pixels, _PART):
            yield (part.float() - SPEC.mean) / SPEC.std


@dataclass(frozen=True, eq=False)
class SystemData:
    """What a system learns from.

    Attributes:
        train: Faces to learn from.
        valid: Faces to choose by.
        valid_faces: The same, as they were read.
        labels: Class names in column order.
        sha256: Identifies the training data.
        out: Folder for checkpoints, from which a system trained step by step resumes.
    """

    train: GreyFaces
    valid: GreyFaces
    valid_faces: LabelledFaces
    labels: tuple[str, ...]
    sha256: str
    out: Path


def read_system_data(data: Path, out: Path) -> SystemData:
    """Read the splits Train and Valid.

    Raises:
        DataError: The layout is wrong or pictures can't be used.
    """
    found = training_data(data)
    return SystemData(
        grey_faces(found.train),
        grey_faces(found.valid),
        in_order_of(found.valid, found.train.labels),
        found.train.labels,
        found.train.sha256,
        out,
    )


def grey_faces(faces: LabelledFaces) -> GreyFaces:
    """Faces at the size of the input."""
    plain = InputSpec(size_wh=SPEC.size_wh, colour=SPEC.colour, mean=0, std=1)
    pixels = torch.from_numpy(batch(faces.images_rgb, plain).astype(np.uint8))
    return GreyFaces(pixels, faces.classes)


@torch.no_grad()
def outputs_of(network: nn.Module, faces: GreyFaces) -> NDArray[np.float32]:
    """What a network gives for faces, (n, ...) float32; the network is in evaluation mode after."""
    network.eval()
    return np.concatenate([network(part).float().numpy() for part in faces.inputs()])

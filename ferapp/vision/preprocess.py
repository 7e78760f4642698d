"""Turn pictures into network input: the same function for training and for the app."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ferapp.errors import InvalidValue
from ferapp.vision.crops import Image, resize
from ferapp.vision.opencv import cv2

Colour = Literal["grey", "rgb", "bgr"]


@dataclass(frozen=True)
class InputSpec:
    """The input that a network takes.

    Attributes:
        size_wh: Width and height, px.
        colour: Order of the channels; grey has one.
        mean: Subtracted from each pixel value, which lies in [0, 255].
        std: The result is divided by this.
    """

    size_wh: tuple[int, int]
    colour: Colour
    mean: float
    std: float

    def __post_init__(self) -> None:
        """Refuse sizes below one pixel and a standard deviation that is not positive."""
        if min(self.size_wh) < 1 or not self.std > 0:
            raise InvalidValue(f"size_wh must be at least 1 x 1 and std above 0: {self}")

    @property
    def channels(self) -> int:
        """Number of channels: 1 for grey, else 3."""
        return 1 if self.colour == "grey" else 3


def convert_colour(image_rgb: Image, colour: Colour) -> Image:
    """Convert an RGB picture, (h, w, 3) uint8, to another colour order, (h, w, channels).

    Grey is ITU-R BT.601 luma, as in the pictures of FER2013.
    """
    if colour == "rgb":
        return image_rgb
    if colour == "bgr":
        return image_rgb[:, :, ::-1]
    grey: Any = cv2.cvtColor(np.ascontiguousarray(image_rgb), cv2.COLOR_RGB2GRAY)
    return np.asarray(grey[:, :, None], np.uint8)


def batch(images_rgb: Sequence[Image], spec: InputSpec) -> NDArray[np.float32]:
    """Turn pictures into one batch of network input.

    Args:
        images_rgb: HWC uint8, each of any size; the whole picture is resized to the input's size.
        spec: What the network takes.

    Returns:
        NCHW float32, (len(images_rgb), channels, height, width), contiguous.

    Example:
        >>> spec = InputSpec(size_wh=(48, 48), colour="grey", mean=127.5, std=64.0)
        >>> batch([np.zeros((90, 80, 3), np.uint8)], spec).shape
        (1, 1, 48, 48)
    """
    width, height = spec.size_wh
    out = np.empty((len(images_rgb), spec.channels, height, width), np.float32)
    for index, image in enumerate(images_rgb):
        if image.shape[:2] != (height, width):
            image = resize(image, spec.size_wh)
        out[index] = convert_colour(image, spec.colour).transpose(2, 0, 1)
    out -= spec.mean
    out /= spec.std
    return out

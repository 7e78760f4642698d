"""The only place that imports OpenCV, which a package of another variant may have overwritten."""

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from ferapp.errors import LibraryError
from ferapp.libraries import OPENCV, Loaded, load, repair, sharers

loaded: Final[Loaded] = load(OPENCV)
"""OpenCV, or why it could not be imported."""

if TYPE_CHECKING:
    import cv2 as cv2
else:
    cv2 = loaded.module


def part(name: str) -> Any:
    """A class or function that some releases lack, such as ``dnn.readNetFromCaffe``.

    Raises:
        LibraryError: This release lacks it, or OpenCV can't be used at all.
    """
    try:
        return attrgetter(name)(cv2)
    except AttributeError as exc:
        remedy = repair(OPENCV.package, sharers(OPENCV))
        raise LibraryError(
            f"OpenCV {cv2.__version__} has no {name}, unlike version 4; {remedy}"
        ) from exc

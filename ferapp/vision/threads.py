"""How many threads OpenCV may use in this process."""

from ferapp.vision.opencv import cv2


def cap_threads(count: int) -> None:
    """Let OpenCV use this many threads; by default it takes every core for every call."""
    cv2.setNumThreads(count)

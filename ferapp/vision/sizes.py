"""Sizes of pictures: arithmetic alone, for processes that load no OpenCV too."""


def fitted_size(size_wh: tuple[int, int], max_side_px: int) -> tuple[int, int]:
    """A size with sides of at most so many px, in the same proportions; never larger.

    Example:
        >>> fitted_size((4000, 3000), 1600)
        (1600, 1200)
    """
    width, height = size_wh
    scale = min(max_side_px / max(width, height), 1.0)
    return max(round(width * scale), 1), max(round(height * scale), 1)

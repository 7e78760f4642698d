"""Arithmetic on picture sizes, also for processes that don't load OpenCV."""


def fitted_size(size_wh: tuple[int, int], max_side_px: int) -> tuple[int, int]:
    """Scale a size down so that no side exceeds ``max_side_px``; smaller sizes stay as they are.

    Example:
        >>> fitted_size((4000, 3000), 1600)
        (1600, 1200)
    """
    width, height = size_wh
    scale = min(max_side_px / max(width, height), 1.0)
    return max(round(width * scale), 1), max(round(height * scale), 1)

"""Parts of large pictures."""

import numpy as np
import pytest

from ferapp.vision.parts import OVERLAP, parts, whole_faces


@pytest.mark.parametrize(
    ("size_wh", "most"),
    [
        ((1281, 960), 12),
        ((4000, 3000), 12),
        ((3000, 4000), 12),
        ((8000, 400), 12),
        ((2600, 2600), 4),
    ],
)
def test_parts_cover_the_picture_overlap_and_are_few(size_wh: tuple[int, int], most: int) -> None:
    places = parts(size_wh, (1280, 960), most)
    assert 1 < len(places) <= most
    covered = np.zeros(size_wh[::-1], np.uint8)
    for x1, y1, x2, y2 in places:
        covered[y1:y2, x1:x2] += 1
    assert covered.min() == 1 and covered.shape[::-1] == size_wh
    (x1, y1, x2, y2), width = places[0], size_wh[0]
    neighbour = next((p for p in places if p[1] == y1 and p[0] > x1), None)
    if x2 < width:
        assert neighbour is not None
        assert (x2 - neighbour[0]) / (x2 - x1) == pytest.approx(OVERLAP, abs=0.01)


def test_a_picture_that_fits_one_part_is_not_divided() -> None:
    assert parts((1280, 960), (1280, 960), 12) == [] == parts((1, 1), (1280, 960), 12)
    assert parts((9000, 9000), (1280, 960), 1) == []


def test_faces_at_an_edge_inside_the_picture_are_not_whole() -> None:
    boxes = np.array(
        [
            [100, 100, 150, 150],  # inside
            [0, 0, 50, 50],  # at the corner of the picture
            [560, 200, 640, 280],  # cut by the next part
            [100, 430, 180, 480],  # at the bottom of the picture
            [100, 100, 400, 400],  # larger than what parts share
        ],
        np.float32,
    )
    is_whole = whole_faces(boxes, (0, 0, 640, 480), (1200, 480))
    assert is_whole.tolist() == [True, True, False, True, False]

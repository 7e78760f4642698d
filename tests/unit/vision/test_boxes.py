import numpy as np
import pytest

from ferapp.vision import boxes


def xyxy(*rows: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 4)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        pytest.param(xyxy(), xyxy((0, 0, 1, 1)), np.empty((0, 1)), id="no box"),
        pytest.param(xyxy((0, 0, 2, 2)), xyxy((0, 0, 2, 2)), [[1]], id="same"),
        pytest.param(xyxy((0, 0, 2, 2)), xyxy((1, 0, 3, 2)), [[1 / 3]], id="half shared"),
        pytest.param(xyxy((0, 0, 2, 2)), xyxy((2, 0, 4, 2)), [[0]], id="touching"),
        pytest.param(xyxy((1, 1, 1, 1)), xyxy((1, 1, 1, 1)), [[0]], id="empty boxes"),
        pytest.param(xyxy((2, 2, 0, 0)), xyxy((0, 0, 2, 2)), [[0]], id="inverted"),
    ],
)
def test_iou(a: np.ndarray, b: np.ndarray, expected: list[list[float]]) -> None:
    np.testing.assert_allclose(boxes.iou(a, b), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("rows", "score", "limit", "kept"),
    [
        pytest.param([], [], 5, [], id="no box"),
        pytest.param([(0, 0, 9, 9)], [0.5], 5, [0], id="one"),
        pytest.param([(0, 0, 9, 9), (1, 0, 10, 9)], [0.5, 0.9], 5, [1], id="weaker dropped"),
        pytest.param([(0, 0, 9, 9), (50, 0, 59, 9)], [0.5, 0.9], 5, [1, 0], id="apart"),
        pytest.param([(0, 0, 9, 9), (50, 0, 59, 9)], [0.5, 0.9], 1, [1], id="limit"),
    ],
)
def test_nms(rows: list, score: list[float], limit: int, kept: list[int]) -> None:
    found = boxes.nms(xyxy(*rows), np.array(score, np.float32), iou_threshold=0.3, limit=limit)
    assert found.tolist() == kept


def test_nms_is_the_greedy_one(rng: np.random.Generator) -> None:
    corner, side = rng.uniform(0, 200, (400, 2)), rng.uniform(5, 40, (400, 2))
    many = np.concatenate([corner, corner + side], axis=1).astype(np.float32)
    score = rng.random(400).astype(np.float32)

    order, expected = np.argsort(-score), []
    while order.size:
        expected.append(order[0])
        rest = order[1:]
        order = rest[boxes.iou(many[order[:1]], many[rest])[0] <= 0.4]

    kept = boxes.nms(many, score, iou_threshold=0.4, limit=400)
    assert kept.tolist() == expected


@pytest.mark.parametrize(
    ("box", "padding", "expected"),
    [
        pytest.param((0, 0, 10, 10), 0, (0, 0, 10, 10), id="square stays"),
        pytest.param((0, 0, 10, 20), 0, (-5, 0, 15, 20), id="the longer side rules"),
        pytest.param((0, 0, 10, 10), 0.2, (-1, -1, 11, 11), id="padded"),
        pytest.param((5, 5, 5, 5), 0.5, (5, 5, 5, 5), id="empty box"),
    ],
)
def test_squares(box: tuple, padding: float, expected: tuple) -> None:
    np.testing.assert_allclose(boxes.squares(xyxy(box), padding=padding), [expected])


def test_squares_of_no_box() -> None:
    assert boxes.squares(xyxy()).shape == (0, 4)


def test_clip_to_cuts_at_the_border() -> None:
    cut = boxes.clip_to(xyxy((-5, -5, 5, 5), (90, 90, 120, 130)), width=100, height=80)
    assert cut.tolist() == [[0, 0, 5, 5], [90, 80, 100, 80]]

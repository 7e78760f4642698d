"""Which faces of two analyses are the same, and what is said of them."""

import numpy as np
import pytest

from ferapp.types import Faces, FrameAnalysis
from ferapp.ui.pictures.comparison import Pair, pair_faces, sentence, table


def analysis(*faces: tuple[int, str]) -> FrameAnalysis:
    """Faces of 20 px with their left edges and labels."""
    labels = ("neutral", "happiness")
    boxes = np.array([[x, 10, x + 20, 30] for x, _ in faces], np.float32).reshape(-1, 4)
    shares = [[0.9, 0.1] if label == "neutral" else [0.1, 0.9] for _, label in faces]
    return FrameAnalysis(
        size_wh=(200, 100),
        faces=Faces(boxes, np.full(len(faces), 0.9, np.float32)),
        labels=labels,
        probabilities=np.array(shares, np.float32).reshape(-1, 2),
        unsure_below=0.5,
    )


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        pytest.param([], [], [], id="nothing"),
        pytest.param([(10, "neutral")], [], [Pair(0, None, False)], id="only A"),
        pytest.param(
            [],
            [(90, "neutral"), (10, "neutral")],
            [Pair(None, 1, False), Pair(None, 0, False)],
            id="only B, from left to right",
        ),
        pytest.param(
            [(10, "neutral"), (60, "happiness")],
            [(62, "neutral"), (11, "neutral")],
            [Pair(0, 1, True), Pair(1, 0, False)],
            id="another order",
        ),
        pytest.param(
            [(10, "neutral")],
            [(15, "neutral"), (11, "happiness")],
            [Pair(0, 1, False), Pair(None, 0, False)],
            id="the better overlap wins",
        ),
    ],
)
def test_faces_are_paired_by_place(
    a: list[tuple[int, str]], b: list[tuple[int, str]], expected: list[Pair]
) -> None:
    assert pair_faces(analysis(*a), analysis(*b)) == expected


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([], "Both found 0 faces, A alone none, B alone none."),
        ([Pair(0, 0, True)], "All of their labels are the same."),
        ([Pair(0, 0, False), Pair(1, 1, False)], "Of the 2, 2 have another label."),
        ([Pair(0, None, False), Pair(1, None, False)], "A alone 2, B alone none."),
    ],
)
def test_differences_are_counted_in_a_sentence(pairs: list[Pair], said: str) -> None:
    assert said in sentence(pairs)


def test_the_table_says_what_each_found() -> None:
    a, b = analysis((10, "neutral")), analysis((12, "happiness"), (90, "neutral"))
    rows = table(a, b, pair_faces(a, b))
    assert rows["A"].tolist() == ["neutral 90 %", "not found"]
    assert rows["B"].tolist() == ["happiness 90 %", "neutral 90 %"]
    assert rows["differs"].tolist() == [True, True] and rows["face"].tolist() == [1, 2]

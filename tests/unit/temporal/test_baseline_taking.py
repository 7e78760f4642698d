"""When a neutral baseline is taken, and why it is refused."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest

from ferapp.emotions import EXPRESSIONS
from ferapp.temporal.baseline_taking import BaselineStatus, BaselineTaking

REFERENCE = np.array([0.76, *[0.02] * 7], np.float32)
FPS = 15
BOX = np.array([100, 100, 180, 200], np.float32)

Frame = tuple[Sequence[int], np.ndarray, Sequence[np.ndarray | None]]


def shares(**given: float) -> np.ndarray:
    rest = (1 - sum(given.values())) / (len(EXPRESSIONS) - len(given))
    return np.array([given.get(name, rest) for name in EXPRESSIONS], np.float32)


NEUTRAL = shares(neutral=0.9)
SAD_AT_REST = shares(neutral=0.3, sadness=0.65)
SMILE = shares(happiness=0.95)


def face(probabilities: np.ndarray | None = NEUTRAL, box: np.ndarray = BOX, id: int = 1) -> Frame:
    return [id], box[None], [probabilities]


NOBODY: Frame = [], np.empty((0, 4), np.float32), []
TWO: Frame = [1, 2], np.stack([BOX, BOX + 300]), [NEUTRAL, NEUTRAL]


def take(
    frame_at: Callable[[float], Frame], seconds: float = 16, fps: float = FPS
) -> BaselineTaking:
    taking = BaselineTaking(EXPRESSIONS, REFERENCE, 100.0)
    for i in range(1, 16 * FPS):
        taking.update(*frame_at(i / FPS), 100 + i / FPS)
    return taking


def phases(frame_at: Callable[[float], Frame]) -> Iterator[BaselineStatus]:
    taking = BaselineTaking(EXPRESSIONS, REFERENCE, 0.0)
    for i in range(1, 15 * FPS):
        taking.update(*frame_at(i / FPS), i / FPS)
        yield taking.status


def test_after_a_countdown_a_still_neutral_face_is_observed_for_ten_seconds() -> None:
    all_phases = list(phases(lambda _: face()))
    names = [status.phase for status in all_phases]
    assert list(dict.fromkeys(names)) == ["countdown", "holding", "taken"]
    assert names.count("countdown") == pytest.approx(3 * FPS, abs=1)
    assert names.count("holding") == pytest.approx(10 * FPS, abs=2)
    holding = [status.progress for status in all_phases if status.phase == "holding"]
    assert holding == sorted(holding) and holding[0] == 0 and holding[-1] > 0.97
    assert all_phases[-1].face == 1 and all_phases[-1].progress is None


def test_a_face_that_looks_sad_at_rest_gets_its_baseline() -> None:
    taking = take(lambda _: face(SAD_AT_REST))
    assert taking.status.phase == "taken"
    assert taking.baseline.correct(SAD_AT_REST).argmax() == 0


def test_a_classifier_with_other_names_gives_a_face_that_looks_sad_its_baseline_too() -> None:
    labels = ("calm", "Happy", "surprised", "sad", "angry", "disgust", "fear", "contempt")
    taking = BaselineTaking(labels, REFERENCE, 100.0)
    for i in range(1, 16 * FPS):
        taking.update(*face(SAD_AT_REST), 100 + i / FPS)
    assert taking.status.phase == "taken"


def later(frame: Frame, *, from_s: float, until_s: float = 99) -> Callable[[float], Frame]:
    return lambda at_s: frame if from_s <= at_s < until_s else face()


MOVED = BOX + np.array([40, 0, 40, 0], np.float32)
NEARER = np.array([80, 70, 200, 230], np.float32)


@pytest.mark.parametrize(
    ("frame_at", "refusal"),
    [
        pytest.param(lambda _: NOBODY, "nobody", id="nobody from the start"),
        pytest.param(lambda _: TWO, "several", id="two from the start"),
        pytest.param(later(NOBODY, from_s=6), "nobody", id="somebody who leaves"),
        pytest.param(later(TWO, from_s=6), "several", id="somebody who joins"),
        pytest.param(later(face(id=2), from_s=6), "lost", id="somebody else"),
        pytest.param(later(face(None), from_s=6), "unreadable", id="turned into the dark"),
        pytest.param(lambda _: face(SMILE), "expression", id="a broad smile"),
        pytest.param(lambda _: face(shares(surprise=0.9)), "expression", id="surprise"),
        pytest.param(lambda _: face(shares(anger=0.9)), "expression", id="anger that is acted"),
        pytest.param(
            lambda _: face(shares(happiness=0.6, neutral=0.35)), "expression", id="a faint smile"
        ),
        pytest.param(later(face(SMILE), from_s=6, until_s=8.5), "expression", id="a short smile"),
        pytest.param(later(face(SMILE), from_s=11.5), "expression", id="a smile at the end"),
        pytest.param(later(face(box=MOVED), from_s=6), "moving", id="half a face to the side"),
        pytest.param(later(face(box=NEARER), from_s=6), "moving", id="nearer to the camera"),
        pytest.param(
            lambda at_s: face(box=BOX + np.float32(40 * np.sin(3 * at_s))), "moving", id="swaying"
        ),
    ],
)
def test_what_is_no_resting_face_is_refused(
    frame_at: Callable[[float], Frame], refusal: str
) -> None:
    taking = take(frame_at)
    assert taking.status.phase == "refused" and taking.status.refusal == refusal
    assert not taking.baseline.is_ready
    assert (taking.status.expression is not None) == (refusal == "expression")


def test_the_expression_that_was_in_the_way_is_named() -> None:
    assert take(lambda _: face(SMILE)).status.expression == "happiness"


@pytest.mark.parametrize("frame", [NOBODY, TWO, face(None), face(SMILE), face(box=MOVED)], ids=str)
def test_a_moment_is_forgiven(frame: Frame) -> None:
    assert take(later(frame, from_s=6, until_s=6.4)).status.phase == "taken"


def test_a_smile_during_the_countdown_is_no_reason() -> None:
    assert take(later(face(SMILE), from_s=0, until_s=2.5)).status.phase == "taken"


def test_jitter_of_the_box_is_no_movement() -> None:
    noise = np.random.default_rng(0).normal(0, 3, (1000, 4)).astype(np.float32)
    taking = take(lambda at_s: face(box=BOX + noise[int(at_s * FPS)]))
    assert taking.status.phase == "taken"


def test_a_pause_of_the_stream_does_not_count_as_holding_still() -> None:
    taking = BaselineTaking(EXPRESSIONS, REFERENCE, 0.0)
    for at_s in (*np.arange(0, 6, 1 / FPS), *np.arange(60, 62, 1 / FPS)):
        taking.update(*face(), float(at_s))
    assert taking.status.phase == "holding" and 0.5 < taking.status.progress < 0.65


def test_without_the_expression_neutral_it_is_refused_at_once() -> None:
    labels = ("happiness", "anger")
    taking = BaselineTaking(labels, np.array([0.5, 0.5], np.float32), 0.0)
    taking.update([1], BOX[None], [np.array([0.5, 0.5], np.float32)], 1.0)
    assert taking.status.refusal == "no neutral"

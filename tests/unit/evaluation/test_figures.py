"""Figures with intervals: as wide as what is known allows."""

import numpy as np
import pytest

from ferapp.evaluation.reports.figures import Figures, figures, intervals


def shares(guesses: np.ndarray, sure: float | np.ndarray = 0.9) -> np.ndarray:
    """Probabilities of two classes that favour the guesses."""
    top = np.broadcast_to(sure, guesses.shape)
    return np.stack([np.where(guesses == c, top, 1 - top) for c in (0, 1)], axis=1).astype(
        np.float32
    )


def test_figures_of_a_few_faces() -> None:
    classes = np.array([0, 0, 0, 1])
    guesses = np.array([0, 0, 1, 1])
    one = figures(classes, shares(guesses, np.array([0.9, 0.6, 0.6, 0.9])), unsure_below=0.7)
    assert one.n == 4 and one.persons is None and one.counts == (3, 1)
    assert one.accuracy == 0.75 and one.recall == (pytest.approx(2 / 3), 1.0)
    assert one.macro_recall == pytest.approx(5 / 6)
    assert one.labelled == 0.5 and one.right_of_labelled == 1.0


def test_what_is_not_there_is_none() -> None:
    one = figures(np.array([0, 0]), shares(np.array([0, 0]), 0.6), unsure_below=0.7)
    assert one.recall == (1.0, None) and one.right_of_labelled is None and one.labelled == 0


def test_the_interval_of_accuracy_is_that_of_theory() -> None:
    """Of 1,000 faces, 80 % right: 1.96 standard errors are 2.5 points."""
    classes = np.zeros(1000, np.intp)
    of_accuracy, _ = intervals(classes, shares(np.arange(1000) % 5 // 4))
    assert of_accuracy == (pytest.approx(0.775, abs=0.003), pytest.approx(0.825, abs=0.003))


def test_many_faces_of_few_people_are_little_evidence() -> None:
    """All ten faces of a person are right or wrong together: a hundred people, not 1,000 faces."""
    classes = np.zeros(1000, np.intp)
    persons = [str(i // 10) for i in range(1000)]
    probabilities = shares(np.arange(1000) // 10 % 5 // 4)
    alone, together = (intervals(classes, probabilities, p)[0] for p in (None, persons))
    assert together[1] - together[0] == pytest.approx(10**0.5 * (alone[1] - alone[0]), rel=0.1)
    assert isinstance(figures(classes, probabilities, unsure_below=0, persons=persons), Figures)


def test_one_person_has_no_interval_to_speak_of() -> None:
    low, high = intervals(np.zeros(4, np.intp), shares(np.array([0, 0, 0, 1])), ["ann"] * 4)[0]
    assert low == high == 0.75


def test_a_rare_class_makes_the_macro_recall_uncertain() -> None:
    classes = np.array([0] * 990 + [1] * 10)
    guesses = classes.copy()
    guesses[990:995] = 0
    of_accuracy, of_macro_recall = intervals(classes, shares(guesses))
    assert of_macro_recall[1] - of_macro_recall[0] > 10 * (of_accuracy[1] - of_accuracy[0])


def test_the_same_faces_have_the_same_interval_each_time() -> None:
    classes = np.array([0, 1] * 20)
    guesses = shares(np.arange(40) % 3 % 2)
    assert intervals(classes, guesses) == intervals(classes, guesses)

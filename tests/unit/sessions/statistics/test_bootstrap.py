"""Bootstrap intervals whose ends can be computed by hand."""

import numpy as np
import pytest

from ferapp.sessions.statistics.bootstrap import difference_interval, mean_interval


def column(*values: float) -> np.ndarray:
    return np.array(values, np.float64)[:, None]


def test_two_observations_are_drawn_as_both_or_one_of_them_twice() -> None:
    """The means are 0, 0.5 and 1, with a quarter, a half and a quarter of the draws."""
    found = mean_interval(column(0.0, 1.0))
    assert (found.mean[0], found.low[0], found.high[0], found.n[0]) == (0.5, 0.0, 1.0, 2)


def test_one_observation_has_a_mean_and_no_interval() -> None:
    found = mean_interval(column(0.3))
    assert found.mean[0] == 0.3 and found.n[0] == 1
    assert np.isnan(found.low[0]) and np.isnan(found.high[0])


def test_no_observation_has_no_mean() -> None:
    found = mean_interval(np.empty((0, 3)))
    assert np.isnan(found.mean).all() and found.n.tolist() == [0, 0, 0]


def test_equal_observations_leave_nothing_open() -> None:
    found = mean_interval(column(0.25, 0.25, 0.25))
    assert found.low[0] == pytest.approx(0.25) and found.high[0] == pytest.approx(0.25)


def test_what_is_missing_is_no_observation() -> None:
    found = mean_interval(np.array([[0.2, np.nan], [0.4, 0.6], [0.6, np.nan]]))
    assert found.mean == pytest.approx([0.4, 0.6]) and found.n.tolist() == [3, 1]
    assert np.isnan(found.low[1]) and not np.isnan(found.low[0])


def test_the_interval_is_about_that_of_the_normal_distribution_where_that_holds() -> None:
    values = np.random.default_rng(3).normal(0, 1, (400, 1))
    found = mean_interval(values)
    half = 1.96 * values.std() / np.sqrt(400)
    assert found.high[0] - found.mean[0] == pytest.approx(half, rel=0.1)
    assert found.mean[0] - found.low[0] == pytest.approx(half, rel=0.1)


def test_a_difference_is_the_first_minus_the_reference() -> None:
    found = difference_interval(column(0.9, 0.9), column(0.4, 0.4, 0.4))
    assert found.mean[0] == pytest.approx(0.5) and found.low[0] == pytest.approx(0.5)
    assert found.n[0] == 2


def test_a_difference_from_one_observation_has_no_interval() -> None:
    found = difference_interval(column(0.9, 0.8, 0.7), column(0.4))
    assert found.mean[0] == pytest.approx(0.4) and np.isnan(found.low[0])


def test_both_groups_are_drawn_independently() -> None:
    """Drawn together, the difference between equal groups would always be 0."""
    found = difference_interval(column(0.0, 1.0), column(0.0, 1.0))
    assert (found.low[0], found.high[0]) == (-1.0, 1.0)


def test_the_same_observations_have_the_same_interval_each_time() -> None:
    values = np.random.default_rng(1).uniform(size=(7, 4))
    first, again = mean_interval(values), mean_interval(values)
    np.testing.assert_array_equal(first.low, again.low)
    np.testing.assert_array_equal(first.high, again.high)

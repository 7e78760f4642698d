"""Whether a classifier is better for some people than for others, and whether that is chance.

Protocol: faces of one group may show easier expressions than those of another. So each face counts
as its being right (0 or 1) minus the recall of its class over all groups, and the *difference* of a
group is the mean of that. How far groups are apart is the sum of their squared differences,
weighted by the number of faces. It is compared with 9,999 shuffles: of people, with all their
faces, if it is known who is in the pictures and each person is in one group; else of faces within
their class. The p-value is the share of these, and of what was found, that are as far apart
(Good, 2005, "Permutation, Parametric and Bootstrap Tests of Hypotheses", section 3).
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ferapp.errors import DataError
from ferapp.evaluation.metrics import recalls
from ferapp.evaluation.reports.by_source import figures_by
from ferapp.evaluation.reports.figures import Figures
from ferapp.evaluation.reports.readings import Readings

_SHUFFLES: Final = 9_999
_MOST_GROUPS: Final = 50


@dataclass(frozen=True)
class GroupReport:
    """Differences between groups.

    Attributes:
        column: The column of the table that names the groups.
        groups: Figures of each group.
        differences: What each group has over the recalls of all, see the module.
        p_value: How often chance gives differences as large.
        shuffled: What was shuffled: persons or faces.
        ungrouped: How many faces have no group; they do not count.
    """

    column: str
    groups: dict[str, Figures]
    differences: dict[str, float]
    p_value: float
    shuffled: str
    ungrouped: int

    def to_json(self) -> dict[str, Any]:
        """As values for JSON."""
        return {
            "by": self.column,
            "p_value": self.p_value,
            "shuffled": self.shuffled,
            "n_ungrouped": self.ungrouped,
            "groups": [
                {"group": name, "difference": self.differences[name], **one.to_json()}
                for name, one in self.groups.items()
            ],
        }


def compare_groups(readings: Readings, column: str, *, unsure_below: float) -> GroupReport:
    """Compare the groups that a column of the tables names.

    Args:
        readings: The faces; those without a group do not count.
        column: Name of the column.
        unsure_below: A lower top probability gives no label.

    Raises:
        DataError: There is no such column, or it names one group alone or over fifty.
    """
    if column not in readings.columns:
        known = ", ".join(sorted(readings.columns))
        raise DataError(f"No table has a column {column}; there are: {known}.")
    cells = readings.columns[column]
    names = [name for name in dict.fromkeys(cells) if name]
    if not 2 <= len(names) <= _MOST_GROUPS:
        raise DataError(f"{column}: expected 2 to {_MOST_GROUPS} groups, found {len(names)}.")
    faces = np.array([place for place, cell in enumerate(cells) if cell], np.intp)
    group = np.array([names.index(cells[i]) for i in faces], np.intp)
    classes, shares = readings.classes[faces], readings.probabilities[faces]
    is_right = (shares.argmax(axis=1) == classes).astype(float)
    over_recall = is_right - recalls(classes, shares)[classes]
    rng = np.random.default_rng(0)
    persons = _persons(readings.persons(faces), group)
    if persons is None:
        shuffled = _of_faces(over_recall, group, classes, len(names), rng)
    else:
        shuffled = _of_persons(over_recall, group, persons, len(names), rng)
    found, spreads = shuffled[0], shuffled[1:]
    as_far = int((spreads >= found * (1 - 1e-9)).sum())
    return GroupReport(
        column=column,
        groups=figures_by(readings, column, unsure_below=unsure_below),
        differences={
            name: float(over_recall[group == place].mean()) for place, name in enumerate(names)
        },
        p_value=(as_far + 1) / (_SHUFFLES + 1),
        shuffled="faces" if persons is None else "persons",
        ungrouped=len(cells) - len(faces),
    )


def _persons(names: list[str] | None, group: NDArray[np.intp]) -> NDArray[np.intp] | None:
    """Number of the person of each face; None if not known, or if one is in several groups."""
    if names is None:
        return None
    _, person = np.unique(np.array(names), return_inverse=True)
    groups_of = np.unique(np.stack([person, group]), axis=1).shape[1]
    return np.asarray(person, np.intp) if groups_of == person.max() + 1 else None


def _spread(
    values: NDArray[np.float64], counts: NDArray[np.float64], group: NDArray[np.intp], groups: int
) -> float:
    """How far groups are apart: the sum of squared means, weighted by the number of faces."""
    sums = np.bincount(group, values, groups)
    sizes = np.bincount(group, counts, groups)
    return float((sums**2 / np.maximum(sizes, 1)).sum())


def _of_faces(
    values: NDArray[np.float64],
    group: NDArray[np.intp],
    classes: NDArray[np.intp],
    groups: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """The spread as it is, then that of each shuffle of faces within their class."""
    ones = np.ones(len(values))
    out = [_spread(values, ones, group, groups)]
    members = [np.flatnonzero(classes == one) for one in np.unique(classes)]
    for _ in range(_SHUFFLES):
        other = group.copy()
        for faces in members:
            other[faces] = rng.permutation(group[faces])
        out.append(_spread(values, ones, other, groups))
    return np.array(out)


def _of_persons(
    values: NDArray[np.float64],
    group: NDArray[np.intp],
    person: NDArray[np.intp],
    groups: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """The spread as it is, then that of each shuffle of people, each with all their faces."""
    sums = np.bincount(person, values).astype(float)
    counts = np.bincount(person).astype(float)
    of_person = np.zeros(len(counts), np.intp)
    of_person[person] = group
    out = [_spread(sums, counts, of_person, groups)]
    out += [_spread(sums, counts, rng.permutation(of_person), groups) for _ in range(_SHUFFLES)]
    return np.array(out)

"""What a classifier says about the faces of one or several data sets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferapp.evaluation.data_sets import load_split
from ferapp.evaluation.evaluators import Comparison, compare, probabilities_of
from ferapp.evaluation.labelled_faces import Omission
from ferapp.evaluation.metrics import Classes, Probabilities
from ferapp.evaluation.splits import Split
from ferapp.inference.classifiers import ExpressionClassifier
from ferapp.system.text import one_line
from ferapp.types import ProgressCallback, no_report

SOURCE: Final = "source"
"""The column of a table that says where a face is from."""

PERSON: Final = "person"
"""The column of a table that says whom it shows."""


@dataclass(frozen=True, eq=False)
class Readings:
    """True classes and probabilities of the faces of some data sets.

    Attributes:
        labels: The classifier's classes; of several that mean the same, the first.
        classes: Index among them of the true class of each face, (n,).
        probabilities: (n, labels).
        columns: What the tables say about each face, by name. `SOURCE` is always there: the name of
            the data set where the table does not say. Names of persons begin with their source,
            because each source numbers them anew; where a table lacks another column, it is empty.
        left_out: What could not be used.
    """

    labels: tuple[str, ...]
    classes: Classes
    probabilities: Probabilities
    columns: Mapping[str, tuple[str, ...]]
    left_out: tuple[Omission, ...]

    def persons(self, faces: NDArray[np.intp]) -> list[str] | None:
        """Who these faces are of; None if that is not known of each."""
        cells = self.columns.get(PERSON, ())
        named = [cells[i] for i in faces] if cells else []
        return named if named and all(named) else None


def read_sources(
    sources: Sequence[Path],
    split: Split,
    classifier: ExpressionClassifier,
    *,
    key: Mapping[str, str] | None = None,
    padding: float = 0.0,
    report: ProgressCallback = no_report,
) -> Readings:
    """Classify the faces of data sets, one after the other.

    Args:
        sources: The data sets.
        split: The split of those that have splits.
        classifier: The classifier.
        key: See `ferapp.evaluation.data_sets.load_split`.
        padding: See `ferapp.evaluation.layouts.face_table.load_face_table`.
        report: Called with the number of faces done and in total, for each data set anew.

    Raises:
        DataError: A data set can't be read, or has no class that the classifier knows.
    """
    parts: list[tuple[str, Comparison, Probabilities]] = []
    for source in sources:
        faces = load_split(
            source, split, majority_only=True, key=key, may_lack_splits=True, padding=padding
        )
        compared = compare(faces, classifier.labels)
        shares = probabilities_of(compared, classifier, report=report)
        parts.append((_name(source), compared, shares))
    names = {SOURCE, *(name for _, compared, _ in parts for name in compared.faces.columns)}
    return Readings(
        labels=tuple(parts[0][1].labels),
        classes=np.concatenate([compared.classes for _, compared, _ in parts]),
        probabilities=np.concatenate([shares for _, _, shares in parts]),
        columns={
            name: tuple(cell for part in parts for cell in _cells(name, *part[:2]))
            for name in names
        },
        left_out=tuple(one for _, compared, _ in parts for one in compared.left_out),
    )


def _name(source: Path) -> str:
    """The name of a data set, as a source."""
    return one_line(source.name.split(".")[0])


def _cells(column: str, name: str, compared: Comparison) -> Sequence[str]:
    columns, count = compared.faces.columns, len(compared.classes)
    from_where = columns.get(SOURCE, (name,) * count)
    if column == SOURCE:
        return from_where
    cells = columns.get(column, ("",) * count)
    if column != PERSON:
        return cells
    return [
        f"{source}/{cell}" if cell else "" for source, cell in zip(from_where, cells, strict=True)
    ]

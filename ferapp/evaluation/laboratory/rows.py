"""The measured rows of the laboratory: how they are made, and the file that keeps them."""

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from ferapp.errors import DataError
from ferapp.evaluation.evaluators import compare, probabilities_of
from ferapp.evaluation.labelled_faces import LabelledFaces
from ferapp.evaluation.metrics import (
    Classes,
    Probabilities,
    accuracy,
    confusion,
    expected_calibration_error,
)
from ferapp.evaluation.reports.figures import Figures, figures
from ferapp.evaluation.timing import median_ms
from ferapp.inference.classifiers import ExpressionClassifier, softmax
from ferapp.inference.manifest import MODELS_FOLDER
from ferapp.system.files import write_whole

ROWS_FILE: Final = MODELS_FOLDER / "lab.json"
"""The rows that ship."""

RULE: Final = "single votes dropped, majority over 50 % on an expression; given crops"
CHECKED: Final = 300
"""By how many faces a row can be checked."""

_LEFT_OUT_OF_SEVEN: Final = "contempt"
_REPEATS: Final = 100


@dataclass(frozen=True)
class Training:
    """How the weights came about.

    Attributes:
        seed: The seed of the weights that ship.
        commit: Of the code.
        seconds: How long it took.
        parameters: How many numbers were learnt, stored faces included.
        accuracy_by_seed: Accuracy of each seed on the same faces; the seed was not chosen by it.
    """

    seed: int
    commit: str
    seconds: float
    parameters: int
    accuracy_by_seed: Mapping[str, float]


@dataclass(frozen=True)
class LabRow:
    """One system under the protocol.

    Attributes:
        name: Of the system.
        labels: Its classes.
        figures: Accuracy, recalls and calibration, with intervals.
        precision: Mean precision of the classes; 0 for one that is never given.
        f1: Mean F1 of the classes.
        seven: Accuracy on seven classes, without contempt, as the tutorials count.
        confusion: True classes in rows.
        hits_of_first: How many of the first `CHECKED` faces are right, by which the row can be
            checked in seconds.
        ece_before: Expected calibration error before the temperature; None without a file.
        bytes: Size of the file; 0 without one.
        face_ms: Median time for one face on one thread, ms; None without a file.
        machine: Where the time was measured.
        training: How the weights came about; None if the laboratory did not train them.
    """

    name: str
    labels: tuple[str, ...]
    figures: Figures
    precision: float
    f1: float
    seven: float
    confusion: list[list[int]]
    hits_of_first: int
    ece_before: float | None = None
    bytes: int = 0
    face_ms: float | None = None
    machine: str = ""
    training: Training | None = None

    def to_json(self) -> dict[str, Any]:
        """As values for JSON, shares with five digits."""
        value: dict[str, Any] = _rounded(asdict(self))
        return value

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """What `to_json` gave.

        Raises:
            KeyError: A key is missing.
            TypeError: A key is unknown, or a value is of another type.
        """
        training = value["training"]
        return cls(
            **value
            | {
                "labels": tuple(value["labels"]),
                "figures": Figures(**value["figures"]),
                "training": None if training is None else Training(**training),
            }
        )


def measure(name: str, classifier: ExpressionClassifier, size: int, faces: LabelledFaces) -> LabRow:
    """Measure a classifier under the protocol.

    Args:
        name: Of the system.
        classifier: The classifier, loaded for one thread.
        size: Bytes of its file.
        faces: Faces with a majority.

    Raises:
        DataError: The faces have other classes.
    """
    compared = compare(faces, classifier.labels)
    row = judge(
        name,
        tuple(compared.labels),
        compared.classes,
        probabilities_of(compared, classifier),
        unsure_below=classifier.unsure_below,
    )
    raw = softmax(compared.logits(classifier.logits(compared.faces.images_rgb)))
    face = compared.faces.images_rgb[:1]
    return replace(
        row,
        ece_before=expected_calibration_error(compared.classes, raw),
        bytes=size,
        face_ms=median_ms(lambda: classifier.classify(face), _REPEATS),
        machine=f"{platform.system()} {platform.machine()}, one thread",
    )


def judge(
    name: str,
    labels: tuple[str, ...],
    classes: Classes,
    probabilities: Probabilities,
    *,
    unsure_below: float,
) -> LabRow:
    """What probabilities are worth.

    Args:
        name: Of the system.
        labels: Its classes.
        classes: True classes, (n,).
        probabilities: (n, k).
        unsure_below: A lower top probability gives no label.
    """
    matrix = confusion(classes, probabilities)
    precision, f1 = _precision_and_f1(matrix)
    seven = [column for column, label in enumerate(labels) if label != _LEFT_OUT_OF_SEVEN]
    is_one_of_seven = np.isin(classes, seven)
    places = np.searchsorted(seven, classes[is_one_of_seven])
    return LabRow(
        name,
        labels,
        figures(classes, probabilities, unsure_below=unsure_below),
        precision,
        f1,
        accuracy(places, probabilities[is_one_of_seven][:, seven]),
        matrix.tolist(),
        int((probabilities.argmax(axis=1) == classes)[:CHECKED].sum()),
    )


def judge_majority(name: str, train: LabelledFaces, faces: LabelledFaces) -> LabRow:
    """The row of a system that gives the shares of the training classes for every face."""
    counts = np.bincount(train.classes, minlength=len(train.labels))
    shares = np.tile((counts / counts.sum()).astype(np.float32), (len(faces), 1))
    return judge(name, faces.labels, faces.classes, shares, unsure_below=0.0)


def _precision_and_f1(matrix: NDArray[np.intp]) -> tuple[float, float]:
    """Means over the classes that occur; 0 for one that is never given."""
    occurs = matrix.sum(axis=1) > 0
    hits, given, true = matrix.diagonal(), matrix.sum(axis=0), matrix.sum(axis=1)
    precision = hits / np.maximum(given, 1)
    f1 = 2 * hits / np.maximum(given + true, 1)
    return float(precision[occurs].mean()), float(f1[occurs].mean())


def read_rows(path: Path = ROWS_FILE) -> dict[str, LabRow]:
    """The rows of a file by name; none if there is no file.

    Raises:
        DataError: It can't be read.
    """
    if not path.exists():
        return {}
    try:
        rows = [LabRow.from_json(row) for row in json.loads(path.read_bytes())["rows"]]
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise DataError(
            f"{path.name} can't be read ({type(exc).__name__}): measure again."
        ) from exc
    return {row.name: row for row in rows}


def write_rows(rows: Mapping[str, LabRow], data: str, path: Path) -> None:
    """Write the rows of a file.

    Args:
        rows: By name.
        data: What they were measured on.
        path: The file.
    """
    value = {"data": data, "rule": RULE, "rows": [row.to_json() for row in rows.values()]}
    write_whole(path, f"{json.dumps(value, indent=1)}\n".encode())


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 5)
    if isinstance(value, Mapping):
        return {key: _rounded(one) for key, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list | tuple) else value

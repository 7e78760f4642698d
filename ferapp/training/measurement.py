"""What is measured about a classifier for its manifest entry: calibration and figures."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from ferapp.evaluation.calibration import LABELS_RIGHT, neutral_reference
from ferapp.evaluation.data_sets import has_split, is_ferplus, load_split
from ferapp.evaluation.evaluators import compare, evaluate_expressions
from ferapp.evaluation.labelled_faces import LabelledFaces, in_order_of, left_out_error
from ferapp.evaluation.metrics import accuracy, unsure_threshold
from ferapp.evaluation.reports.corruptions import threshold_in_light_and_noise
from ferapp.evaluation.splits import Split
from ferapp.inference.classifiers import ExpressionClassifier, softmax
from ferapp.inference.entry_parts import Calibration, Metric
from ferapp.inference.manifest import Model, read_manifest, write_manifest
from ferapp.inference.onnx_model import OnnxModel
from ferapp.inference.weights import read

# A classifier that gains less than this many points by also seeing each face mirrored is shown it
# once, in half the time.
_SECOND_LOOK_GAINS: Final = 0.1

# Faces of Valid that are also seen in each light and noise, which takes ten times as long.
_CHANGED_FACES: Final = 800

FERPLUS_RULE: Final = "single votes dropped, majority over 50 % on an expression; given crops"
FOLDER_RULE: Final = "one label a picture; given crops"


def recalibrate(
    folder: Path,
    name: str,
    data: Path,
    *,
    key: Mapping[str, str] | None = None,
    may_leave_out: bool = False,
    adjustment: float = 0.0,
) -> Model:
    """Calibrate and measure a classifier again whose entry has changed, such as its preprocessing.

    Args:
        folder: Holds the ``manifest.json``, which gets the result.
        name: Name of a classifier whose file is installed.
        data: As for `export_expressions`; Train is not read.
        key: As for its training.
        may_leave_out: As for its training.
        adjustment: See `calibrate`.

    Returns:
        Its new entry. Figures that are not of these splits, such as those of other data, stay as
        they were.

    Raises:
        DataError: As for its training.
        UnknownModel: The manifest has no such classifier.
        WrongHash: The hash of its file differs from the manifest.
    """
    path = folder / "manifest.json"
    manifest = read_manifest(path)
    model = manifest.model(name, "classifier")
    spec, labels = model.input.spec, model.labels
    splits = measuring_faces(data, labels, key, may_leave_out)
    session = OnnxModel(read(model)[0], threads=1)
    two_looks = gains_by_mirror(
        ExpressionClassifier(session, spec, labels, flip_averaging=True), splits[0][1]
    )
    open_with = partial(ExpressionClassifier, session, spec, labels, flip_averaging=two_looks)
    calibration, results = measured(open_with, splits, adjustment)
    metrics = split_metrics(results, rule_of(data, two_looks=two_looks), data)
    renewed = {metric.name for metric in metrics}
    metrics += [metric for metric in model.metrics if metric.name not in renewed]
    changed = model.model_copy(
        update={
            "flip_averaging": two_looks,
            "calibration": calibration,
            "metrics": tuple(metrics),
        }
    )
    models = tuple(changed if one.name == name else one for one in manifest.models)
    write_manifest(manifest.model_copy(update={"models": models}), path)
    return changed


def calibrate(
    logits: NDArray[np.float32], faces: LabelledFaces, *, adjustment: float
) -> Calibration:
    """Fit the temperature by maximum likelihood, and the threshold for "unsure".

    Args:
        logits: Raw outputs for the faces, (n, labels).
        faces: Faces with a majority, never those of the test set.
        adjustment: Strength of the logit adjustment for rare classes; 0 for none.
    """
    priors = np.bincount(faces.classes, minlength=len(faces.labels)) + 1.0
    bias = -adjustment * np.log(priors / priors.sum())
    bias -= bias.mean()
    rows = np.arange(len(faces))

    def loss(log_temperature: float) -> float:
        shares = softmax((logits / np.exp(log_temperature) + bias).astype(np.float32))
        return float(-np.log(shares[rows, faces.classes] + 1e-12).mean())

    best = minimize_scalar(loss, bounds=(-2.5, 2.5), method="bounded")
    shares = softmax((logits / np.exp(best.x) + bias).astype(np.float32))
    threshold, coverage = unsure_threshold(faces.classes, shares, least_accuracy=LABELS_RIGHT)
    is_neutral = np.array(faces.labels)[faces.classes] == "neutral"
    return Calibration(
        temperature=round(float(np.exp(best.x)), 4),
        bias=tuple(round(float(b), 4) for b in bias) if adjustment else (),
        unsure_below=threshold,
        coverage=round(coverage, 4),
        neutral_reference=neutral_reference(shares[is_neutral]),
        fitted_on=f"Valid, n = {len(faces)}",
    )


def gains_by_mirror(classifier: ExpressionClassifier, faces: LabelledFaces) -> bool:
    """Whether a classifier is clearly better with a second look, at the mirror image of each face.

    Args:
        classifier: One with mirror averaging.
        faces: Faces with the columns of the classifier, never those of the test set.
    """
    one, both = (
        accuracy(faces.classes, classifier.logits(faces.images_rgb, look=look))
        for look in ("plain", "both")
    )
    return 100 * (both - one) > _SECOND_LOOK_GAINS


def measuring_faces(
    data: Path, labels: tuple[str, ...], key: Mapping[str, str] | None, may_leave_out: bool
) -> list[tuple[Split, LabelledFaces]]:
    """The faces of Valid and of Test, if there is one, with the columns of the network."""
    splits: list[Split] = ["Valid", "Test"] if has_split(data, "Test") else ["Valid"]
    faces = [load_split(data, s, majority_only=True, classes=labels, key=key) for s in splits]
    if not may_leave_out and (left_out := [one for part in faces for one in part.left_out]):
        raise left_out_error(data, left_out)
    return [(s, in_order_of(part, labels)) for s, part in zip(splits, faces, strict=True)]


def measured(
    open_with: Callable[..., ExpressionClassifier],
    splits: list[tuple[Split, LabelledFaces]],
    adjustment: float,
) -> tuple[Calibration, list[tuple[Split, dict[str, Any]]]]:
    """The calibration of a classifier, from Valid, and its figures with it for each split.

    The threshold for "unsure" is the lowest at which enough labels are right on the faces as they
    are, and on some of them in other light and with noise.

    Args:
        open_with: Gives the classifier with a calibration.
        splits: Valid is first.
        adjustment: See `calibrate`.
    """
    valid = splits[0][1]
    raw = open_with().logits(valid.images_rgb)
    calibration = calibrate(raw, valid, adjustment=adjustment)
    classifier = open_with(calibration=calibration)
    some = valid.at(np.random.default_rng(0).permutation(len(valid))[:_CHANGED_FACES])
    threshold = max(
        calibration.unsure_below,
        threshold_in_light_and_noise(compare(some, classifier.labels), classifier),
    )
    top = classifier.probabilities(raw).max(axis=1)
    calibration = calibration.model_copy(
        update={
            "unsure_below": threshold,
            "coverage": round(float((top >= threshold).mean()), 4),
            "fitted_on": f"{calibration.fitted_on}; threshold also in light and noise, "
            f"n = {len(some)}",
        }
    )
    return calibration, [
        (split, evaluate_expressions(faces, classifier)) for split, faces in splits
    ]


def rule_of(data: Path, *, two_looks: bool) -> str:
    """By which rule figures on a data set were measured."""
    rule = FERPLUS_RULE if is_ferplus(data) else FOLDER_RULE
    looks = "mean over each face and its mirror image" if two_looks else "one look at each face"
    return f"{rule}, {looks}"


def split_metrics(
    results: list[tuple[Split, dict[str, Any]]], rule: str, data: Path
) -> list[Metric]:
    """The figures of each split, for the manifest."""
    names = {
        "accuracy": "accuracy",
        "macro_recall": "macro_recall",
        "ece": "expected_calibration_error",
    }
    return [
        Metric(
            name=f"{split.lower()}_{name}",
            value=round(result[key], 4),
            n=result["n"],
            rule=rule,
            data=f"{data.name}, {split}",
        )
        for split, result in results
        for key, name in names.items()
    ]

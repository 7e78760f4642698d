"""Exports checkpoints to files with manifest entries: variants, calibration, metrics, default."""

import hashlib
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from ferapp.evaluation.calibration import LABELS_RIGHT, neutral_reference
from ferapp.evaluation.data_sets import has_split, is_ferplus, load_split
from ferapp.evaluation.evaluators import DIFFICULTIES, evaluate_expressions, evaluate_faces
from ferapp.evaluation.labelled_faces import LabelledFaces, in_order_of, left_out_error
from ferapp.evaluation.metrics import accuracy, unsure_threshold
from ferapp.evaluation.splits import Split
from ferapp.inference.classifiers import ExpressionClassifier, softmax
from ferapp.inference.detectors import UltraLight
from ferapp.inference.entry_parts import Calibration, Input, Metric
from ferapp.inference.manifest import (
    Manifest,
    Model,
    read_manifest,
    write_manifest,
)
from ferapp.inference.onnx_model import OnnxModel
from ferapp.training.distil import FaceRecipe, held_out_ap
from ferapp.training.graphs import store_as_half, to_int8, to_onnx
from ferapp.training.networks import FaceNet, FaceNetOutputs
from ferapp.training.scenes import SceneViews
from ferapp.training.teachers import Scenes
from ferapp.training.train import ExpressionRecipe, expression_network
from ferapp.vision.preprocess import InputSpec, batch

INT8_EXAMPLES: Final = 400
_INT8_MAY_LOSE: Final = 0.3

# A classifier that gains less than this many points by also seeing each face mirrored is shown it
# once, in half the time.
_SECOND_LOOK_GAINS: Final = 0.1

FERPLUS_RULE: Final = "single votes dropped, majority over 50 % on an expression; given crops"
FOLDER_RULE: Final = "one label a picture; given crops"
WIDER_RULE: Final = "WIDER FACE: IoU 0.5, ignored boxes neither hit nor miss"


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


@dataclass(frozen=True)
class Origin:
    """The origin of weights, for the manifest.

    Attributes:
        name: The name that users will type; the int8 variant has ``-int8`` appended.
        trained_on: The training data and its terms.
        licence: SPDX identifier of the licence of the weights.
        source: Who made them.
    """

    name: str
    trained_on: str
    licence: str = "MIT"
    source: str = "ferapp"


@dataclass(frozen=True, eq=False)
class Variant:
    """One exported file with its measurements.

    Attributes:
        model: Its manifest entry.
        score: Decides between variants, in points (hundredths); never from test data.
        median_ms: Run time for one input on one thread, ms.
    """

    model: Model
    score: float
    median_ms: float


def export_expressions(
    checkpoint: Path,
    data: Path,
    out: Path,
    origin: Origin,
    *,
    key: Mapping[str, str] | None = None,
    may_leave_out: bool = False,
    adjustment: float = 0.0,
) -> list[Variant]:
    """Export the checkpoint of a classifier as fp32 and int8, each calibrated on the Valid split.

    Args:
        checkpoint: From `ferapp.training.train.train_expressions`.
        data: The data set of its training: Train gives the int8 ranges, Valid the calibration,
            Test, if there is one, the metrics.
        out: Folder for the files.
        origin: Its origin, for the manifest.
        key: As for its training.
        may_leave_out: As for its training.
        adjustment: See `calibrate`.

    Returns:
        fp32, then int8.

    Raises:
        DataError: As for its training.
    """
    state = torch.load(checkpoint, weights_only=True)
    about, labels = state["about"], tuple(state["about"]["labels"])
    network = expression_network(about)
    network.load_shipped(state["weights"])
    side = about["config"]["sizes"][-1][0]
    spec = ExpressionRecipe().spec(side)
    plain, small = out / f"{origin.name}.onnx", out / f"{origin.name}-int8.onnx"
    to_onnx(network.eval(), spec, plain, ["logits"], any_batch=True)
    train = load_split(data, "Train", majority_only=False, classes=labels, key=key)
    splits = _measuring_faces(data, labels, key, may_leave_out)
    valid = splits[0][1]
    rule = FERPLUS_RULE if is_ferplus(data) else FOLDER_RULE
    indices = np.random.default_rng(0).permutation(len(train))[:INT8_EXAMPLES]
    to_int8(plain, small, batch([train.images_rgb[i] for i in indices], spec))
    store_as_half(plain)
    sessions = {path: OnnxModel(path.read_bytes(), threads=1) for path in (plain, small)}
    two_looks = gains_by_mirror(
        ExpressionClassifier(sessions[plain], spec, labels, flip_averaging=True), valid
    )
    rule += ", mean over each face and its mirror image" if two_looks else ", one look at each face"
    variants = []
    for path, session in sessions.items():
        raw = ExpressionClassifier(session, spec, labels, flip_averaging=two_looks).logits(
            valid.images_rgb
        )
        calibration = calibrate(raw, valid, adjustment=adjustment)
        classifier = ExpressionClassifier(
            session, spec, labels, calibration, flip_averaging=two_looks
        )
        results = [(split, evaluate_expressions(faces, classifier)) for split, faces in splits]
        model = manifest_entry(
            path,
            spec,
            about,
            origin,
            kind="classifier",
            family="logits",
            labels=labels,
            flip_averaging=two_looks,
            calibration=calibration,
            metrics=split_metrics(results, rule, data),
        )
        score = 100 * results[0][1]["accuracy"]
        variants.append(Variant(model, score, median_ms(session, spec)))
    return variants


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


def _measuring_faces(
    data: Path, labels: tuple[str, ...], key: Mapping[str, str] | None, may_leave_out: bool
) -> list[tuple[Split, LabelledFaces]]:
    """The faces of Valid and of Test, if there is one, with the columns of the network."""
    splits: list[Split] = ["Valid", "Test"] if has_split(data, "Test") else ["Valid"]
    faces = [load_split(data, s, majority_only=True, classes=labels, key=key) for s in splits]
    if not may_leave_out and (left_out := [one for part in faces for one in part.left_out]):
        raise left_out_error(data, left_out)
    return [(s, in_order_of(part, labels)) for s, part in zip(splits, faces, strict=True)]


def export_faces(
    checkpoint: Path,
    folder: Path,
    scenes: Scenes,
    out: Path,
    origin: Origin,
    *,
    test: Path | None = None,
) -> list[Variant]:
    """Export the checkpoint of a detector as fp32 and int8.

    Args:
        checkpoint: From `ferapp.training.distil.train_faces`.
        folder: The photos of its training.
        scenes: Their boxes; the held-out ones decide between the variants.
        out: Folder for the files.
        origin: Its origin, for the manifest.
        test: A folder with ``images/`` and ``annotations.json`` for the metrics.

    Returns:
        fp32, then int8.
    """
    state = torch.load(checkpoint, weights_only=True)
    about = state["about"]
    width, height = about["config"]["size_wh"]
    recipe = FaceRecipe(size_wh=(width, height), hold_out=about["config"]["hold_out"])
    network = FaceNet(recipe.size_wh)
    network.load_state_dict(state["weights"])
    plain, small = out / f"{origin.name}.onnx", out / f"{origin.name}-int8.onnx"
    outputs = FaceNetOutputs(network).eval()
    to_onnx(outputs, recipe.spec, plain, ["scores", "boxes"], any_batch=False)
    used, held_out = recipe.split(scenes)
    views = iter(
        SceneViews(
            folder,
            used.at(range(0, len(used.names), 20)),
            recipe.augmentation,
            recipe.size_wh,
            seed=0,
        )
    )
    to_int8(plain, small, batch([next(views).image for _ in range(INT8_EXAMPLES)], recipe.spec))
    store_as_half(plain)
    variants = []
    for path in (plain, small):
        session = OnnxModel(path.read_bytes(), threads=1)
        detector = UltraLight(session, recipe.spec)
        figures = evaluate_faces(test, detector) if test else {}
        model = manifest_entry(
            path,
            recipe.spec,
            about,
            origin,
            kind="detector",
            family="ultra-light",
            labels=("background", "face"),
            metrics=[
                Metric(
                    name=f"ap_{level}",
                    value=round(figures[f"ap_{level}"], 4),
                    n=figures[f"n_{level}"],
                    rule=WIDER_RULE,
                    data=f"{test.name}, {figures['n_images']} pictures",
                )
                for level in DIFFICULTIES
                if test and figures[f"n_{level}"]
            ],
        )
        score = 100 * held_out_ap(detector, folder, held_out, recipe)
        variants.append(Variant(model, score, median_ms(session, recipe.spec)))
    return variants


def default_of(plain: Variant, small: Variant) -> Variant:
    """The int8 variant if it is faster here and at most 0.3 points worse, else the plain one."""
    is_better = small.median_ms < plain.median_ms and small.score >= plain.score - _INT8_MAY_LOSE
    return small if is_better else plain


def manifest_entry(
    path: Path, spec: InputSpec, about: dict[str, Any], origin: Origin, **fields: Any
) -> Model:
    """The manifest entry of an exported file."""
    data = path.read_bytes()
    return Model(
        name=path.stem,
        file=path.name,
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        input=Input(size_wh=spec.size_wh, colour=spec.colour, mean=spec.mean, std=spec.std),
        licence=origin.licence,
        source=origin.source,
        recipe=f"ferapp.training: {about['kind']}",
        commit=about["commit"],
        data=f"{origin.trained_on} (sha256 {about['data_sha256'][:12]})",
        **fields,
    )


def export_into(
    folder: Path, export: Callable[[Path], list[Variant]], *, is_default: bool
) -> list[Variant]:
    """Export into a folder of models and add the results to its manifest.

    Nothing in the folder changes until everything has been exported and measured.

    Args:
        folder: Holds a ``manifest.json``.
        export: Writes the files of one model, fp32 and int8, into a folder.
        is_default: Whether the better variant becomes the default of its kind.

    Raises:
        ManifestError: There is no valid manifest.
    """
    path = folder / "manifest.json"
    manifest = read_manifest(path)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".export-") as workshop:
        variants = export(Path(workshop))
        models = [v.model for v in variants]
        defaults = manifest.defaults
        if is_default:
            better = default_of(*variants).model
            defaults = defaults.model_copy(update={better.kind: better.name})
        # An entry that is replaced keeps its place, which decides the order in lists.
        entries = {m.name: m for m in (*manifest.models, *models)}
        changed = Manifest(
            version=1,
            defaults=defaults,
            presets=manifest.presets,
            models=tuple(entries.values()),
        )
        for model in models:
            (Path(workshop) / model.file).replace(folder / model.file)
        write_manifest(changed, path)
    return variants


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


def median_ms(session: OnnxModel, spec: InputSpec) -> float:
    """Run time for one input, ms: the median of fifty runs after ten."""
    width, height = spec.size_wh
    example = np.zeros((1, spec.channels, height, width), np.float32)
    times = []
    for _ in range(60):
        started = time.perf_counter()
        session.run(example)
        times.append((time.perf_counter() - started) * 1e3)
    return float(np.median(times[10:]))

"""Exports checkpoints to files with manifest entries: variants, calibration, metrics, default."""

import hashlib
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from ferapp.evaluation.data_sets import load_split
from ferapp.evaluation.evaluators import (
    DIFFICULTIES,
    evaluate_faces,
)
from ferapp.inference.classifiers import ExpressionClassifier
from ferapp.inference.detectors import UltraLight
from ferapp.inference.entry_parts import Input, Metric
from ferapp.inference.manifest import (
    Manifest,
    Model,
    read_manifest,
    write_manifest,
)
from ferapp.inference.onnx_model import OnnxModel
from ferapp.training.distil import FaceRecipe, held_out_ap
from ferapp.training.graphs import store_as_half, to_int8, to_onnx
from ferapp.training.measurement import (
    gains_by_mirror,
    measured,
    measuring_faces,
    rule_of,
    split_metrics,
)
from ferapp.training.networks import FaceNet, FaceNetOutputs, expression_network
from ferapp.training.scenes import SceneViews
from ferapp.training.teachers import Scenes
from ferapp.training.train import ExpressionRecipe
from ferapp.vision.preprocess import InputSpec, batch

INT8_EXAMPLES: Final = 400
_INT8_MAY_LOSE: Final = 0.3


WIDER_RULE: Final = "WIDER FACE: IoU 0.5, ignored boxes neither hit nor miss"


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
    splits = measuring_faces(data, labels, key, may_leave_out)
    indices = np.random.default_rng(0).permutation(len(train))[:INT8_EXAMPLES]
    to_int8(plain, small, batch([train.images_rgb[i] for i in indices], spec))
    store_as_half(plain)
    sessions = {path: OnnxModel(path.read_bytes(), threads=1) for path in (plain, small)}
    two_looks = gains_by_mirror(
        ExpressionClassifier(sessions[plain], spec, labels, flip_averaging=True), splits[0][1]
    )
    variants = []
    for path, session in sessions.items():
        open_with = partial(ExpressionClassifier, session, spec, labels, flip_averaging=two_looks)
        calibration, results = measured(open_with, splits, adjustment)
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
            metrics=split_metrics(results, rule_of(data, two_looks=two_looks), data),
        )
        score = 100 * results[0][1]["accuracy"]
        variants.append(Variant(model, score, median_ms(session, spec)))
    return variants


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
        input=Input(
            size_wh=spec.size_wh,
            colour=spec.colour,
            mean=spec.mean,
            std=spec.std,
            denoise=spec.denoise,
        ),
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

"""Trains a system, exports it with a manifest entry, and measures what was exported."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from ferapp.evaluation.data_sets import load_split
from ferapp.evaluation.labelled_faces import LabelledFaces, in_order_of
from ferapp.evaluation.laboratory.rows import RULE, LabRow, Training, measure
from ferapp.evaluation.metrics import accuracy
from ferapp.inference.classifiers import ExpressionClassifier
from ferapp.inference.entry_parts import Calibration
from ferapp.inference.manifest import Model
from ferapp.inference.onnx_model import OnnxModel
from ferapp.training.export import (
    Origin,
    Variant,
    calibrate,
    export_into,
    manifest_entry,
    split_metrics,
)
from ferapp.training.graphs import store_as_half, to_onnx
from ferapp.training.runs import description
from ferapp.training.systems.catalogue import SYSTEMS
from ferapp.training.systems.faces import (
    SPEC,
    SystemData,
    grey_faces,
    outputs_of,
    read_system_data,
)


def build_systems(
    names: Sequence[str],
    data: Path,
    runs: Path,
    models: Path,
    *,
    trained_on: str,
    seeds: int = 1,
    report: Callable[[str], None],
) -> Iterator[LabRow]:
    """Train systems one after the other, each exported and measured before the next.

    Args:
        names: Of the systems, as in `SYSTEMS`.
        data: A data set with the splits Train, Valid and Test.
        runs: Folder for checkpoints.
        models: Folder with a ``manifest.json``, which gets the file and its entry.
        trained_on: The training data and its terms.
        seeds: With how many seeds to train; the first one is exported, whatever the others give.
        report: Called with what was done.

    Raises:
        DataError: The data can't be used, or there is a run of another configuration.
        ParityError: The exported graph differs from the network.
    """
    found = read_system_data(data, runs)
    test = in_order_of(load_split(data, "Test", majority_only=True), found.labels)
    for name in names:
        yield _build(name, found, test, data, models, trained_on, seeds, report)


def _build(
    name: str,
    found: SystemData,
    test: LabelledFaces,
    data: Path,
    models: Path,
    trained_on: str,
    seeds: int,
    report: Callable[[str], None],
) -> LabRow:
    """Train a system, export it into a folder of models, and measure the file."""
    pixels = grey_faces(test)
    first = SYSTEMS[name].seed
    networks: list[nn.Module] = []
    by_seed: dict[str, float] = {}
    times: list[float] = []
    for seed in range(first, first + seeds):
        system: Any = replace(SYSTEMS[name], seed=seed)  # type: ignore[type-var]
        started = time.monotonic()
        networks.append(system.fit(replace(found, out=found.out / f"{name}-{seed}")))
        times.append(time.monotonic() - started)
        by_seed[str(seed)] = accuracy(test.classes, outputs_of(networks[-1], pixels))
        report(f"{name}, seed {seed}: {by_seed[str(seed)]:.4f} on Test, {times[-1]:.0f} s")
    about = description(f"lab {name}", SYSTEMS[name], found.labels, found.sha256)
    origin = Origin(name, trained_on)
    rows: list[LabRow] = []

    def export(folder: Path) -> list[Variant]:
        path = folder / f"{name}.onnx"
        row, calibration = _export(networks[0], path, found, test)
        rows.append(row)
        return [
            Variant(_entry(path, about, origin, row, calibration, data), 0.0, row.face_ms or 0.0)
        ]

    export_into(models, export, is_default=False)
    numbers = sum(value.numel() for value in networks[0].state_dict().values())
    return replace(rows[0], training=Training(first, about["commit"], times[0], numbers, by_seed))


def _export(
    network: nn.Module, path: Path, found: SystemData, test: LabelledFaces
) -> tuple[LabRow, Calibration]:
    """Write the graph, calibrate it on Valid and measure it on Test."""
    to_onnx(network, SPEC, path, ["logits"], any_batch=True)
    store_as_half(path)
    data = path.read_bytes()
    session = OnnxModel(data, threads=1)
    raw = ExpressionClassifier(session, SPEC, found.labels).logits(found.valid_faces.images_rgb)
    calibration = calibrate(raw, found.valid_faces, adjustment=0)
    classifier = ExpressionClassifier(session, SPEC, found.labels, calibration)
    return measure(path.stem, classifier, len(data), test), calibration


def _entry(
    path: Path,
    about: dict[str, Any],
    origin: Origin,
    row: LabRow,
    calibration: Calibration,
    data: Path,
) -> Model:
    return manifest_entry(
        path,
        SPEC,
        about,
        origin,
        kind="classifier",
        family="logits",
        labels=row.labels,
        calibration=calibration,
        metrics=split_metrics(
            [("Test", vars(row.figures))], f"{RULE}, one look at each face", data
        ),
    )

"""Classifiers that the operator adds: adding one, and which of them can't be used and why."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from ferapp.errors import ModelError, StoreError, UserError
from ferapp.inference import weights
from ferapp.inference.entry_parts import Calibration
from ferapp.inference.examination import Examination, examine
from ferapp.inference.folder import (
    FOLDER_VARIABLE,
    MANIFEST_NAME,
    models_folder,
    read_regular,
)
from ferapp.inference.manifest import (
    Model,
    added_models,
    manifest,
    parse_added_model,
    read_added_entries,
    shipped_manifest,
)
from ferapp.system.files import translate_write_errors, write_whole

Fitter = Callable[[bytes, Model], Calibration]
"""Fits the calibration of a model, from its bytes and its entry."""

_turn = Lock()


def refusals() -> Mapping[str, str]:
    """Why added models can't be used, by name; each is examined once per process.

    For entries that break the schema, see `ferapp.inference.manifest.added_models`.
    """
    with _turn:  # if several visitors come at once, the models are examined only once
        return _refusals()


@cache
def _refusals() -> Mapping[str, str]:
    reasons = {}
    for model in added_models().models:
        try:
            examine(weights.read(model)[0], model)
        except UserError as exc:
            reasons[model.name] = str(exc)
    return reasons


def add(
    file: Path,
    *,
    name: str,
    labels: tuple[str, ...],
    input_entry: Mapping[str, Any],
    licence: str,
    source: str,
    data: str,
    output: str | None = None,
    calibrate: Fitter | None = None,
) -> tuple[Model, Examination]:
    """Examine a classifier, copy it into the operator's folder and write its entry.

    Args:
        file: The ``.onnx`` file, in any folder.
        name: The name that users will type.
        labels: The meaning of its outputs, in order.
        input_entry: Its input, as in the ``input`` of an entry.
        licence: Licence of the weights.
        source: Who made it.
        data: The training data.
        output: What it gives for each label; None for what its outputs look like.
        calibrate: Called with its bytes and its entry before anything is written.

    Returns:
        Its entry, and what was found. Running processes don't see it.

    Raises:
        ModelError: It is refused or can't be written; nothing has changed.
        MissingExtra: It can't be examined, because onnx is not installed.
    """
    folder = models_folder()
    if folder is None:
        raise ModelError(
            f"There is no folder for added models: set {FOLDER_VARIABLE} to the path of one."
        )
    entries = read_added_entries(folder) if (folder / MANIFEST_NAME).exists() else ()
    names = {entry.get("name") for entry in entries if isinstance(entry, dict)}
    if name in names | {m.name for m in shipped_manifest().models}:
        raise ModelError(f"The name {name} is taken by another model; choose another one.")
    try:
        weight_bytes = read_regular(Path(os.path.realpath(file, strict=True)), file.name)
    except OSError as exc:
        raise ModelError(f"{file.name} can't be read: {exc.strerror or exc}.") from exc
    entry: dict[str, Any] = {
        "name": name,
        "kind": "classifier",
        "family": "logits",
        "file": f"{name}.onnx",
        "sha256": hashlib.sha256(weight_bytes).hexdigest(),
        "bytes": len(weight_bytes),
        "input": dict(input_entry),
        "labels": labels,
        "licence": licence,
        "source": source,
        "data": data,
    }
    if output is not None:
        entry["output"] = output
    found = examine(weight_bytes, parse_added_model(entry), finds=True)
    entry["input"] |= {"layout": found.layout}
    entry.setdefault("output", found.output)
    model = parse_added_model(entry)
    examine(weight_bytes, model)
    if calibrate is not None:
        calibration = calibrate(weight_bytes, model)
        entry["calibration"] = calibration.model_dump(mode="json")
        model = parse_added_model(entry)
    with _reported(folder):
        _write(folder, model.file, weight_bytes, _manifest_bytes([*entries, entry]))
    return model, found


def calibrate(name: str, fit: Fitter) -> Model:
    """Fit the calibration of a model that was added, and write it into its entry.

    Returns:
        Its entry. Running processes don't see it.

    Raises:
        ModelError: There is no such model, it can't be used, or the entry can't be written.
        MissingExtra: It can't be examined, because onnx is not installed.
    """
    model = manifest().model(name, "classifier")
    folder = models_folder()
    if folder is None or not model.is_added:
        raise ModelError(f"{name} ships with ferapp; only models that were added are calibrated.")
    calibration = fit(weights.read(model)[0], model)
    entries = read_added_entries(folder)
    entry = next(e for e in entries if isinstance(e, dict) and e.get("name") == name)
    entry["calibration"] = calibration.model_dump(mode="json")
    with _reported(folder):
        write_whole(folder / MANIFEST_NAME, _manifest_bytes(entries))
    return parse_added_model(entry)


@contextmanager
def _reported(folder: Path) -> Iterator[None]:
    try:
        with translate_write_errors(folder):
            yield
    except StoreError as exc:
        raise ModelError(f"{exc} Nothing has changed.") from exc


def _manifest_bytes(entries: Sequence[Any]) -> bytes:
    text = json.dumps({"version": 1, "models": entries}, indent=2, ensure_ascii=False)
    return f"{text}\n".encode()


def _write(folder: Path, name: str, weight_bytes: bytes, manifest_bytes: bytes) -> None:
    """Write the weights and then the manifest, or neither."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    if os.path.lexists(path):
        raise ModelError(f"{name} is in the folder already; choose another name.")
    write_whole(path, weight_bytes)
    try:
        write_whole(folder / MANIFEST_NAME, manifest_bytes)
    except BaseException:
        path.unlink(missing_ok=True)
        raise

"""Classifiers that the operator adds: adding one, and which of them can't be used and why."""

import hashlib
import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from ferapp.errors import ModelError, StoreError, UserError
from ferapp.inference import weights
from ferapp.inference.examination import examine
from ferapp.inference.folder import (
    FOLDER_VARIABLE,
    MANIFEST_NAME,
    models_folder,
    read_regular,
)
from ferapp.inference.manifest import (
    Model,
    added_models,
    parse_added_model,
    read_added_entries,
    shipped_manifest,
)
from ferapp.system.files import translate_write_errors, write_whole

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
) -> tuple[Model, bool]:
    """Examine a classifier, copy it into the operator's folder and write its entry.

    Args:
        file: The ``.onnx`` file, in any folder.
        name: The name that users will type.
        labels: The meaning of its outputs, in order.
        input_entry: Its input, as in the ``input`` of an entry.
        licence: Licence of the weights.
        source: Who made it.
        data: The training data.

    Returns:
        Its entry, and whether its weights use all eight bits (`examine`). Running processes
        don't see it.

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
    entry = {
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
    model = parse_added_model(entry)
    has_wide_weights = examine(weight_bytes, model)
    text = json.dumps({"version": 1, "models": [*entries, entry]}, indent=2, ensure_ascii=False)
    try:
        with translate_write_errors(folder):
            _write(folder, model.file, weight_bytes, f"{text}\n".encode())
    except StoreError as exc:
        raise ModelError(f"{exc} Nothing has changed.") from exc
    return model, has_wide_weights


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

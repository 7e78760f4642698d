"""The folder of added models, filled for a test."""

import json
from pathlib import Path
from typing import Any

from ferapp.inference import added as adding
from ferapp.inference import examination, examiner
from ferapp.inference.manifest import added_models, manifest, parse_added_model
from ferapp.ui.shared import resources
from tests.support.models import entry


def refusal(data: bytes, **changes: Any) -> str:
    """Why a model is refused; examined in this process, which is fast."""
    return str(examiner.examine(data, parse_added_model(entry(data, **changes)))["reason"])


def forget_models() -> None:
    for remembered in (manifest, added_models, adding._refusals):
        remembered.cache_clear()
    examination._passed.clear()
    resources._refused_models.clear()
    resources.analyzer.clear()


def place_models(models_dir: Path, **models: bytes) -> None:
    """Models with the right hashes, in the folder and in its manifest."""
    for name, data in models.items():
        (models_dir / f"{name}.onnx").write_bytes(data)
    write_entries(models_dir, [entry(data, name) for name, data in models.items()])


def write_entries(models_dir: Path, entries: list[Any]) -> None:
    (models_dir / "manifest.json").write_text(json.dumps({"version": 1, "models": entries}))
    forget_models()


COLD = {"temperature": 0.1, "unsure_below": 0.5, "coverage": 0.9, "fitted_on": "made up"}

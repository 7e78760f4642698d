"""Fixtures for added models."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ferapp.inference import examiner, folder
from tests.support.added_models import forget_models


@pytest.fixture
def models_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder for models, with all caches of models cleared."""
    path = tmp_path / "models"
    path.mkdir()
    monkeypatch.setenv(folder.FOLDER_VARIABLE, str(path))
    forget_models()
    yield path
    forget_models()


@pytest.fixture
def without_onnx_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object, **__: object) -> None:
        raise AssertionError("ONNX Runtime was given a model that should have been refused")

    monkeypatch.setattr(examiner, "OnnxModel", load)

"""Data sets for training runs of seconds."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ferapp.types import Faces
from tests.support.labelled import FEAR, HAPPY, png, write_split


@pytest.fixture
def ferplus(tmp_path: Path) -> Path:
    for split in ("Train", "Valid", "Test"):
        write_split(tmp_path / "ferplus", split, [HAPPY, FEAR] * 6)
    return tmp_path / "ferplus"


@pytest.fixture
def photos(tmp_path: Path) -> tuple[Path, Any]:
    """A folder of six photos and their `Scenes`; the last one has no face."""
    from ferapp.training.teachers import Scenes

    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(6):
        (folder / f"{index}.png").write_bytes(png(index * 40))
    face = Faces(np.array([[8, 8, 30, 32]], np.float32), np.array([0.9], np.float32))
    return folder, Scenes([f"{i}.png" for i in range(6)], [face] * 5 + [Faces.empty()])

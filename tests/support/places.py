"""Where the project and the data of tests are."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "ferapp" / "samples"
SHARED = ROOT.parent / "shared"


def shared_path(name: str) -> Path:
    """Data that is not part of the project; without it, the test that needs it is skipped."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"needs {name}, which is not part of the project")
    return path

"""The machine, commit and versions of a measurement."""

import json
import os
import platform
import subprocess
from datetime import date
from importlib.metadata import version
from pathlib import Path

from ferapp.doctor.machine import processor_name
from ferapp.system.files import write_whole

ROOT = Path(__file__).parents[1]
LIBRARIES = ("numpy", "onnxruntime", "opencv-python-headless", "pillow", "streamlit")


def commit() -> str:
    """The commit, with a mark if files differ from it."""
    try:
        run = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return run.stdout.strip()


def about() -> dict[str, object]:
    """The head of a results file."""
    return {
        "date": date.today().isoformat(),
        "commit": commit(),
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def write_result(result: dict[str, object], name: str, folder: Path) -> Path:
    """Write a results file and return its path; the date of the result begins its name."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result['date']}-{name}.json"
    write_whole(path, f"{json.dumps(result, indent=2)}\n".encode())
    return path

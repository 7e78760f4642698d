"""Whether an added model may be used: asked in a process that may crash, hang or be killed."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final

from ferapp.errors import MissingExtra, ModelError
from ferapp.inference.manifest import Model
from ferapp.vision import opencv

LIMIT_S: Final = 20.0
"""An examination that takes longer is given up, and the model refused."""

_ROOT: Final = str(Path(__file__).parents[2])
# Windows tells crashes by large exit statuses, other systems by negative ones.
_FIRST_CRASH: Final = 256

# By entries whose bytes have passed; an entry holds the hash of its bytes.
_passed: dict[Model, bool] = {}


def examine(data: bytes, model: Model) -> bool:
    """Refuse a model that is not what its entry says, or that does harm when it runs.

    Args:
        data: Its bytes, of the hash that the entry names.
        model: The entry.

    Returns:
        Whether its weights take all eight bits, which costs time (`Session`, ``is_exact``).

    Raises:
        ModelError: It is refused; the sentence names the file and the reason.
        MissingExtra: Nothing can be examined, because onnx is not installed.
        LibraryError: Nothing can be, because ONNX Runtime or OpenCV can't be used.
    """
    if model in _passed:
        return _passed[model]
    from ferapp.inference import session  # slow to import, and most have added no model

    session.loaded.require()
    opencv.loaded.require()
    if find_spec("onnx") is None:
        raise MissingExtra("onnx", "models")
    answer = _ask(data, model)
    if answer["reason"]:
        raise ModelError(f"{model.file} was refused: {answer['reason']}")
    _passed[model] = bool(answer["has_wide_weights"])
    return _passed[model]


def _ask(data: bytes, model: Model) -> dict[str, Any]:
    """What `ferapp.inference.examiner` answers."""
    paths = [_ROOT, os.environ.get("PYTHONPATH", "")]
    try:
        # As a file: through a pipe subprocess.run writes 512 bytes at a time.
        with TemporaryFile() as question:
            question.write(model.model_dump_json().encode() + b"\n")
            question.write(data)
            question.seek(0)
            run = subprocess.run(
                [sys.executable, "-P", "-m", "ferapp.inference.examiner"],
                stdin=question,
                stdout=subprocess.PIPE,
                # ONNX Runtime repeats there what it raises.
                stderr=subprocess.DEVNULL,
                timeout=LIMIT_S,
                check=False,
                env=os.environ
                | {
                    "PYTHONPATH": os.pathsep.join(path for path in paths if path),
                    # Threads for linear algebra that nobody does would take address space.
                    "OPENBLAS_NUM_THREADS": "1",
                },
            )
    except OSError as exc:
        return {"reason": f"it can't be examined: {exc.strerror or exc}."}
    except subprocess.TimeoutExpired:
        return {"reason": f"it was not examined within {LIMIT_S:g} s, and may run for ever."}
    if 0 < run.returncode < _FIRST_CRASH:
        reason = f"its examiner failed (exit status {run.returncode}), by an error in ferapp."
        return {"reason": f"{reason} Please report it."}
    if run.returncode:
        return {"reason": "the process that examined it ended by itself; the model breaks it."}
    answer: dict[str, Any] = json.loads(run.stdout)
    return answer

"""``ferapp video`` in this process."""

import json
from typing import Any

from click.testing import Result
from typer.testing import CliRunner

from ferapp.cli.app import app

HALF = (320, 240)


FRAMES = 24


def run_video(*args: object) -> Result:
    """Run the command in this process, in a tenth of the time of a new one."""
    return CliRunner().invoke(app, ["video", *map(str, args)])


def video_result(*args: object) -> dict[str, Any]:
    result = run_video("--json", *args)
    assert result.exit_code == 0, (result.stderr, result.exception)
    return json.loads(result.stdout)

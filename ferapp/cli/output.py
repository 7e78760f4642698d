"""Output of the commands: results on standard output, everything else on standard error."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from ferapp.types import ProgressCallback

console = Console()
errors = Console(stderr=True)


def as_text(name: str) -> str:
    """A file name as text for JSON; bytes that are not UTF-8 become a replacement character."""
    return os.fsencode(name).decode("utf-8", "replace")


def path_text(path: Path) -> str:
    """A path on one line, safe to print."""
    from ferapp.system.text import one_line

    return one_line(str(path))


def print_line(text: object) -> None:
    """Print plain text on standard output."""
    print(text, flush=True)


def print_json(value: Any) -> None:
    """Print a JSON object on one line; NaN and infinity are errors.

    Characters that the encoding of standard output lacks are escaped, as JSON allows.
    """
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value, allow_nan=False)
    print_line(text)


def abandon_output() -> None:
    """Drop what standard output could not write; at its end Python would try again."""
    with suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)


@contextmanager
def progress(unit: str) -> Iterator["ProgressCallback"]:
    """Show a progress bar on a terminal, and nothing in a pipe.

    Yields:
        A function to call with the steps done and the total.
    """
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    ) as bar:
        task = bar.add_task(unit, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)

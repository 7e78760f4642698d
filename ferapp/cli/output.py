"""How commands speak: results on standard output, the rest not."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
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
    """A file's name as text that can be printed; bytes that are none become a diamond."""
    return os.fsencode(name).decode("utf-8", "replace")


def print_json(value: Any) -> None:
    """One JSON object on one line; a number that JSON does not know is an error."""
    typer.echo(json.dumps(value, allow_nan=False, ensure_ascii=False))


@contextmanager
def progress(what: str) -> Iterator["ProgressCallback"]:
    """A progress bar with the time left on a terminal, nothing in a pipe.

    Yields:
        A function to call with the steps done and the steps in all.
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
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)

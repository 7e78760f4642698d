"""Output of the commands: results on standard output, everything else on standard error."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from ferapp.errors import StoreError, UserError

if TYPE_CHECKING:
    from rich.table import Table

    from ferapp.types import ProgressCallback

console = Console()
errors = Console(stderr=True)


STANDARD: Final = Path("-")
"""Stands for standard input or output, as for other commands."""

_STANDARD_OUTPUT: Final = frozenset(map(Path, ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")))


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


def print_error(text: str) -> None:
    """Print why something failed, on standard error."""
    errors.print(Text(text, style="red"), soft_wrap=True)


def print_note(text: str, style: str = "") -> None:
    """Print what a user should know, on standard error."""
    errors.print(Text(text, style=style), soft_wrap=True)


def print_table(title: str, table: "Table", *, to: Console = console) -> None:
    """Print a table under its title.

    The title is a line of its own, as a title of Rich is broken at the table's width, also within
    a path that it names.
    """
    to.print(Text(title, style="italic"), soft_wrap=True)
    to.print(table)


@contextmanager
def collected_errors(report: Callable[[str], None] | None = None) -> Iterator[list[str]]:
    """Go on after a result that could not be written; what was found is printed all the same.

    Args:
        report: Called with the error at once.

    Yields:
        A list that holds the error, if there was one, after the block.
    """
    problems: list[str] = []
    try:
        yield problems
    except UserError as exc:
        problems.append(str(exc))
        if report:
            report(str(exc))


def is_standard_output(path: Path | None) -> bool:
    """Whether a file to write is standard output, where results are printed otherwise."""
    return path in _STANDARD_OUTPUT


@contextmanager
def open_output(path: Path) -> Iterator[BinaryIO]:
    """Open a file that is written whole or not at all, or standard output.

    Raises:
        StoreError: It could not be written; a previous file is unchanged.
    """
    from ferapp.system.files import translate_write_errors, whole_file

    if not is_standard_output(path):
        with whole_file(path) as file:
            yield file
        return
    sys.stdout.flush()
    try:
        with translate_write_errors(Path("standard output")):
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
    except StoreError as exc:
        if isinstance(exc.__cause__, BrokenPipeError):  # the reader, such as `head`, has enough
            raise exc.__cause__ from None
        abandon_output()
        raise


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

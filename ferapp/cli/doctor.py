"""``ferapp doctor``: what this installation is, and what is wrong with it."""

import sys
from contextlib import redirect_stdout
from typing import Final

import typer
from rich.text import Text

from ferapp.cli.options import AsJson
from ferapp.cli.output import console, print_json

_STYLES: Final = {"ok": "", "note": "yellow", "problem": "red", "": "bold"}


def doctor(as_json: AsJson = False) -> None:
    """Check this installation; the report names no person, no machine and no secret.

    The exit status is 0 when there is no problem and 1 when there is one.
    """
    from ferapp.doctor.report import report

    with redirect_stdout(sys.stderr):  # a library that can't be imported may print its complaint
        found = report()
    if as_json:
        print_json(found.to_record())
    else:
        for line, state in found.lines():
            console.print(Text(line, style=_STYLES[state]), soft_wrap=True)
    raise typer.Exit(1 if found.count("problem") else 0)

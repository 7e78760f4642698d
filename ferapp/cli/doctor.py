"""``ferapp doctor``: a report about this installation and its problems."""

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

    The exit status is 0 if there is no problem, and 1 if there is one.
    """
    from ferapp.doctor.report import report

    with redirect_stdout(sys.stderr):  # a library that can't be imported may print its complaint
        result = report()
    if as_json:
        print_json(result.to_record())
    else:
        for line, state in result.lines():
            console.print(Text(line, style=_STYLES[state]), soft_wrap=True)
    raise typer.Exit(1 if result.count("problem") else 0)

"""The entry point: one typer app, its subcommands, and the printing of errors."""

import errno
import logging
import sys
from typing import Annotated, Final

import typer

from ferapp._version import __version__
from ferapp.cli import evaluate, lab, models, reports, sessions, train
from ferapp.cli.analyze import analyze
from ferapp.cli.batch import batch
from ferapp.cli.benchmark import benchmark
from ferapp.cli.doctor import doctor
from ferapp.cli.output import abandon_output, print_line
from ferapp.cli.serve import serve
from ferapp.cli.video import video
from ferapp.errors import StoreError, UserError
from ferapp.system.folders import ensure_home
from ferapp.system.text import replace_unprintable

_OUTPUT_ERRORS: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)

app = typer.Typer(
    name="ferapp",
    help="Facial expression recognition on your own machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(serve)
app.command()(analyze)
app.command()(video)
app.command()(batch)
app.command()(benchmark)
app.command()(doctor)
evaluate.app.command("report")(reports.by_source)
evaluate.app.command("groups")(reports.by_group)
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(lab.app, name="lab")
app.add_typer(models.app, name="models")
app.add_typer(sessions.app, name="sessions")
app.add_typer(train.app, name="train")


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        print_line(__version__)
        raise typer.Exit


@app.callback()
def _configure(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show log messages.")] = False,
) -> None:
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s %(message)s"
    )


def main() -> None:
    """Run the command line; a user error prints one message on standard error, with status 1."""
    replace_unprintable()
    ensure_home()
    try:
        app()
    except UserError as exc:
        remedy = f" {exc.remedy}" if isinstance(exc, StoreError) and exc.remedy else ""
        print(f"ferapp: {exc}{remedy}", file=sys.stderr)
        sys.exit(1)
    except OSError as exc:
        # What has no file name is standard output, for example one that goes to a full disk.
        if exc.filename is not None or exc.errno not in _OUTPUT_ERRORS:
            raise
        abandon_output()
        print(f"ferapp: The output could not be written: {exc.strerror}.", file=sys.stderr)
        sys.exit(1)

"""Runs all checks; one that fails says so and does not stop the others."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from ferapp._version import __version__
from ferapp.doctor import machine, packages, places
from ferapp.doctor.findings import Finding, problem
from ferapp.doctor.privacy import private
from ferapp.errors import UserError
from ferapp.libraries import failure
from ferapp.wording import counted

_Result = Finding | Iterable[tuple[str, Finding]]
_WIDTH: Final = len("problem ")


@dataclass(frozen=True)
class Check:
    """One line of a report.

    Attributes:
        key: Its name for programs, which never changes.
        title: Its name for people.
        finding: Its result.
    """

    key: str
    title: str
    finding: Finding


@dataclass(frozen=True)
class Report:
    """A report about this installation.

    Attributes:
        version: Of ferapp.
        sections: Checks by heading.
    """

    version: str
    sections: dict[str, tuple[Check, ...]]

    @property
    def checks(self) -> list[Check]:
        """All checks."""
        return [check for section in self.sections.values() for check in section]

    def count(self, state: str) -> int:
        """How many checks are in a state."""
        return sum(check.finding.state == state for check in self.checks)

    @property
    def summary(self) -> str:
        """How many problems and notes there are."""
        return (
            f"{counted(self.count('problem'), 'problem')}, {counted(self.count('note'), 'note')}."
        )

    def to_record(self) -> dict[str, Any]:
        """The report as plain values, with the checks by key."""
        return {
            "ferapp": self.version,
            "problems": self.count("problem"),
            "notes": self.count("note"),
            "checks": {
                check.key: {
                    "state": check.finding.state,
                    "found": check.finding.text,
                    "advice": check.finding.advice,
                }
                for check in self.checks
            },
        }

    def lines(self) -> Iterator[tuple[str, str]]:
        """The report as text: each line with the state of its check, empty for other lines."""
        yield f"ferapp {self.version}", ""
        for heading, checks in self.sections.items():
            yield "", ""
            yield heading, ""
            for check in checks:
                state, advice = check.finding.state, check.finding.advice
                yield f"{state:<{_WIDTH}}{check.title}: {check.finding.text}", state
                if advice:
                    yield f"{'':<{_WIDTH}}{advice}", state
        yield "", ""
        yield self.summary, ""


def report(*, serving: int | None = None) -> Report:
    """Run all checks; they change nothing, and nothing leaves this machine.

    Args:
        serving: The port on which this process serves the app, if it does.
    """
    checks: dict[str, list[tuple[str, str, Callable[[], _Result]]]] = {
        "System": [
            ("ferapp", "ferapp", packages.installation),
            ("python", "Python", machine.python),
            ("system", "System", machine.system),
            ("processor", "Processor", machine.processor),
            ("processor_features", "Processor features", machine.features),
            ("cores", "Processor cores", machine.cores),
            ("memory", "Memory", machine.memory),
            ("confinement", "Confinement of decoders", machine.confinement),
        ],
        "Libraries": [
            ("library", "Libraries", packages.libraries),
            ("opencv", "OpenCV", packages.opencv),
            ("onnxruntime", "ONNX Runtime", packages.onnx_runtime),
            ("ffmpeg", "FFmpeg", packages.ffmpeg),
            ("extras", "Extras", packages.extras),
        ],
        "Models": [("model", "Models", places.models)],
        "Folders": [
            ("database", "Session database", places.database),
            ("cache", "Fetched models", places.cache),
            ("temporary_files", "Temporary files", places.temporary),
        ],
        "App": [
            ("port", "Port", partial(places.port, serving)),
            ("cameras", "Cameras", machine.cameras),
            ("settings", "Settings", places.settings),
        ],
    }
    return Report(
        __version__,
        {
            heading: tuple(check for row in rows for check in _run(*row))
            for heading, rows in checks.items()
        },
    )


def _run(key: str, title: str, look: Callable[[], _Result]) -> Iterator[Check]:
    """One check, or one for each name that it yields."""
    try:
        result = look()
        if isinstance(result, Finding):
            yield _private_check(key, title, result)
            return
        for name, finding in result:
            yield _private_check(f"{key}.{name}", name, finding)
    except Exception as exc:  # an installation can be broken in any way
        yield _private_check(key, title, _failure(exc))


def _private_check(key: str, title: str, finding: Finding) -> Check:
    clean = Finding(private(finding.text), finding.state, private(finding.advice))
    return Check(private(key), private(title), clean)


def _failure(exc: Exception) -> Finding:
    if isinstance(exc, UserError):
        return problem("can't be used", str(exc))
    name = type(exc).__name__
    if isinstance(exc, ImportError):
        advice = "Install the libraries again: `python -m pip install -r requirements.txt`."
        return problem(f"the check failed ({name}: {failure(exc)})", advice)
    return problem(f"the check failed ({name})", "Report this line as a bug of ferapp.")

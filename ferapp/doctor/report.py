"""All checks, each by itself: one that fails says so, and the others go on."""

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
        key: Its name for programs, which stays.
        title: Its name for people.
        finding: What was found.
    """

    key: str
    title: str
    finding: Finding


@dataclass(frozen=True)
class Report:
    """What this installation is.

    Attributes:
        version: Of ferapp.
        sections: Checks by heading.
    """

    version: str
    sections: dict[str, tuple[Check, ...]]

    @property
    def checks(self) -> list[Check]:
        """All of them."""
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
        """As plain values, the checks by their keys."""
        return {
            "ferapp": self.version,
            "problems": self.count("problem"),
            "notes": self.count("note"),
            "checks": {
                check.key: {
                    "state": check.finding.state,
                    "found": check.finding.found,
                    "advice": check.finding.advice,
                }
                for check in self.checks
            },
        }

    def lines(self) -> Iterator[tuple[str, str]]:
        """As text: each line with the state of its check, empty for other lines."""
        yield f"ferapp {self.version}", ""
        for heading, checks in self.sections.items():
            yield "", ""
            yield heading, ""
            for check in checks:
                state, advice = check.finding.state, check.finding.advice
                yield f"{state:<{_WIDTH}}{check.title}: {check.finding.found}", state
                if advice:
                    yield f"{'':<{_WIDTH}}{advice}", state
        yield "", ""
        yield self.summary, ""


def report(*, serving: int | None = None) -> Report:
    """Look at everything; nothing is changed, and nothing leaves this machine.

    Args:
        serving: The port at which this process serves the app, if it does.
    """
    checks: dict[str, list[tuple[str, str, Callable[[], _Result]]]] = {
        "System": [
            ("ferapp", "ferapp", packages.installed),
            ("python", "Python", machine.python),
            ("system", "System", machine.system),
            ("processor", "Processor", machine.processor),
            ("processor_features", "Processor features", machine.features),
            ("cores", "Processor cores", machine.cores),
            ("memory", "Memory", machine.memory),
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
    """One check, or one for each name that it gives."""
    try:
        result = look()
        if isinstance(result, Finding):
            yield _checked(key, title, result)
            return
        for name, finding in result:
            yield _checked(f"{key}.{name}", name, finding)
    except Exception as exc:  # whatever is wrong with an installation
        yield _checked(key, title, _failure(exc))


def _checked(key: str, title: str, finding: Finding) -> Check:
    clean = Finding(private(finding.found), finding.state, private(finding.advice))
    return Check(private(key), private(title), clean)


def _failure(exc: Exception) -> Finding:
    if isinstance(exc, UserError):
        return problem("can't be used", str(exc))
    name = type(exc).__name__
    if isinstance(exc, ImportError):
        advice = "Install the libraries again: `python -m pip install -r requirements.txt`."
        return problem(f"the check failed ({name}: {failure(exc)})", advice)
    return problem(f"the check failed ({name})", "Report this line as a bug of ferapp.")

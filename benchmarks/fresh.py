"""The two commands of the README, run by an ordinary user on minimal new systems.

    python -m benchmarks.fresh [--systems trixie,sid] [--tests PATHS] [--skip-tests]

Needs root and debootstrap, and builds each system from the package sources and pip settings of this
machine. With only the packages that the README names, a user runs `make run` until the page
answers, one `analyze`, one `video`, and `make test`. The exit status is 1 if something failed, and
2 if nothing could be tried.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

from rich.console import Console
from rich.table import Table

from benchmarks.machine import ROOT, about
from ferapp.system.files import write_whole

SYSTEMS: Final = {"bookworm": "Debian 12", "trixie": "Debian 13", "sid": "Debian sid"}
# The packages that the README names, and certificates, which pip needs to reach an index.
NAMED: Final = ("git", "make", "python3", "python3-venv", "ca-certificates")
PLACE: Final = ROOT / "build" / "fresh"
PORT: Final = 8599

_USER: Final = "newcomer"
_HOME: Final = f"/home/{_USER}"
_MOST_S: Final = 1800
_CERTIFICATES: Final = "etc/ssl/certs/ca-certificates.crt"
# The settings of pip that say how to reach an index; others name files of this machine.
_PIP: Final = (
    "index-url",
    "extra-index-url",
    "trusted-host",
    "proxy",
    "timeout",
    "default-timeout",
)


@dataclass(frozen=True)
class Row:
    """The results on one system.

    Attributes:
        system: Its name.
        python: Version of its Python.
        run_s: Seconds from `make run` to the first answer, in a new clone.
        again_s: The same with everything installed.
        megabytes: Size of .venv on the disk.
        test_s: Seconds of `make test`, including what it installs.
        tests: The last line of pytest.
        failure: What failed, with the end of its output; empty if nothing.
    """

    system: str
    python: str = ""
    run_s: float = 0.0
    again_s: float = 0.0
    megabytes: int = 0
    test_s: float = 0.0
    tests: str = ""
    failure: str = ""


class Failed(Exception):
    """A step failed."""


class System:
    """A minimal Debian in a folder.

    Args:
        codename: The codename of the release.
    """

    def __init__(self, codename: str) -> None:
        self.root = PLACE / codename
        self._codename = codename

    def build(self) -> None:
        """Create the system, with a user and a clone of the last commit."""
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True)
        packages = f"--include={','.join(NAMED)}"
        command = ["debootstrap", "--variant=minbase", packages, self._codename, str(self.root)]
        run = subprocess.run([*command, mirror()], capture_output=True, text=True)
        if run.returncode:
            raise Failed(f"debootstrap: {run.stdout[-500:]}{run.stderr[-500:]}")
        with suppress(FileNotFoundError):
            shutil.copy("/etc/resolv.conf", self.root / "etc" / "resolv.conf")
        # The certificates that this machine trusts, such as those of a proxy.
        with suppress(FileNotFoundError):
            shutil.copy(f"/{_CERTIFICATES}", self.root / _CERTIFICATES)
        self.call(["useradd", "--create-home", "--shell", "/bin/sh", _USER], user="root")
        home = self.root / _HOME.lstrip("/")
        subprocess.run(
            ["git", "clone", "--quiet", "--depth", "1", f"file://{ROOT}", str(home / "ferapp")],
            check=True,
        )
        self.call(["chown", "-R", f"{_USER}:{_USER}", _HOME], user="root")

    def command(self, arguments: Sequence[str], *, user: str = _USER) -> list[str]:
        """The command to run something inside, in namespaces that end with it."""
        settings = {
            "HOME": _HOME if user == _USER else "/root",
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "PIP_CERT": f"/{_CERTIFICATES}",
            **pip_settings(),
        }
        inside = (
            'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && '
            'mount -t tmpfs tmpfs "$0/tmp" && '
            'exec chroot --userspec="$1" "$0" /usr/bin/env -i -C "$2" "${@:3}"'
        )
        folder = f"{_HOME}/ferapp" if user == _USER else "/"
        return [
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "bash",
            "-c",
            inside,
            str(self.root),
            f"{user}:{user}",
            folder,
            *(f"{name}={value}" for name, value in settings.items()),
            *arguments,
        ]

    def call(self, arguments: Sequence[str], *, user: str = _USER) -> str:
        """The output of a command inside.

        Raises:
            Failed: Its exit status is not 0, or it takes more than half an hour.
        """
        try:
            run = subprocess.run(
                self.command(arguments, user=user),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=_MOST_S,
            )
        except subprocess.TimeoutExpired as exc:
            raise Failed(f"{' '.join(arguments)}: no end after {_MOST_S} s") from exc
        if run.returncode:
            log = PLACE / f"{self._codename}.log"
            log.write_text(run.stdout, encoding="utf-8")
            raise Failed(f"{' '.join(arguments)} (all of it in {log}): {run.stdout[-3000:]}")
        return run.stdout

    def answers_after(self) -> float:
        """Seconds from make run to the first answer of the app, which is then stopped.

        Raises:
            Failed: It ended early, or did not answer within half an hour.
        """
        log = self.root / "run.log"
        start_s = time.monotonic()
        with log.open("wb") as out:
            process = subprocess.Popen(
                self.command(["make", "run", f"PORT={PORT}"]),
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            while not _is_answering():
                if process.poll() is not None or time.monotonic() - start_s > _MOST_S:
                    raise Failed(f"make run: {log.read_text(errors='replace')[-3000:]}")
                time.sleep(0.1)
            return time.monotonic() - start_s
        finally:
            # To all processes, as Ctrl-C does.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()


def why_not() -> str:
    """Why nothing can be tried here; empty if it can."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "it needs root, to build systems and to run in them"
    missing = [name for name in ("debootstrap", "unshare", "chroot") if not shutil.which(name)]
    return f"it needs {', '.join(missing)} (Debian: apt install debootstrap)" if missing else ""


def mirror() -> str:
    """The mirror from which this machine gets Debian packages."""
    run = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI)", "Created-By: Packages"],
        capture_output=True,
        text=True,
    )
    places = [line.split(" ", 1)[1] for line in run.stdout.splitlines() if line[:7] == "Debian "]
    return next((place for place in places if "security" not in place), "")


def pip_settings() -> dict[str, str]:
    """The index settings of pip on this machine, as environment variables."""
    run = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True
    )
    variables = {}
    for line in run.stdout.splitlines():
        name, _, value = line.partition("=")
        option = name.rsplit(".", 1)[-1]
        if option in _PIP and "file:" not in value:
            variables[f"PIP_{option.upper().replace('-', '_')}"] = value.strip("'")
    return variables


def try_out(codename: str, *, has_tests: bool, tests: str = "") -> Row:
    """Try everything that the README promises on one system."""
    system, name = System(codename), SYSTEMS[codename]
    figures: dict[str, object] = {}
    try:
        system.build()
        figures["python"] = system.call(["python3", "--version"]).split()[-1]
        figures["run_s"] = round(system.answers_after(), 1)
        figures["again_s"] = round(system.answers_after(), 1)
        figures["megabytes"] = int(system.call(["du", "-sm", ".venv"]).split()[0])
        ferapp = [".venv/bin/python", "-m", "ferapp"]
        output = system.call([*ferapp, "analyze", "ferapp/samples/astronaut.jpg", "--json"])
        if '"expression"' not in output:
            raise Failed(f"analyze found no face: {output[-500:]}")
        system.call([*ferapp, "video", "tests/corpus/title-not-utf-8.mp4", "--json"])
        if has_tests:
            start_s = time.monotonic()
            output = system.call(["make", "test", *([f"TESTS={tests}"] if tests else [])])
            figures["test_s"] = round(time.monotonic() - start_s)
            figures["tests"] = output.strip().splitlines()[-1].strip("= ")
    except Failed as exc:
        figures["failure"] = str(exc)
    return Row(name, **figures)  # type: ignore[arg-type]


def _is_answering() -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{PORT}/healthz", timeout=5) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


def _print(rows: Sequence[Row]) -> None:
    table = Table("system", "Python", "run, s", "again, s", "MB", "test, s", "result")
    for row in rows:
        result = "[red]failed[/]" if row.failure else f"[green]green[/] {row.tests}"
        figures = (row.run_s, row.again_s, row.megabytes, row.test_s)
        table.add_row(row.system, row.python, *(f"{n:g}" for n in figures), result)
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table)
    for row in rows:
        if row.failure:
            console.print(f"{row.system}: {row.failure}", markup=False, highlight=False)


def main() -> int:
    """Try the systems one after another and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--systems", default=",".join(SYSTEMS), help="codenames, separated by commas"
    )
    parser.add_argument("--tests", default="", help="which tests to run; all if empty")
    parser.add_argument("--skip-tests", action="store_true", help="skip make test")
    parser.add_argument("--out", type=Path, help="results file to write")
    arguments = parser.parse_args()
    if reason := why_not():
        print(f"fresh: nothing was tried: {reason}.", file=sys.stderr)
        return 2
    names = [name for name in arguments.systems.split(",") if name]
    rows = [
        try_out(name, has_tests=not arguments.skip_tests, tests=arguments.tests) for name in names
    ]
    _print(rows)
    if arguments.out:
        result = {**about(), "rows": [asdict(row) for row in rows]}
        text = json.dumps(result, indent=2, ensure_ascii=False)
        write_whole(arguments.out, f"{text}\n".encode())
    return int(any(row.failure for row in rows))


if __name__ == "__main__":
    sys.exit(main())

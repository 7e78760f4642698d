"""Make the project's environment, or mend it: python3 deploy/install.py [EXTRA ...].

It has to run under any Python 3, to say so when that is too old, and uses nothing but the standard
library. What is there already is left alone, so that running it again takes a tenth of a second.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
# What the app takes is about 1 GB; each of the extras train and batch adds as much.
ROOM_BYTES = 1_500_000_000
# Less than this left after a failure, and it was the disk.
FULL_BYTES = 100_000_000

TOO_OLD = """\
ferapp needs Python 3.11 or newer; this is Python {version} ({executable}).
Install a newer one and name it, for example: make {goal} PYTHON=python3.13
  Debian, Ubuntu: sudo apt install python3.13 python3.13-venv   (or any from 3.11 that yours has)
  Fedora:         sudo dnf install python3.13
  macOS:          brew install python@3.13"""
NO_VENV = """\
Python {version} lacks the module {module}, which makes environments. To install it:
  Debian, Ubuntu: sudo apt install python3-venv   (of another Python: python{short}-venv)
  Fedora:         sudo dnf install python3-pip
  macOS:          brew install python"""
NO_ROOM = "There is too little free disk space here: {free:.1f} GB; ferapp needs {needed:.1f} GB."
NOT_WRITABLE = "The folder {folder} can't be written: {reason}. Move ferapp to one of yours."
NO_EXTRA = "There is no extra called {unknown}. There are: {known}."
IN_THE_WAY = "{folder} is no environment of ferapp. Move it away, or delete it, and try again."
FAILED = """\
The packages could not be installed; pip's message is above. Run the same command again to go on.
If it names a connection, check the network or the package index (pip config list)."""


class Stop(Exception):
    """A reason to end, in a sentence."""


def main() -> int:
    """Install what is missing; 0 if everything is there, 1 with a sentence if not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "extras",
        nargs="*",
        help="what else to install: test, login, postgresql, models, ...",
    )
    parser.add_argument("--venv", default=".venv", help="folder of the environment")
    parser.add_argument(
        "--this-python", action="store_true", help="replace an environment of another Python"
    )
    parser.add_argument("--goal", default="run", help="make target to name in messages")
    arguments = parser.parse_args()
    try:
        install(ROOT / arguments.venv, arguments.extras, arguments.this_python, arguments.goal)
    except Stop as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


def install(venv, extras, is_this_python, goal):
    """Bring an environment to what is asked for.

    Args:
        venv: Its folder.
        extras: Of pyproject.toml, beside the pinned requirements.
        is_this_python: Whether one of another Python has to go.
        goal: What the user asked make for.

    Raises:
        Stop: It can't be done.
    """
    python = venv / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    known = _known_extras()
    unknown = sorted(set(extras) - set(known))
    if unknown:
        raise Stop(NO_EXTRA.format(unknown=", ".join(unknown), known=", ".join(known)))
    requirements = _digest()
    version = _version_of(python)
    is_other = is_this_python and version != list(sys.version_info[:2])
    if version is None or tuple(version) < OLDEST or is_other:
        _check_python(goal)
        _check_room(ROOT)
        _make(venv)
        version = _version_of(python)
        if version is None:
            raise Stop(f"The environment in {venv.name} does not start. Delete it and try again.")
    done = _state(venv)
    if done.get("requirements") != requirements:
        done = {"requirements": requirements, "extras": []}
        _check_room(ROOT)
        print(
            f"Installing into {venv.name}: a minute or two the first time, about 1 GB ...",
            flush=True,
        )
        _pip(python, "-r", "requirements.txt")
        _pip(python, "--no-deps", "-e", ".")
        _make_relative(venv)
        _keep(venv, done)
    missing = sorted(set(extras) - set(done["extras"]))
    if missing:
        _say(f"Installing what {', '.join(missing)} needs ...")
        _pip(python, "-e", f".[{','.join(missing)}]")
        _make_relative(venv)
        _keep(venv, {**done, "extras": sorted({*missing, *done["extras"]})})


def _version_of(python):
    """Major and minor of an environment's Python; None if it does not run or has no pip."""
    try:
        run = subprocess.run(
            [str(python), "-c", "import pip, sys, json; print(json.dumps(sys.version_info[:2]))"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        return json.loads(run.stdout.decode())
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None


def _check_python(goal):
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST:
        raise Stop(TOO_OLD.format(version=version, executable=sys.executable, goal=goal))
    for module in ("venv", "ensurepip"):
        try:
            __import__(module)
        except ImportError:
            short = ".".join(map(str, sys.version_info[:2]))
            raise Stop(NO_VENV.format(version=version, module=module, short=short)) from None


def _check_room(folder, needed=ROOM_BYTES):
    free = shutil.disk_usage(str(folder)).free
    if free < needed:
        raise Stop(NO_ROOM.format(free=free / 1e9, needed=ROOM_BYTES / 1e9))


def _make(venv):
    """A new environment, in place of a broken one; never in place of anything else."""
    import venv as library

    marks = ("pyvenv.cfg", "ferapp.json", "bin/python", "Scripts/python.exe")
    is_ours = not venv.is_symlink() and any(os.path.lexists(str(venv / mark)) for mark in marks)
    is_project = venv.resolve() == ROOT or venv.resolve() in ROOT.parents
    is_there = os.path.lexists(str(venv))
    if is_project or (is_there and not is_ours and not _is_empty_folder(venv)):
        raise Stop(IN_THE_WAY.format(folder=venv))
    try:
        library.create(str(venv), clear=True, with_pip=True)
    except OSError as error:
        raise Stop(
            NOT_WRITABLE.format(folder=venv.parent, reason=error.strerror or error)
        ) from None
    except subprocess.CalledProcessError as error:
        shutil.rmtree(str(venv), ignore_errors=True)
        output = (error.output or b"").decode(errors="replace").strip()
        raise Stop(f"{output}\nThe environment could not be made; the reason is above.") from None


def _is_empty_folder(path):
    return path.is_dir() and not path.is_symlink() and not any(path.iterdir())


def _say(text):
    # At once: pip writes to the same place.
    print(text, flush=True)


def _pip(python, *arguments):
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.run(command + list(arguments), cwd=str(ROOT), check=False).returncode:
        _check_room(ROOT, FULL_BYTES)
        raise Stop(FAILED)


def _make_relative(venv):
    """Have the environment find the project by a relative path.

    pip writes an absolute one. Python 3.11 reads it in the encoding of the locale, so that with an
    umlaut in it the environment would not even start under LC_ALL=C; and the folder may be moved.
    """
    for file in venv.glob("[Ll]ib/**/_editable_impl_ferapp.pth"):
        file.write_text(os.path.relpath(str(ROOT), str(file.parent)), encoding="ascii")


def _state_file(venv):
    return venv / "ferapp.json"


def _state(venv):
    """What was installed, as far as it came to its end."""
    try:
        state = json.loads(_state_file(venv).read_text(encoding="utf-8"))
        return {"requirements": state["requirements"], "extras": list(state["extras"])}
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def _keep(venv, state):
    _state_file(venv).write_text(json.dumps(state), encoding="utf-8")


def _known_extras():
    """Names of the extras, read without tomllib, which Python has from 3.11 on."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = text.split("[project.optional-dependencies]", 1)[1].split("\n[", 1)[0]
    return re.findall(r"^([a-z0-9-]+) = \[", section, re.MULTILINE)


def _digest():
    """Of the files that say what has to be there."""
    text = b"".join((ROOT / name).read_bytes() for name in ("requirements.txt", "pyproject.toml"))
    return hashlib.sha256(text).hexdigest()


if __name__ == "__main__":
    sys.exit(main())

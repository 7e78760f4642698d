"""Libraries that several packages install into the same folder, and which of them is installed.

OpenCV and ONNX Runtime come in variants that share an import name: the one installed last replaces
the files of the others, pip reports nothing, and removing one leaves an empty folder for all.
"""

import csv
import importlib
import logging
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Final, NoReturn

from ferapp.errors import LibraryError

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Library:
    """A library that comes in variants.

    Attributes:
        title: Its name in a sentence.
        module: Its import name, which is also the folder that the variants share.
        package: The variant that ferapp requires.
    """

    title: str
    module: str
    package: str


OPENCV: Final = Library("OpenCV", "cv2", "opencv-python-headless")
ONNX_RUNTIME: Final = Library("ONNX Runtime", "onnxruntime", "onnxruntime")


@dataclass(frozen=True)
class Trouble:
    """Why a library is not the one that ferapp requires.

    Attributes:
        what: What is wrong, without a full stop.
        repair: What to do, from its verb on, with commands in backticks.
        is_usable: Whether another variant can be imported instead.
    """

    what: str
    repair: str
    is_usable: bool

    @property
    def sentence(self) -> str:
        """Problem and repair in one sentence."""
        return f"{self.what}; {self.repair}"


@dataclass(frozen=True)
class Loaded:
    """The result of importing a library.

    Attributes:
        module: The module, or a stand-in that raises `LibraryError` when used.
        trouble: What is wrong, if anything is.
    """

    module: Any
    trouble: Trouble | None = None

    def require(self) -> None:
        """Check that the library can be used.

        Raises:
            LibraryError: It can't be used.
        """
        if self.trouble and not self.trouble.is_usable:
            raise LibraryError(self.trouble.sentence)


class _StandIn:
    """Raises where the library would be used, so that code that does not need it still works."""

    def __init__(self, sentence: str) -> None:
        self._sentence = sentence

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):  # looked up by Python itself
            raise AttributeError(name)
        raise LibraryError(self._sentence)


def load(library: Library) -> Loaded:
    """Import a library, and log if a variant has replaced the required one.

    Only for the home module of the library.
    """
    try:
        module = importlib.import_module(library.module)
        reason = "" if getattr(module, "__file__", None) else "its folder is empty"
    except Exception as exc:  # a damaged library may raise anything
        module, reason = None, failure(exc)
    # Changed files that no other package claims may come from slimming a container image.
    if not reason and not changed_files(library.package, library.module):
        return Loaded(module)
    others = sharers(library)
    if reason:
        what = f"{library.title} can't be loaded ({reason})"
        trouble = Trouble(what, repair(library.package, others), is_usable=False)
        return Loaded(_StandIn(trouble.sentence), trouble)
    if not others:
        return Loaded(module)
    what = f"{' and '.join(others)} replaced {library.package} {version(library.package)}"
    trouble = Trouble(what, repair(library.package, others), is_usable=True)
    _warn(trouble.sentence)
    return Loaded(module, trouble)


def _warn(sentence: str) -> None:
    """Log a warning, but not again in each worker process."""
    from multiprocessing import parent_process

    if parent_process() is None:
        _logger.warning("%s", sentence)


def sharers(library: Library) -> list[str]:
    """The other packages, with versions, that install into the same folder."""
    return claimers(f"{library.module}/__init__.py", but=library.package)


def repair(package: str, others: Iterable[str] = ()) -> str:
    """How to restore the files of a package.

    Args:
        package: Its name.
        others: Packages, with versions, to uninstall first.

    Returns:
        The end of a sentence, from its verb on, with commands in backticks.
    """
    install = f"`python -m pip install --force-reinstall --no-deps {_release(package)}`"
    names = " ".join(other.split()[0] for other in others)
    if not names:
        return f"repair it with {install}."
    return f"repair it with `python -m pip uninstall {names}`, then {install}."


def _release(package: str) -> str:
    """What to install: the release that is listed as installed, if ferapp can use it."""
    from packaging.requirements import Requirement  # only needed for repairs

    known, asked = version(package), requirement(package)
    if known and Requirement(asked).specifier.contains(known):
        return f"{package}=={known}"
    return f'"{asked}"'


def version(package: str) -> str:
    """The version of an installed package; empty if it is not installed."""
    installed = _distribution(package)
    return installed.version if installed else ""


def requirement(package: str) -> str:
    """The requirement of ferapp for a package, as pip takes it."""
    ferapp = _distribution("ferapp")
    texts = (ferapp.requires if ferapp else None) or []
    matches = (text for text in texts if re.match(rf"{re.escape(package)}(?![\w.-])", text))
    return next(matches, package).split(";")[0].strip()


def changed_files(package: str, folder: str = "") -> list[str]:
    """Files of an installed package that are missing or have another size than recorded.

    Args:
        package: Its name.
        folder: Only files in this folder, such as ``cv2``.

    Returns:
        Their paths relative to site-packages; none if the package is not installed or has no
        record.
    """
    installed = _distribution(package)
    if installed is None:
        return []
    base, start = str(installed.locate_file("")), f"{folder}/" if folder else ""
    changed = []
    # Not `installed.files`: from Python 3.12 on it leaves out what is missing.
    for row in csv.reader((installed.read_text("RECORD") or "").splitlines()):
        # Scripts are elsewhere, and are made again when an environment is moved.
        if len(row) == 3 and row[2] and row[0].startswith(start) and not row[0].startswith(".."):
            if _size(os.path.join(base, row[0])) != int(row[2]):
                changed.append(row[0])
    return changed


def claimers(file: str, *, but: str) -> list[str]:
    """The installed packages, with versions, that list a file as theirs.

    Args:
        file: Its path relative to site-packages.
        but: A package to leave out.
    """
    own = _distribution(but)
    packages = set()
    for each in metadata.distributions():
        # `files` would take a fifth of a second in all.
        is_listed = f"\n{file}," in f"\n{each.read_text('RECORD') or ''}"
        # A package elsewhere on the path has a folder of its own.
        if is_listed and (own is None or each.locate_file("") == own.locate_file("")):
            packages.add((each.metadata["Name"], each.version))
    return [f"{name} {number}" for name, number in sorted(packages) if _plain(name) != _plain(but)]


def _distribution(package: str) -> metadata.Distribution | None:
    try:
        return metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return None


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return -1


# The folders in a message of the linker.
_FOLDERS: Final = re.compile(r"(?:[A-Za-z]:)?[/\\][^:'\"]*[/\\]")


def failure(exc: Exception) -> str:
    """Why an import failed: the message of the linker without folders, or the class."""
    lines = str(exc).strip().splitlines()
    if not isinstance(exc, ImportError) or not lines:
        return type(exc).__name__
    return _FOLDERS.sub("", lines[0])[:200].rstrip(".")

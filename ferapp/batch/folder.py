"""Which pictures and videos a folder holds, in an order that does not depend on the machine."""

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from ferapp.batch.items import Kind
from ferapp.media.video import ENDINGS as VIDEO_ENDINGS

PICTURE_ENDINGS: Final = (".jpg", ".jpeg", ".png")
"""What names of pictures end in; what a file is tells its content alone."""

_OUTSIDE: Final = "This is a link that leads out of the folder; it is not followed."
_LOOP: Final = "This is a link that leads back to itself or to a folder that it lies in."
_TWICE: Final = "This is another link to a folder that was already reached through one."
_NOWHERE: Final = "This is a link that leads nowhere."
_NO_FILE: Final = "This is no file but a pipe, a socket or a device."


@dataclass(frozen=True, slots=True)
class Found:
    """One file, or something in the place of one.

    Attributes:
        name: Its path from the folder on, with slashes.
        kind: What it is to be analysed as, by its ending; None where it can't be.
        reason: Why it can't be, in a sentence.
    """

    name: str
    kind: Kind | None
    reason: str = ""


def found(folder: Path, *, without: Path) -> list[Found]:
    """Every picture and video in a folder and the folders in it, sorted by name.

    Hidden files and folders are passed over. Links are followed as long as they stay inside. What
    has the name of a picture or video and can't be read is found with a reason, and so is a
    folder that can't be looked into.

    Args:
        folder: Where to look.
        without: A folder that is left out where it lies inside.
    """
    return _Walk(folder, without).run()


def kind_of(name: str) -> Kind | None:
    """What a name says that the file is."""
    ending = PurePosixPath(name).suffix.lower()
    if ending in PICTURE_ENDINGS:
        return "picture"
    return "video" if ending in VIDEO_ENDINGS else None


class _Walk:
    """One look through a folder; deep trees take no deep calls."""

    def __init__(self, folder: Path, without: Path) -> None:
        self._root = os.path.realpath(folder)
        # By its number on the disk: the real path of each folder would take long in deep trees.
        self._without = os.stat(without) if without.exists() else None
        self._reached: set[str] = set()

    def run(self) -> list[Found]:
        files: list[Found] = []
        waiting: list[Found | str] = [""]
        while waiting:
            each = waiting.pop()
            if isinstance(each, str):
                waiting += reversed(self._inside(each))
            else:
                files.append(each)
        return files

    def _inside(self, name: str) -> list[Found | str]:
        """What is in one folder: files, and folders by their names, which end in a slash."""
        try:
            with os.scandir(os.path.join(self._root, name)) as entries:
                # With the slash, the order is that of whole paths.
                listed = sorted((e.name + "/" * _is_folder(e), e) for e in entries)
        except OSError as exc:
            reason = f"The folder can't be looked into: {exc.strerror or exc}."
            return [Found(name.rstrip("/") or ".", None, reason)]
        seen = [self._seen(name + n, entry) for n, entry in listed if not n.startswith(".")]
        return [each for each in seen if each is not None]

    def _seen(self, name: str, entry: "os.DirEntry[str]") -> Found | str | None:
        is_folder = name.endswith("/")
        kind = None if is_folder else kind_of(name)
        if not (is_folder or kind):
            return None
        try:
            if is_folder and self._is_left_out(entry.path):
                return None
            reason = self._why_not_followed(entry) if entry.is_symlink() else ""
            if not (reason or is_folder or stat.S_ISREG(entry.stat().st_mode)):
                reason = _NO_FILE
        except OSError as exc:
            reason = f"The file can't be looked at: {exc.strerror or exc}."
        if reason:
            return Found(name.rstrip("/"), None, reason)
        return name if is_folder else Found(name, kind)

    def _is_left_out(self, folder: str) -> bool:
        return self._without is not None and os.path.samestat(os.stat(folder), self._without)

    def _why_not_followed(self, link: "os.DirEntry[str]") -> str:
        try:
            target = os.path.realpath(link.path, strict=True)
        except OSError as exc:
            return _LOOP if exc.errno == errno.ELOOP else _NOWHERE
        if not Path(target).is_relative_to(self._root):
            return _OUTSIDE
        if not os.path.isdir(target):
            return ""
        if Path(os.path.realpath(os.path.dirname(link.path))).is_relative_to(target):
            return _LOOP
        # Folders that link to one another in both directions would be walked for ever.
        if target in self._reached:
            return _TWICE
        self._reached.add(target)
        return ""


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle
        return False

"""Which pictures and videos a folder holds, in an order that does not depend on the machine."""

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from ferapp.batch.items import Kind
from ferapp.media.formats import ENDINGS as PICTURE_ENDINGS
from ferapp.media.video import ENDINGS as VIDEO_ENDINGS

_OUTSIDE: Final = "This link leads out of the folder; it is not followed."
_LOOP: Final = "This link leads back to itself or to a folder that contains it."
_TWICE: Final = "This is another link to a folder that an earlier link leads to."
_NOWHERE: Final = "This link is broken: its target does not exist."
_NO_FILE: Final = "This is not a regular file but a pipe, a socket or a device."


@dataclass(frozen=True, slots=True)
class MediaFile:
    """One file of a batch, or what stands in the place of one.

    Attributes:
        name: Its path relative to the folder, with slashes.
        kind: What to analyse it as, by its ending; None if it can't be analysed.
        reason: Why it can't be analysed, in a sentence.
    """

    name: str
    kind: Kind | None
    reason: str = ""


def list_media(folder: Path, *, without: Path) -> list[MediaFile]:
    """List every picture and video in a folder and its subfolders, sorted by name.

    Hidden files and folders are skipped. Links are followed as long as they stay inside. A file
    that has the name of a picture or video but can't be read is listed with the reason, and so is
    a folder that can't be listed.

    Args:
        folder: Where to look.
        without: A folder that is skipped if it lies inside.
    """
    return _Walk(folder, without).run()


def kind_of(name: str) -> Kind | None:
    """What a file is, going by the ending of its name."""
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

    def run(self) -> list[MediaFile]:
        files: list[MediaFile] = []
        waiting: list[MediaFile | str] = [""]
        while waiting:
            each = waiting.pop()
            if isinstance(each, str):
                waiting += reversed(self._inside(each))
            else:
                files.append(each)
        return files

    def _inside(self, name: str) -> list[MediaFile | str]:
        """What is in one folder: files, and folders by their names, which end in a slash."""
        try:
            with os.scandir(os.path.join(self._root, name)) as entries:
                # With the slash, the order is that of whole paths.
                listed = sorted((f"{e.name}/" if _is_folder(e) else e.name, e) for e in entries)
        except OSError as exc:
            reason = f"The folder can't be listed: {exc.strerror or exc}."
            return [MediaFile(name.rstrip("/") or ".", None, reason)]
        media = [self._entry(name + n, entry) for n, entry in listed if not n.startswith(".")]
        return [each for each in media if each is not None]

    def _entry(self, name: str, entry: "os.DirEntry[str]") -> MediaFile | str | None:
        is_folder = name.endswith("/")
        kind = None if is_folder else kind_of(name)
        if not (is_folder or kind):
            return None
        try:
            if is_folder and self._is_left_out(entry.path):
                return None
            reason = self._link_problem(entry) if entry.is_symlink() else ""
            if not (reason or is_folder or stat.S_ISREG(entry.stat().st_mode)):
                reason = _NO_FILE
        except OSError as exc:
            reason = f"The file can't be examined: {exc.strerror or exc}."
        if reason:
            return MediaFile(name.rstrip("/"), None, reason)
        return name if is_folder else MediaFile(name, kind)

    def _is_left_out(self, folder: str) -> bool:
        return self._without is not None and os.path.samestat(os.stat(folder), self._without)

    def _link_problem(self, link: "os.DirEntry[str]") -> str:
        """Why a link is not followed; empty if it is."""
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
        # Folders that link to each other would be walked forever.
        if target in self._reached:
            return _TWICE
        self._reached.add(target)
        return ""


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle
        return False

"""Which files of a folder are analysed and which are passed over, in the same order everywhere."""

import errno
import os
import stat
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from ferapp.batch.annex import MISSING, Annex, is_annexed
from ferapp.batch.items import Kind
from ferapp.errors import VideoError
from ferapp.media.containers import HEAD_BYTES, container_of
from ferapp.media.pictures.formats import ENDINGS as PICTURE_ENDINGS
from ferapp.media.video import ENDINGS as VIDEO_ENDINGS
from ferapp.system.text import one_line
from ferapp.wording import counted

_OUTSIDE: Final = (
    "This link leads out of the folder; it is not followed. To follow such links, add "
    "--follow-links, or read the folder that contains both."
)
_LOOP: Final = "This link leads back to itself or to a folder that contains it."
_TWICE: Final = "This is another link to a folder that is read already."
_NOWHERE: Final = "This link is broken: its target does not exist."
_NO_FILE: Final = "This is not a regular file but a pipe, a socket or a device."
_HIDDEN: Final = "Its name begins with a dot; hidden files and folders are not read."
_MOST_KINDS: Final = 5
_PICTURES: Final = (b"\xff\xd8\xff", b"\x89PNG\r\n")


@dataclass(frozen=True, slots=True)
class MediaFile:
    """One file of a batch, or what stands in the place of one.

    Attributes:
        name: Its path relative to the folder, with slashes.
        kind: What to analyse it as, by its ending; None if it can't be analysed.
        reason: Why it can't be analysed, in a sentence.
        is_other: Whether it is passed over, being hidden or neither picture nor video.
    """

    name: str
    kind: Kind | None
    reason: str = ""
    is_other: bool = False


def list_files(folder: Path, *, without: Path, follows_links: bool = False) -> list[MediaFile]:
    """List every file in a folder and its subfolders, sorted by name.

    Links are followed as long as they stay inside, or lead to content that git-annex keeps in the
    repository of the folder (DataLad). What is not analysed is listed with the reason:
    a file that has the name of a picture or video but can't be read, a folder that can't be listed
    and, as `is_other`, files of other kinds and hidden ones. A hidden folder is one entry.

    Args:
        folder: Where to look.
        without: A folder that is left out if it lies inside.
        follows_links: Whether links that lead elsewhere are followed too. Only for somebody who may
            read all of it: never for folders that others have sent.
    """
    return _Walk(folder, without, follows_links=follows_links).run()


def kind_of(name: str) -> Kind | None:
    """What a file is, going by the ending of its name."""
    ending = PurePosixPath(name).suffix.lower()
    if ending in PICTURE_ENDINGS:
        return "picture"
    return "video" if ending in VIDEO_ENDINGS else None


def describe_kinds(files: Sequence[MediaFile]) -> str:
    """How many files have which ending, such as ``3 .heic, 1 hidden and 2 others``."""
    counts = Counter(_kind_name(file.name) for file in files)
    most, rest = counts.most_common(_MOST_KINDS), counts.most_common()[_MOST_KINDS:]
    texts = [f"{count:,} {name}" for name, count in most]
    if others := sum(count for _, count in rest):
        return f"{', '.join(texts)} and {counted(others, 'other')}"
    return ", ".join(texts)


def _kind_name(name: str) -> str:
    path = PurePosixPath(name)
    if path.name.startswith("."):
        return "hidden"
    return one_line(path.suffix.lower()) or "without an ending"


class _Walk:
    """One look through a folder; deep trees take no deep calls."""

    def __init__(self, folder: Path, without: Path, *, follows_links: bool) -> None:
        self._root = os.path.realpath(folder)
        self._follows_links = follows_links
        self._annex = Annex(Path(self._root))
        # By its number on the disk: the real path of each folder would take long in deep trees.
        self._without = os.stat(without) if without.exists() else None
        self._reached = {self._root}

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
        found = [self._entry(name + n, entry) for n, entry in listed]
        return [each for each in found if each is not None]

    def _entry(self, name: str, entry: "os.DirEntry[str]") -> MediaFile | str | None:
        is_folder = name.endswith("/")
        kind = None if is_folder else kind_of(name)
        is_other = not (is_folder or kind) or entry.name.startswith(".")
        try:
            if is_folder and self._is_left_out(entry.path):
                return None
            reason = self._problem(entry, is_folder=is_folder)
            if is_other and not reason:
                reason = _other_reason(entry)
        except OSError as exc:
            reason = f"The file can't be examined: {exc.strerror or exc}."
        if reason:
            return MediaFile(name.rstrip("/"), None, reason, is_other)
        return name if is_folder else MediaFile(name, kind)

    def _problem(self, entry: "os.DirEntry[str]", *, is_folder: bool) -> str:
        """Why an entry can't be read, whatever it is; empty if it can."""
        if entry.name.startswith("."):
            return _HIDDEN
        if entry.is_symlink() and (reason := self._link_problem(entry)):
            return reason
        return "" if is_folder or stat.S_ISREG(entry.stat().st_mode) else _NO_FILE

    def _is_left_out(self, folder: str) -> bool:
        return self._without is not None and os.path.samestat(os.stat(folder), self._without)

    def _link_problem(self, link: "os.DirEntry[str]") -> str:
        """Why a link is not followed; empty if it is."""
        try:
            target = os.path.realpath(link.path, strict=True)
        except OSError as exc:
            if exc.errno == errno.ELOOP:
                return _LOOP
            return MISSING if is_annexed(os.readlink(link.path)) else _NOWHERE
        is_inside = Path(target).is_relative_to(self._root)
        if not (is_inside or self._follows_links or self._annex.holds(Path(target))):
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


def _other_reason(entry: "os.DirEntry[str]") -> str:
    """Why a regular file whose name is not that of a picture or video is passed over."""
    with open(entry.path, "rb") as file:
        head = file.read(HEAD_BYTES)
    ending = PurePosixPath(entry.name).suffix
    if head.startswith(_PICTURES):
        what = "picture"
    else:
        try:
            container_of(head)
            what = "video"
        except VideoError:
            if not ending:
                return "Its name has no ending, such as .jpg or .mp4."
            return f"The ending {one_line(ending)} is not one of a picture or video."
    return f"It looks like a {what}, but its name does not end like that of one; rename it."

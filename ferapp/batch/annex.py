"""Files that git keeps elsewhere: git-annex, with which DataLad works, and Git LFS."""

import itertools
import os
from pathlib import Path, PurePath
from typing import Final

MISSING: Final = (
    "The content of this file is not here. Fetch it, for example with `datalad get` or "
    "`git annex get`."
)
"""Why a link of git-annex, or a file in its place, can't be read."""

_MISSING_LFS: Final = "The content of this file is not here. Fetch it with `git lfs pull`."
# What stands in the place of a file whose content is elsewhere; one line or a few.
_ANNEX_POINTER: Final = (b"/annex/objects/", b"\\annex\\objects\\")
_LFS_POINTER: Final = b"version https://git-lfs.github.com/spec/"
_MOST_POINTER: Final = 32 * 1024


class Annex:
    """Where git-annex keeps the content of the files in a folder.

    Args:
        folder: Its real path; it may lie anywhere in a repository.
    """

    def __init__(self, folder: Path) -> None:
        found = (_git_folder(each / ".git") for each in (folder, *folder.parents))
        self._git_folders = [each for each in found if each is not None]

    def holds(self, target: Path) -> bool:
        """Whether a real path is content that git-annex keeps for the folder.

        Repositories inside others keep theirs in `.git/modules` of the outer one.
        """
        return any(
            target.is_relative_to(each) and is_annexed(str(target.relative_to(each)))
            for each in self._git_folders
        )


def is_annexed(path: str) -> bool:
    """Whether a path, such as the target of a link, leads into `annex/objects`."""
    parts = PurePath(path).parts
    return any(pair == ("annex", "objects") for pair in itertools.pairwise(parts))


def pointer_text(path: Path) -> str:
    """Why a file has no content, if it only stands for one that is elsewhere; else empty."""
    try:
        if path.stat().st_size > _MOST_POINTER:
            return ""
        head = path.read_bytes()
    except OSError:
        return ""
    if head.startswith(_ANNEX_POINTER):
        return MISSING
    return _MISSING_LFS if head.startswith(_LFS_POINTER) else ""


def _git_folder(place: Path) -> Path | None:
    """The real path of a repository's own folder; None if there is none at that place."""
    try:
        if place.is_dir():
            return Path(os.path.realpath(place))
        if not place.is_file() or place.stat().st_size > _MOST_POINTER:
            return None
        # A submodule or another working tree names it in a file.
        key, _, named = place.read_text("utf-8").strip().partition(": ")
        own = Path(os.path.realpath(place.parent / named))
        if key != "gitdir" or not own.is_dir():
            return None
        shared = own / "commondir"
        return Path(os.path.realpath(own / shared.read_text().strip())) if shared.is_file() else own
    except (OSError, ValueError):
        return None

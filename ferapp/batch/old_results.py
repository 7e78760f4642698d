"""Results of a batch that its tables no longer list: set aside, and brought back when needed."""

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from ferapp.batch.annex import Annex
from ferapp.errors import StoreError
from ferapp.system.files import move_file, open_folder, write_whole
from ferapp.system.text import one_line

TABLES: Final = ("files", "faces", "tracks", "readings", "spells", "skipped", "errors")
"""Names of the tables, without their ending."""

_OLD: Final = "old-"
_NAMELESS: Final = "unknown"
# Record last: a result with a record is complete, wherever it is.
_ENDINGS: Final = (".parquet", ".json")


class OldResults:
    """Folders inside that of the results, one for each set of settings.

    Their names are `old-` and the first letters of the hash of the settings. Results of other
    settings are there, and those of files that are gone, under their keys.

    Args:
        folder: That of the results; it exists, and no folder below the one around it is a link.

    Attributes:
        keys: Of the results that were set aside and have not come back.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found: dict[str, Path] | None = None
        self.keys: set[str] = set()

    def put_aside(self, made_by: str, *, without: Collection[str] = ()) -> None:
        """Set all results aside that have another key than some.

        Args:
            made_by: Hash of the settings that made them; empty if it is unknown.
            without: Keys of the results that stay.

        Raises:
            StoreError: They can't be moved; a later call does the rest.
        """
        with _translate(self._folder):
            names = [name for name in os.listdir(self._folder) if name.endswith(_ENDINGS)]
        keys = {name.partition(".")[0] for name in names} - {"", *without}
        if keys:
            # The other way round than they come: what has lost its readings has no record either.
            moved = [f"{key}{ending}" for key in sorted(keys) for ending in reversed(_ENDINGS)]
            self._move(self._folder, self._place(made_by), moved)
            self.keys |= keys
            self._found = None

    def put_tables_aside(self, made_by: str, out: Path) -> None:
        """Set the tables in a folder aside, in place of earlier ones of the same settings.

        Raises:
            StoreError: They can't be moved; a later call does the rest.
        """
        names = [f"{name}.csv" for name in TABLES]
        if any((out / name).is_file() for name in names):
            self._move(out, self._place(made_by), names)

    def bring_back(self, key: str) -> None:
        """Move a result back, if it was set aside.

        Raises:
            StoreError: It can't be moved.
        """
        if self._found is None:
            with _translate(self._folder):
                folders = [each for each in self._folder.glob(f"{_OLD}*") if not each.is_symlink()]
                records = sorted(path for each in folders for path in each.glob(f"*{_ENDINGS[-1]}"))
            self._found = {path.stem: path.parent for path in records}
        if place := self._found.pop(key, None):
            self._move(place, self._folder, [f"{key}{ending}" for ending in _ENDINGS])
            self.keys.discard(key)

    def _place(self, made_by: str) -> Path:
        return self._folder / f"{_OLD}{made_by[:8] or _NAMELESS}"

    def _move(self, source: Path, target: Path, names: Collection[str]) -> None:
        """Move files of these names, as far as there are any, in this order.

        Of a link into git-annex the content is moved, since it is relative; others stay links,
        whose content may be anybody's.

        Raises:
            StoreError: One can't be moved; those before it have been.
        """
        out = self._folder.parent
        with _translate(source):
            target.mkdir(exist_ok=True)
            annex = Annex(Path(os.path.realpath(self._folder)))
            with (
                open_folder(source, inside=out) as source_folder,
                open_folder(target, inside=out) as target_folder,
            ):
                for name in names:
                    path = source / name
                    if path.is_symlink() and annex.holds(Path(os.path.realpath(path))):
                        write_whole(target / name, path.read_bytes(), inside=out)
                        os.unlink(path)
                        continue
                    with suppress(FileNotFoundError):
                        move_file(
                            path if source_folder is None else Path(name),
                            target / name if target_folder is None else Path(name),
                            source_folder=source_folder,
                            target_folder=target_folder,
                        )


@contextmanager
def _translate(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise StoreError(
            f"Earlier results in {one_line(str(folder))} can't be set aside: {exc.strerror or exc}."
        ) from exc

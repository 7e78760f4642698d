"""Workers without models, for engines in this process and in others."""

import json
import os
import signal
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ferapp.batch.items import FileResult, Item, stamp_of
from ferapp.errors import ModelError
from ferapp.types import PictureRecord

if TYPE_CHECKING:  # processes that import little start quickly
    from ferapp.batch.run import Worker

RECORD = PictureRecord(
    width=4,
    height=3,
    faces=(),
    renormalised_without=(),
    unsure_below=0.5,
    has_more_faces=False,
    detector="scripted",
    classifier="scripted",
)


@dataclass(frozen=True)
class ScriptedWorker:
    """Does what the file names say, and notes which files it was given.

    Args:
        notes: A folder for the notes, which survive a crash.
        is_loadable: Whether it has its models.
    """

    notes: Path
    is_loadable: bool = True

    def load(self) -> None:
        if not self.is_loadable:
            raise ModelError("The weights are missing.")

    def analyse(self, item: Item) -> FileResult:
        name = item.path.name
        with (self.notes / "given").open("a") as file:
            file.write(f"{name}\n")
        if name.startswith("dies") and (name != "dies-once.jpg" or self.is_first(name)):
            os.kill(os.getpid(), signal.SIGKILL)
        if name.startswith("bad"):
            return FileResult(item.key, error="It is bad.")
        return FileResult(item.key, json.dumps(RECORD.to_json()).encode())

    def is_first(self, name: str) -> bool:
        return self.given_names.count(name) == 1

    @property
    def given_names(self) -> list[str]:
        path = self.notes / "given"
        return path.read_text().split() if path.exists() else []


def inline_engine(worker: "Worker", items: Iterable[Item]) -> Generator[FileResult, None, None]:
    """An engine in this process."""
    worker.load()
    for item in items:
        yield worker.analyse(item)


def items(folder: Path, *names: str) -> list[Item]:
    """Write files that are never decoded; their names are their keys."""
    items_of_files = []
    for name in names:
        path = folder / name
        path.write_text(name)
        items_of_files.append(Item(path, "picture", name, stamp_of(path)))
    return items_of_files


def contents(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}

"""What a batch asks of each file, and what comes of it."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

from ferapp._version import __version__
from ferapp.inference.manifest import Model, manifest
from ferapp.settings import AnalysisSettings, ClipSettings

Kind = Literal["picture", "video"]

Stamp = tuple[int, int]
"""Size in bytes and time of the last change in ns: another one is another file."""

# Counted up when the same file gives another result, or the same in another form.
_FORMAT: Final = 1
# What of a manifest entry changes a result; where it is from and how well it did does not.
_MODEL: Final = {"name", "family", "sha256", "graph", "input", "labels"} | {
    "flip_averaging",
    "calibration",
}


@dataclass(frozen=True)
class Request:
    """How every file of a batch is analysed.

    Attributes:
        detector: Name of the face detector.
        classifier: Name of the expression classifier.
        settings: For videos; those for a frame of theirs are those for a picture.
        threads: How many each model may use; the results are the same.
    """

    detector: str
    classifier: str
    settings: ClipSettings
    threads: int = 1

    @property
    def models(self) -> tuple[Model, Model]:
        """The entries of the detector and the classifier.

        Raises:
            UnknownModel: There is none of that name.
        """
        entries = manifest()
        return entries.model(self.detector, "detector"), entries.model(
            self.classifier, "classifier"
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """The expressions that are told, in order."""
        wanted = self.settings.stream.analysis.classes
        return tuple(name for name in self.models[1].labels if not wanted or name in wanted)

    def key(self, kind: Kind, sha256: str) -> str:
        """Under which the result of a file with these bytes is kept.

        The same bytes, asked the same, have the same key; nothing else has.
        """
        return hashlib.sha256(f"{self._fingerprints[kind]} {sha256}".encode()).hexdigest()

    @cached_property
    def _fingerprints(self) -> dict[Kind, str]:
        """Everything but the file that changes a result."""
        models = [model.model_dump(mode="json", include=_MODEL) for model in self.models]
        asked: dict[Kind, AnalysisSettings | ClipSettings] = {
            "picture": self.settings.stream.analysis,
            "video": self.settings,
        }
        return {
            kind: json.dumps([_FORMAT, __version__, kind, asdict(how), models])
            for kind, how in asked.items()
        }


@dataclass(frozen=True)
class Item:
    """One file to analyse.

    Attributes:
        path: Absolute, the same on every machine that works on the batch.
        kind: What it is analysed as.
        key: Under which its result is kept.
        stamp: Of the file when its bytes gave this key.
    """

    path: Path
    kind: Kind
    key: str
    stamp: Stamp


@dataclass(frozen=True)
class FileResult:
    """What came of one file: a record, or an error.

    Attributes:
        key: Under which it is kept.
        record: As JSON.
        readings: Of a video in which there are any, as a Parquet file.
        error: Why there is no record, in a sentence.
    """

    key: str
    record: bytes = b""
    readings: bytes = b""
    error: str = ""


def stamp_of(path: Path) -> Stamp:
    """The stamp of a file as it is now."""
    told = os.stat(path)
    return told.st_size, told.st_mtime_ns


def sha256_of(path: Path) -> str:
    """The hash of a file's bytes, hexadecimal; read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""What a batch asks of each file, and the result of a file."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal

from ferapp._version import __version__
from ferapp.inference.manifest import Model, manifest
from ferapp.settings import AnalysisSettings, ClipSettings

Kind = Literal["picture", "video"]

Stamp = tuple[int, int]
"""Size in bytes and time of the last change in ns; a changed file has another stamp."""

# Increase when the same file gives another result, or the same result in another form.
_FORMAT: Final = 3
# The fields of a manifest entry that change a result; source and metrics do not.
_MODEL: Final = {
    "name",
    "family",
    "sha256",
    "graph",
    "input",
    "labels",
    "flip_averaging",
    "calibration",
}


@dataclass(frozen=True)
class Request:
    """How every file of a batch is analysed.

    Attributes:
        detector: Name of the face detector.
        classifier: Name of the expression classifier.
        settings: For videos; their settings for a frame also apply to pictures.
        threads: How many each model may use; they do not change the results.
    """

    detector: str
    classifier: str
    settings: ClipSettings
    threads: int = 1

    @property
    def models(self) -> tuple[Model, Model]:
        """The entries of the detector and the classifier.

        Raises:
            UnknownModel: There is no model of that name.
        """
        entries = manifest()
        return entries.model(self.detector, "detector"), entries.model(
            self.classifier, "classifier"
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """The expressions in column order."""
        return self.settings.stream.analysis.chosen(self.models[1].labels)

    def key(self, kind: Kind, sha256: str) -> str:
        """The key under which the result of a file with these bytes is stored.

        Only the same bytes under the same request have the same key.
        """
        return hashlib.sha256(f"{self._fingerprints[kind]} {sha256}".encode()).hexdigest()

    @property
    def fingerprint(self) -> str:
        """A hash of everything besides the files that changes a result."""
        return hashlib.sha256(json.dumps(self._fingerprints, sort_keys=True).encode()).hexdigest()

    def origin(self, kind: Kind) -> dict[str, Any]:
        """What made a result; see `ferapp.pipeline.record.origin_of`."""
        # Imports ONNX Runtime, which who only looks at a batch does not need.
        from ferapp.pipeline.record import origin_of

        return origin_of(self._chosen[kind], self.detector, self.classifier)

    @property
    def _chosen(self) -> dict[Kind, AnalysisSettings | ClipSettings]:
        return {"picture": self.settings.stream.analysis, "video": self.settings}

    @cached_property
    def _fingerprints(self) -> dict[Kind, str]:
        """Everything besides the file that changes a result."""
        models = [model.model_dump(mode="json", include=_MODEL) for model in self.models]
        return {
            kind: json.dumps([_FORMAT, __version__, kind, asdict(chosen), models])
            for kind, chosen in self._chosen.items()
        }


@dataclass(frozen=True)
class Item:
    """One file to analyse.

    Attributes:
        path: Absolute, the same on every machine that works on the batch.
        kind: What it is analysed as.
        key: The key of its result.
        stamp: Of the file when the key was made.
        sha256: Of the file.
        name: Its path as the tables have it.
    """

    path: Path
    kind: Kind
    key: str
    stamp: Stamp
    sha256: str = ""
    name: str = ""


@dataclass(frozen=True)
class FileResult:
    """The result of one file: a record, or an error.

    Attributes:
        key: The key under which it is stored.
        record: As JSON.
        readings: Of a video with faces, as a Parquet file.
        error: Why there is no record, in a sentence.
    """

    key: str
    record: bytes = b""
    readings: bytes = b""
    error: str = ""


def stamp_of(path: Path) -> Stamp:
    """The stamp of a file as it is now."""
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns

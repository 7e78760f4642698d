"""Weights files: where they are, whether their bytes are right, and how to fetch missing ones."""

import hashlib
import os
from pathlib import Path
from typing import Final

import platformdirs
import pooch
import requests

from ferapp.errors import FetchError, MissingWeights, WrongHash
from ferapp.inference.manifest import MODELS_FOLDER, Model
from ferapp.types import Report, no_report

CACHE_VARIABLE: Final = "FERAPP_CACHE_DIR"

_PATIENCE_S: Final = 30
_CHUNK_BYTES: Final = 65_536


def cache_folder() -> Path:
    """Where fetched weights are kept: ``FERAPP_CACHE_DIR`` or the user's cache folder."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named) if named else platformdirs.user_cache_path("ferapp")


def places(model: Model) -> tuple[Path, Path]:
    """Where a model's file may be: shipped, then fetched."""
    return MODELS_FOLDER / model.file, cache_folder() / model.file


def find(model: Model) -> Path | None:
    """The model's file, if it is on this machine."""
    return next((path for path in places(model) if path.is_file()), None)


def read(model: Model) -> bytes:
    """The bytes of a model's file, checked: what was hashed is what gets loaded.

    Raises:
        MissingWeights: The file is not on this machine.
        WrongHash: Its bytes are not the ones that the manifest names.
    """
    path = find(model)
    if path is None:
        remedy = (
            f"Fetch it with: python -m ferapp models fetch {model.name}"
            if model.url
            else f"It ships as models/{model.file}; restore it with: git checkout models"
        )
        raise MissingWeights(f"The weights of {model.name} are not on this machine. {remedy}")
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != model.sha256:
        raise WrongHash(
            f"{path.name} is not the file that the manifest names, so it was not loaded: "
            f"expected sha256 {model.sha256}, found {found} ({len(data):,} bytes). "
            "Restore the file or fetch it again."
        )
    return data


def fetch(model: Model, *, report: Report = no_report) -> Path:
    """Download a model's file to the user's cache, unless it is there and right.

    The bytes go to a temporary name and get their own only when their hash is right.

    Raises:
        FetchError: The model ships, the address can't be reached or the bytes are wrong.
    """
    if model.url is None:
        raise FetchError(f"{model.name} ships with ferapp; there is nothing to fetch.")
    pooch.get_logger().setLevel("WARNING")  # it would write to standard error by itself
    try:
        path = pooch.retrieve(
            str(model.url),
            known_hash=f"sha256:{model.sha256}",
            fname=model.file,
            path=cache_folder(),
            downloader=pooch.HTTPDownloader(
                progressbar=_Progress(model, report),
                chunk_size=_CHUNK_BYTES,
                timeout=_PATIENCE_S,
            ),
        )
    except (requests.RequestException, ValueError, OSError) as exc:
        # pooch raises ValueError for a wrong hash and leaves nothing behind.
        raise FetchError(f"{model.name} was not fetched from {model.url}: {exc}") from exc
    return Path(path)


class _Progress:
    """What pooch calls a progress bar; it also stops a server that sends more than was named."""

    def __init__(self, model: Model, report: Report) -> None:
        self.total = 0  # set by pooch from the length that the server names
        self._most = model.bytes
        self._report = report
        self._done = 0

    def update(self, count: int) -> None:
        self._done += count  # pooch counts the last chunk as a whole one
        if self._most is not None and self._done >= self._most + _CHUNK_BYTES:
            raise ValueError(f"the server sends more than the {self._most:,} bytes expected")
        self._report(self._done, self.total)

    def reset(self) -> None:
        """Called by pooch before its last update, which repeats the whole size."""
        self._done = 0

    def close(self) -> None:
        """Nothing to close."""

"""Weights files: where they are, whether their bytes are right, and how to fetch missing ones."""

import hashlib
import os
from collections.abc import Callable
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
    return Path(named).expanduser() if named else platformdirs.user_cache_path("ferapp")


def place(model: Model) -> Path:
    """Where a model's file belongs: with ferapp, or in the cache for those that are fetched."""
    return (cache_folder() if model.url else MODELS_FOLDER) / model.file


def find(model: Model) -> Path | None:
    """The model's file, if it is on this machine."""
    return place(model) if place(model).is_file() else None


def read(model: Model) -> bytes:
    """The bytes of a model's file, checked: what was hashed is what gets loaded.

    Raises:
        MissingWeights: The file is not on this machine or can't be read.
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
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise MissingWeights(f"{path.name} can't be read: {exc.strerror or exc}.") from exc
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
            downloader=_downloader(model, report),
        )
    except (requests.RequestException, ValueError, OSError) as exc:
        # pooch raises ValueError for a wrong hash and leaves nothing behind.
        raise FetchError(f"{model.name} was not fetched from {model.url}: {exc}") from exc
    Path(path).chmod(0o644)  # pooch leaves it to the one user who fetched it
    return Path(path)


def _downloader(model: Model, report: Report) -> Callable[[str, str, object], None]:
    """What pooch calls to fill a temporary file; a server that sends too much is cut off."""

    def download(url: str, output_file: str, _pooch: object) -> None:
        with (
            requests.get(url, stream=True, timeout=_PATIENCE_S) as response,
            Path(output_file).open("wb") as file,
        ):
            response.raise_for_status()
            total, done = int(response.headers.get("content-length", 0)), 0
            for chunk in response.iter_content(_CHUNK_BYTES):
                done += len(chunk)
                if model.bytes is not None and done > model.bytes:
                    raise ValueError(f"the server sends more than {model.bytes:,} bytes")
                file.write(chunk)
                report(done, total)

    return download

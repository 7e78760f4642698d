"""Find weights files, check their bytes and fetch missing ones."""

import hashlib
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pooch
import requests

from ferapp.errors import FetchError, MissingWeights, WrongHash
from ferapp.inference.folder import models_folder, read_inside
from ferapp.inference.manifest import MODELS_FOLDER, Model, WeightsFile
from ferapp.libraries import OPENCV, repair, sharers
from ferapp.system.files import sha256_of
from ferapp.system.folders import CACHE_VARIABLE, cache_folder
from ferapp.types import ProgressCallback, no_report

_PATIENCE_S: Final = 30
_CHUNK_BYTES: Final = 65_536


def place(file: WeightsFile) -> Path:
    """Path of a file: in ferapp, OpenCV, the operator's folder or the cache of fetched files."""
    if file.url:
        return cache_folder() / file.file
    if file.ships_with == "operator":
        return _added_folder() / file.file
    if file.ships_with == "opencv":
        package = find_spec("cv2")  # does not load it
        return (
            Path(package.origin if package and package.origin else "").parent / "data" / file.file
        )
    return MODELS_FOLDER / file.file


def is_here(model: Model) -> bool:
    """Whether all of a model's files are on this machine."""
    return all(place(file).is_file() for file in model.files)


def read(model: Model) -> tuple[bytes, ...]:
    """Read each file of a model and check its hash; the hashed bytes are the ones that are loaded.

    Raises:
        MissingWeights: A file is not on this machine or can't be read.
        WrongHash: The hash of its bytes differs from the manifest.
    """
    return tuple(_read_checked(file, model.name) for file in model.files)


def _read_checked(file: WeightsFile, name: str) -> bytes:
    path = place(file)
    if file.ships_with == "operator":
        return _check_hash(read_inside(path.parent, file.file), file)
    if not path.is_file():
        if file.url:
            remedy = f"Fetch them with: python -m ferapp models fetch {name}"
        elif file.ships_with == "opencv":
            remedy = f"{file.file} comes with OpenCV 4; {repair(OPENCV.package, sharers(OPENCV))}"
        else:
            remedy = f"They ship as models/{file.file}; restore the file with: git checkout models"
        raise MissingWeights(f"The weights of {name} are not on this machine. {remedy}")
    try:
        return _check_hash(path.read_bytes(), file)
    except OSError as exc:
        raise MissingWeights(f"{path.name} can't be read: {exc.strerror or exc}.") from exc


def _check_hash(data: bytes, file: WeightsFile) -> bytes:
    digest = hashlib.sha256(data).hexdigest()
    if digest != file.sha256:
        raise WrongHash(
            f"{file.file} is not the file that the manifest names, so it was not loaded: "
            f"expected sha256 {file.sha256}, found {digest} ({len(data):,} bytes). "
            "Restore the file or fetch it again."
        )
    return data


def _added_folder() -> Path:
    folder = models_folder()
    assert folder is not None, "entries of added models come from there"
    return folder


def fetch(model: Model, *, report: ProgressCallback = no_report) -> Path:
    """Download the files of a model to the user's cache, unless they are there and correct.

    A file is written under a temporary name and renamed once its hash is correct. A link in its
    place stays if it leads to the right bytes, and is replaced otherwise.

    Returns:
        Path of the weights.

    Raises:
        FetchError: The model ships, the server can't be reached or the bytes are wrong.
    """
    if model.is_added:
        raise FetchError(f"{model.name} was added by the operator; there is nothing to fetch.")
    if model.url is None:
        raise FetchError(f"{model.name} ships with {model.ships_with}; there is nothing to fetch.")
    pooch.get_logger().setLevel("WARNING")  # by default it writes to standard error
    for file in model.files:
        target = place(file)
        try:
            if target.is_symlink():
                if target.is_file() and sha256_of(target) == file.sha256:
                    continue
                target.unlink()  # it is neither written through nor moved into
            path = pooch.retrieve(
                str(file.url),
                known_hash=f"sha256:{file.sha256}",
                fname=file.file,
                path=cache_folder(),
                downloader=_downloader(file, report),
            )
        except requests.ConnectionError as exc:
            host = urlsplit(str(file.url)).hostname
            raise FetchError(
                f"{model.name} was not fetched: no connection to {host}. Is this machine online?"
            ) from exc
        except (requests.RequestException, ValueError) as exc:
            # pooch raises ValueError for a wrong hash and leaves nothing behind.
            raise FetchError(f"{model.name} was not fetched from {file.url}: {exc}") from exc
        except OSError as exc:
            raise FetchError(
                f"{model.name} was not fetched: {cache_folder()} can't be written "
                f"({exc.strerror or exc}). Set {CACHE_VARIABLE} to a folder that can be."
            ) from exc
        _let_others_read(path)
    return place(model)


def _let_others_read(path: str) -> None:
    """Pooch makes it readable only for the user who fetched it."""
    if hasattr(os, "fchmod"):
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            os.fchmod(handle, 0o644)
        finally:
            os.close(handle)


def _downloader(file: WeightsFile, report: ProgressCallback) -> Callable[[str, str, object], None]:
    """The download function for pooch; it stops if the server sends more bytes than expected."""

    def download(url: str, output_file: str, _pooch: object) -> None:
        with (
            requests.get(url, stream=True, timeout=_PATIENCE_S) as response,
            Path(output_file).open("wb") as out,
        ):
            response.raise_for_status()
            total, done = int(response.headers.get("content-length", 0)), 0
            for chunk in response.iter_content(_CHUNK_BYTES):
                done += len(chunk)
                if file.bytes is not None and done > file.bytes:
                    raise ValueError(f"the server sent more than {file.bytes:,} bytes")
                out.write(chunk)
                report(done, total)

    return download

"""Paths of files that ship beside the package, and of the user's data and cache.

```text
FERAPP_DATA_DIR    the database of sessions, instead of the user's data folder
FERAPP_CACHE_DIR   fetched weights, instead of the user's cache folder
```
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import platformdirs

DATA_VARIABLE: Final = "FERAPP_DATA_DIR"
CACHE_VARIABLE: Final = "FERAPP_CACHE_DIR"

_PACKAGE: Final = Path(__file__).parents[1]
# The home folder of users without one, as on Debian.
_NO_HOME: Final = "/nonexistent"


def project_path(name: str) -> Path:
    """A file or folder of the project's top level; in a wheel it is inside the package."""
    inside = _PACKAGE / "project" / name
    return inside if inside.exists() else _PACKAGE.parent / name


def data_folder() -> Path:
    """Folder of the database of sessions; it may be missing or read-only."""
    return _from_environment(DATA_VARIABLE) or _user_folder(platformdirs.user_data_path)


def cache_folder() -> Path:
    """Folder of fetched weights; it may be missing or read-only."""
    return _from_environment(CACHE_VARIABLE) or _user_folder(platformdirs.user_cache_path)


def ensure_home() -> None:
    """Set HOME for this process if the system knows no home folder.

    This is the case for a user without an entry in the password file and without HOME (``docker run
    --user 12345``): `pathlib.Path.home` raises, and Streamlit, among others, does not start.
    """
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = _NO_HOME


def _from_environment(variable: str) -> Path | None:
    path = os.environ.get(variable)
    return Path(os.path.expanduser(path)) if path else None


def _user_folder(ask: Callable[[str], Path]) -> Path:
    """The user's folder; without a home, a path that does not exist, never "~" in this folder."""
    try:
        folder = ask("ferapp")
    except RuntimeError:  # of newer releases of platformdirs; older ones give "~/..."
        folder = Path("~")
    return folder if folder.is_absolute() else Path(_NO_HOME, *folder.parts[1:])

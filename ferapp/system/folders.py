"""Where things are: what ships beside the package, and what is the user's.

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
# What Debian calls the home of users who have none.
_NO_HOME: Final = "/nonexistent"


def project_path(name: str) -> Path:
    """A file or folder of the project's top level, which a wheel carries inside the package."""
    inside = _PACKAGE / "project" / name
    return inside if inside.exists() else _PACKAGE.parent / name


def data_folder() -> Path:
    """Where the database of sessions is kept; it may be missing or read-only."""
    return _from_environment(DATA_VARIABLE) or _of_user(platformdirs.user_data_path)


def cache_folder() -> Path:
    """Where fetched weights are kept; it may be missing or read-only."""
    return _from_environment(CACHE_VARIABLE) or _of_user(platformdirs.user_cache_path)


def ensure_home() -> None:
    """Name a home folder in this process's environment where the system knows of none.

    So it is for a user without an entry in the password file and without HOME (``docker run
    --user 12345``): `pathlib.Path.home` raises then, and Streamlit, among others, does not start.
    """
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = _NO_HOME


def _from_environment(variable: str) -> Path | None:
    path = os.environ.get(variable)
    return Path(os.path.expanduser(path)) if path else None


def _of_user(ask: Callable[[str], Path]) -> Path:
    """The user's folder; without a home one that is not there, never "~" in this directory."""
    try:
        folder = ask("ferapp")
    except RuntimeError:  # of newer releases of platformdirs; older ones give "~/..."
        folder = Path("~")
    return folder if folder.is_absolute() else Path(_NO_HOME, *folder.parts[1:])

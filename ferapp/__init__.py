"""ferapp: facial expression recognition on your own machine.

The names in `__all__` are the public interface. They load on first use, so that importing ferapp
costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ferapp.emotions import EXPRESSIONS
    from ferapp.errors import FerappError, ImageError, ModelError, UserError
    from ferapp.media.images import read_image
    from ferapp.types import Faces

__version__ = "0.1.0"

_HOMES: Final = {
    "EXPRESSIONS": "ferapp.emotions",
    "Faces": "ferapp.types",
    "FerappError": "ferapp.errors",
    "ImageError": "ferapp.errors",
    "ModelError": "ferapp.errors",
    "UserError": "ferapp.errors",
    "read_image": "ferapp.media.images",
}

__all__ = [
    "EXPRESSIONS",
    "Faces",
    "FerappError",
    "ImageError",
    "ModelError",
    "UserError",
    "read_image",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])

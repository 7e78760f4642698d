"""ferapp: facial expression recognition on your own machine.

The names in `__all__` are the public interface. They load on first use, so that importing ferapp
costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any, Final

from ferapp._version import __version__ as __version__

if TYPE_CHECKING:
    from ferapp.emotions import EXPRESSIONS
    from ferapp.errors import (
        FerappError,
        ImageError,
        InvalidValue,
        ModelError,
        SettingError,
        UserError,
    )
    from ferapp.media.images import read_image
    from ferapp.pipeline.analyzer import Analyzer
    from ferapp.pipeline.build import load_analyzer
    from ferapp.settings import AnalysisSettings, DetectionSettings
    from ferapp.types import Faces, FrameAnalysis

_HOMES: Final = {
    "EXPRESSIONS": "ferapp.emotions",
    "AnalysisSettings": "ferapp.settings",
    "Analyzer": "ferapp.pipeline.analyzer",
    "DetectionSettings": "ferapp.settings",
    "Faces": "ferapp.types",
    "FerappError": "ferapp.errors",
    "FrameAnalysis": "ferapp.types",
    "ImageError": "ferapp.errors",
    "InvalidValue": "ferapp.errors",
    "ModelError": "ferapp.errors",
    "SettingError": "ferapp.errors",
    "UserError": "ferapp.errors",
    "load_analyzer": "ferapp.pipeline.build",
    "read_image": "ferapp.media.images",
}

__all__ = [
    "EXPRESSIONS",
    "AnalysisSettings",
    "Analyzer",
    "DetectionSettings",
    "Faces",
    "FerappError",
    "FrameAnalysis",
    "ImageError",
    "InvalidValue",
    "ModelError",
    "SettingError",
    "UserError",
    "load_analyzer",
    "read_image",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])

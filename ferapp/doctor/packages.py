"""The libraries: which are installed, and whether their files are intact."""

from collections.abc import Iterator
from importlib import metadata
from typing import TYPE_CHECKING, Final

from ferapp.doctor.findings import Finding, note, problem
from ferapp.errors import LibraryError
from ferapp.libraries import (
    ONNX_RUNTIME,
    OPENCV,
    Library,
    Loaded,
    changed_files,
    claimers,
    repair,
    sharers,
    version,
)
from ferapp.wording import counted

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_SHARED: Final = {library.package: library for library in (OPENCV, ONNX_RUNTIME)}
# Live video needs it; it is installed by streamlit-webrtc.
_INDIRECT: Final = "aiortc"
# A distribution may have patched or left out a few files.
_DAMAGED_FILES: Final = 20
_PARTS: Final = {
    "cascades": "CascadeClassifier",
    "YuNet": "FaceDetectorYN",
    "Caffe": "dnn.readNetFromCaffe",
}


def installation() -> Finding:
    """Whether ferapp is installed for this Python, or only present in this folder."""
    if known := version("ferapp"):
        return Finding(known)
    return problem(
        "not installed for this Python",
        "Use the Python of its environment, such as .venv/bin/python, or install it as the README "
        "describes.",
    )


def libraries() -> Iterator[tuple[str, Finding]]:
    """Each library that ferapp requires itself, by name."""
    from packaging.requirements import Requirement

    requirements = [*_requirements(""), Requirement(_INDIRECT)]
    for requirement in sorted(requirements, key=lambda one: one.name):
        yield requirement.name, _library(requirement)


def _requirements(extra: str) -> "list[Requirement]":
    """What ferapp requires, or what one of its extras adds."""
    from packaging.requirements import Requirement

    def is_selected(one: Requirement) -> bool:
        of_ferapp = one.marker is None or one.marker.evaluate({"extra": ""})
        if not extra:
            return of_ferapp
        return not of_ferapp and one.marker is not None and one.marker.evaluate({"extra": extra})

    return [r for r in map(Requirement, metadata.requires("ferapp") or []) if is_selected(r)]


def _library(requirement: "Requirement") -> Finding:
    known, shared = version(requirement.name), _SHARED.get(requirement.name)
    if not known or not requirement.specifier.contains(known, prereleases=True):
        text = f"{known}, but ferapp needs {requirement.specifier}" if known else "not installed"
        others = sharers(shared) if shared else []
        if others:
            return problem(text, _advice(repair(requirement.name, others)))
        return problem(text, f'Install it with `python -m pip install "{requirement}"`.')
    # A shared library has a check of its own.
    changed = [] if shared else changed_files(requirement.name)
    others = claimers(changed[0], but=requirement.name) if changed else []
    if others:
        text = f"{known}, overwritten by {' and '.join(others)}"
        return problem(text, _advice(repair(requirement.name, others)))
    if changed:
        text = f"{known}, with {counted(len(changed), 'file')} missing or changed"
        if len(changed) > _DAMAGED_FILES:
            return problem(text, _advice(repair(requirement.name)))
        return note(text, f"If it does not work, {repair(requirement.name)}")
    return Finding(known)


def opencv() -> Finding:
    """The OpenCV that is imported."""
    from ferapp.vision import opencv as home

    if unusable := _unusable(home.loaded):
        return unusable
    number, missing = home.cv2.__version__, [t for t, name in _PARTS.items() if not _has(name)]
    if missing:
        text = f"{number} without {' and '.join(missing)}"
        return problem(text, _advice(repair(OPENCV.package, sharers(OPENCV))))
    return _variant(OPENCV, home.loaded, f"{number} with {', '.join(_PARTS)}")


def _has(name: str) -> bool:
    from ferapp.vision.opencv import part

    try:
        part(name)
    except LibraryError:
        return False
    return True


def onnx_runtime() -> Finding:
    """The ONNX Runtime that is imported, and its execution providers."""
    from ferapp.inference import onnx_model as home

    if unusable := _unusable(home.loaded):
        return unusable
    used, available = ", ".join(home.PROVIDERS), home.available_providers()
    text = f"{home.onnxruntime.__version__} on {used} (available: {', '.join(available)})"
    if not set(home.PROVIDERS) <= set(available):
        return problem(text, _advice(repair(ONNX_RUNTIME.package, sharers(ONNX_RUNTIME))))
    return _variant(ONNX_RUNTIME, home.loaded, text)


def _unusable(loaded: Loaded) -> Finding | None:
    trouble = loaded.trouble
    if trouble is None or trouble.is_usable:
        return None
    return problem(trouble.what, _advice(trouble.repair))


def _variant(library: Library, loaded: Loaded, text: str) -> Finding:
    """Of a library that works: whether it is the required variant, and will stay so."""
    if loaded.trouble:
        return note(f"{text}; {loaded.trouble.what}", _advice(loaded.trouble.repair))
    others = sharers(library)
    if others and version(library.package):
        text = f"{text}; {' and '.join(others)} uses the same folder"
        return note(text, _advice(repair(library.package, others)))
    return Finding(text)


def ffmpeg() -> Finding:
    """The FFmpeg inside PyAV, and whether it can encode videos that browsers play."""
    from ferapp.media.encoder import can_encode, ffmpeg_version

    text = f"{ffmpeg_version()} in PyAV {version('av')}"
    if can_encode():
        return Finding(f"{text} with libx264")
    return problem(f"{text} without libx264", _advice(repair("av")))


def extras() -> Finding:
    """The extras that are completely installed."""
    names = metadata.metadata("ferapp").get_all("Provides-Extra") or []
    return Finding(", ".join(name for name in sorted(names) if _is_whole(name)) or "none")


def _is_whole(extra: str) -> bool:
    return all(
        all(map(_is_whole, r.extras)) if r.name == "ferapp" else version(r.name)
        for r in _requirements(extra)
    )


def _advice(repair: str) -> str:
    return repair[0].upper() + repair[1:]

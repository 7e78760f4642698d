"""The undocumented parts of libraries that ferapp uses still exist."""

import ast
import inspect
import re
import textwrap
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import pytest
from starlette.formparsers import MultiPartParser
from streamlit.web.server.starlette.starlette_routes import BASE_ROUTE_UPLOAD_FILE

import ferapp
from ferapp.ui.live.connection import marker_buffer
from ferapp.ui.server import private_parts
from ferapp.ui.server.libraries.private_names import PARTS, Part

ROOT = Path(ferapp.__file__).parents[1]
HOME = Path(private_parts.__file__)
BUFFER = Path(marker_buffer.__file__)
"""A kind of a class of aiortc, so it has to say `self` and `super`; its names are in PARTS too."""


def owner_of(part: Part) -> Any:
    """The module or class that has the part."""
    try:
        return import_module(part.owner)
    except ModuleNotFoundError:
        module, _, name = part.owner.rpartition(".")
        return getattr(import_module(module), name)


def attributes_set_by(owner: type) -> set[str]:
    """Names that the methods of a class and of its bases assign to ``self``."""
    sources = [
        inspect.getsource(c) for c in owner.__mro__ if c.__module__.split(".")[0] in LIBRARIES
    ]
    return {
        node.attr
        for source in sources
        for node in ast.walk(ast.parse(textwrap.dedent(source)))
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }


LIBRARIES = {"streamlit", "streamlit_webrtc", "starlette", "uvicorn", "aiortc"}


def is_installed(part: Part) -> bool:
    """Whether the installed version of the library has the part."""
    try:
        owner = owner_of(part)
    except (ImportError, AttributeError):
        return False
    return hasattr(owner, part.name) or (
        inspect.isclass(owner) and part.name in attributes_set_by(owner)
    )


@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{part.owner}.{part.name}")
def test_installed_version_still_has_each_private_part(part: Part) -> None:
    assert is_installed(part), (
        f"{part.library} {metadata.version(part.library)} has no {part.owner}.{part.name}, which "
        f"was read in {part.read_in}: private_parts.{part.used_by} no longer works"
    )


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        ("streamlit.runtime.runtime.Runtime", "_nothing"),
        ("streamlit.runtime.runtime.Nothing", "_session_mgr"),
        ("streamlit.nothing", "_session_mgr"),
    ],
)
def test_a_missing_part_is_noticed(owner: str, name: str) -> None:
    assert not is_installed(Part("streamlit", "1.67.0", owner, name, "nothing"))


@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{part.owner}.{part.name}")
def test_each_part_names_the_function_that_uses_it(part: Part) -> None:
    assert callable(getattr(private_parts, part.used_by))


@pytest.mark.parametrize(
    "path",
    [ROOT / "app.py", *sorted((ROOT / "ferapp" / "ui").rglob("*.py"))],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_private_names_are_used_only_in_their_home(path: Path) -> None:
    if path in (HOME, BUFFER):
        return
    text = path.read_text(encoding="utf-8")
    private = [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute)
        and re.match(r"_[a-z]", node.attr)
        and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
    ]
    assert not private, f"belongs into {HOME.name}"
    internal = re.findall(r"from streamlit\.(?:runtime|web)\S* import (.*)", text)
    assert internal in ([], ["UploadedFile"]), f"belongs into {HOME.name}"


def test_what_the_buffer_uses_of_aiortc_is_among_the_parts() -> None:
    code = ast.parse(BUFFER.read_text(encoding="utf-8"))
    used = {n.attr for n in ast.walk(code) if isinstance(n, ast.Attribute) and n.attr[0] == "_"}
    own = {n.name for n in ast.walk(code) if isinstance(n, ast.FunctionDef)} | {
        n.attr
        for n in ast.walk(code)
        if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)
    }
    listed = {part.name for part in PARTS if part.library == "aiortc"}
    assert used - own - {"__init__"} <= listed and "_remove_frame" in listed


def test_uploads_are_recognised_by_streamlits_route() -> None:
    assert private_parts.upload_session(f"/{BASE_ROUTE_UPLOAD_FILE}/abc/def") == "abc"
    assert private_parts.upload_session("/below/_stcore/upload_file/abc/def") == "abc"
    assert private_parts.upload_session("/_stcore/health") is None


def test_uploads_stay_off_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MultiPartParser, "spool_max_size", MultiPartParser.spool_max_size)
    private_parts.keep_uploads_in_memory(7)
    assert MultiPartParser.spool_max_size == 7

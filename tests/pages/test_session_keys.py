"""The home of session-state keys is the only module that touches the session state."""

import ast
from pathlib import Path

import pytest

import ferapp
from ferapp.ui.shared import session_keys
from ferapp.ui.shared.session_keys import SessionKey

ROOT = Path(ferapp.__file__).parents[1]
HOME = Path(session_keys.__file__)
FILES = [
    ROOT / "app.py",
    *sorted((ROOT / "pages").glob("*.py")),
    *sorted((ROOT / "ferapp" / "ui").rglob("*.py")),
]


def lines_with_session_state(source: str) -> list[int]:
    """Numbers of the lines on which code, not a comment or docstring, names the session state."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if (isinstance(node, ast.Attribute) and node.attr == "session_state")
        or (isinstance(node, ast.Name) and node.id == "session_state")
        or (isinstance(node, ast.alias) and node.name == "session_state")
    ]


@pytest.mark.parametrize(
    "path", [p for p in FILES if p != HOME], ids=lambda p: p.relative_to(ROOT).as_posix()
)
def test_session_state_is_used_only_through_typed_keys(path: Path) -> None:
    lines = lines_with_session_state(path.read_text(encoding="utf-8"))
    assert not lines, f"add a key to {HOME.name} and use it on lines {lines} of {path.name}"


@pytest.mark.parametrize(
    "source",
    [
        'st.session_state["a"] = 1',
        "streamlit.session_state.get(name)",
        "from streamlit import session_state",
        "session_state.a = 1",
    ],
)
def test_each_way_to_use_session_state_is_found(source: str) -> None:
    assert lines_with_session_state(source)


def test_no_key_has_two_names() -> None:
    names = [key.name for key in vars(session_keys).values() if isinstance(key, SessionKey)]
    assert len(names) > 20 and len(set(names)) == len(names)


def test_a_key_reads_writes_and_forgets_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    state: dict[str, object] = {}
    monkeypatch.setattr(session_keys.st, "session_state", state)
    key = SessionKey[int]("a")
    assert key.get() is None and key.pop() is None
    key.clear()
    assert key.setdefault(1) == 1 and key.setdefault(2) == 1
    key.set(3)
    assert state == {"a": 3} and key.get() == 3
    assert key.pop() == 3 and state == {}

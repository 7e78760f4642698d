"""Sizes above which code is split: of folders, modules, classes and functions."""

import ast
from pathlib import Path

import pytest

import ferapp

ROOT = Path(ferapp.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
FOLDERS = sorted({path.parent for path in FILES})

MOST_MODULES = 14
MOST_MODULE_LINES = 400
MOST_CLASS_LINES = 180
MOST_FUNCTION_LINES = 80

# A command's function lists all its options, and typer reads them there.
LONG_FUNCTIONS_IN = "cli"
LONG_FUNCTIONS = {
    # One widget after another, nearly without logic: parts would be called from one place alone.
    "ui/shared/controls.py:sidebar",
}


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def lengths(path: Path, *kinds: type[ast.AST]) -> dict[str, int]:
    """Lines of each definition of these kinds, without decorators, by path and name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = [node for node in ast.walk(tree) if isinstance(node, kinds)]
    return {f"{place(path)}:{n.name}": n.end_lineno - n.lineno + 1 for n in nodes}


def functions(path: Path) -> dict[str, int]:
    return lengths(path, ast.FunctionDef, ast.AsyncFunctionDef)


@pytest.mark.parametrize("folder", FOLDERS, ids=place)
def test_folders_hold_few_modules(folder: Path) -> None:
    modules = [path.name for path in folder.glob("*.py") if path.name != "__init__.py"]
    assert len(modules) <= MOST_MODULES


@pytest.mark.parametrize("path", FILES, ids=place)
def test_modules_classes_and_functions_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_MODULE_LINES
    assert not [n for n, lines in lengths(path, ast.ClassDef).items() if lines > MOST_CLASS_LINES]
    if path.parent != ROOT / LONG_FUNCTIONS_IN:
        long = {name for name, lines in functions(path).items() if lines > MOST_FUNCTION_LINES}
        assert long <= LONG_FUNCTIONS


def test_every_exception_is_still_needed() -> None:
    sizes = {name: lines for path in FILES for name, lines in functions(path).items()}
    assert all(sizes[name] > MOST_FUNCTION_LINES for name in LONG_FUNCTIONS)

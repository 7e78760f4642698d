"""Wordings that were replaced throughout the project do not come back."""

import re
from pathlib import Path

from tests.support.places import ROOT

# With a class of one character each, so that this line does not match itself.
REPLACED = re.compile(r"mani[e]th|_tol[d]|goes for[ ]good|tells a face[ ]again|works_tota[l]")


def texts() -> list[Path]:
    folders = [ROOT / name for name in ("ferapp", "docs", "tests")]
    paths = [path for folder in folders for path in sorted(folder.rglob("*"))]
    return [ROOT / "README.md"] + [p for p in paths if p.suffix in {".py", ".md", ".html", ".mako"}]


def test_replaced_wordings_do_not_come_back() -> None:
    lines = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in texts()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if REPLACED.search(line)
    ]
    assert not lines


def test_replaced_wordings_are_recognised() -> None:
    """Otherwise the search proves nothing."""
    assert REPLACED.search("_".join(["is", "told"])) and len(texts()) > 300

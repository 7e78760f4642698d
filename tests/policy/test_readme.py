"""The examples that a newcomer copies, and the links between the pages."""

import re
from pathlib import Path

import numpy as np
import pandas
import pytest

from tests.support.places import ROOT

PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "models" / "README.md",
]
LINKS = [
    (page, link)
    for page in PAGES
    if page.exists()
    for link in re.findall(r"\]\(([^):]+)\)", page.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("page", ["README.md", "docs/usage.md"])
def test_the_python_example_prints_what_it_says(monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    monkeypatch.chdir(ROOT)
    text = (ROOT / page).read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert code is not None
    names: dict = {}
    exec(code[1], names)
    for line in code[1].splitlines():
        expression, _, expected = line.partition("  # ")
        if not expected:
            continue
        value = eval(expression, names)
        if expected.startswith("["):
            assert list(value) == eval(expected)
        elif expected.startswith("("):
            shape = re.match(r"\(\d+, \d+\)", expected)
            assert shape and value.shape == eval(shape[0]) and value.dtype == np.float32
        else:
            assert isinstance(value, pandas.DataFrame) and len(value) == 3


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes from headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize(
    ("page", "link"), LINKS, ids=[f"{page.relative_to(ROOT)}-{link}" for page, link in LINKS]
)
def test_links_lead_somewhere(page: Path, link: str) -> None:
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    assert target.exists()
    assert not anchor or anchor in anchors(target)

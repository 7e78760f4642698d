"""The example that a newcomer copies."""

import re

import numpy as np
import pandas
import pytest

from tests.conftest import ROOT

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_python_example_gives_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    code = re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert code is not None
    names: dict = {}
    exec(code[1], names)
    for line in code[1].splitlines():
        expression, _, told = line.partition("  # ")
        if not told:
            continue
        value = eval(expression, names)
        if told.startswith("["):
            assert list(value) == eval(told)
        elif told.startswith("("):
            shape = re.match(r"\(\d+, \d+\)", told)
            assert shape and value.shape == eval(shape[0]) and value.dtype == np.float32
        else:
            assert isinstance(value, pandas.DataFrame) and len(value) == 3


@pytest.mark.parametrize("path", re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", TEXT))
def test_links_lead_somewhere(path: str) -> None:
    assert (ROOT / path).exists()

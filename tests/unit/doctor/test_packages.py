"""The checks of libraries."""

from pathlib import Path

import pytest

from ferapp.doctor import packages
from ferapp.inference import onnx_model as session
from ferapp.libraries import Loaded, Trouble
from ferapp.vision import opencv
from tests.support.packages import install_package


def test_a_replaced_library_is_named_in_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    install_package(tmp_path, "pillow", "13.0.0", {"PIL/__init__.py": "ours"})
    install_package(
        tmp_path, "pillow-simd", "9.0", {"PIL/__init__.py": "theirs, in the same folder"}
    )
    install_package(tmp_path, "plotly", "7.1.0", {"plotly/__init__.py": ""})
    (tmp_path / "plotly" / "__init__.py").write_text("mended by hand")
    install_package(tmp_path, "rich", "1.0", {})
    findings = dict(packages.libraries())
    assert findings["pillow"].text == "13.0.0, overwritten by pillow-simd 9.0"
    assert "uninstall pillow-simd`, then" in findings["pillow"].advice
    assert findings["plotly"].state == "note" and "1 file missing" in findings["plotly"].text
    assert findings["rich"].state == "problem" and "ferapp needs" in findings["rich"].text
    assert findings["numpy"].state == "ok"


def test_a_working_variant_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    trouble = Trouble("a replaced b", "repair it with `c`.", is_usable=True)
    for home in (opencv, session):
        monkeypatch.setattr(home, "loaded", Loaded(home.loaded.module, trouble))
    for check in (packages.opencv(), packages.onnx_runtime()):
        assert check.state == "note" and check.advice == "Repair it with `c`."
        assert check.text.endswith("; a replaced b")


def test_another_variant_beside_the_required_one_is_a_note(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packages, "sharers", lambda _: ["opencv-python 4.14.0.94"])
    check = packages.opencv()
    assert check.state == "note" and "uninstall opencv-python`" in check.advice

"""The report on the About page, and broken libraries on every page."""

import pytest
from streamlit.testing.v1 import AppTest

from ferapp.doctor import machine
from ferapp.doctor.report import Report, report
from ferapp.inference import onnx_model as session
from ferapp.libraries import Loaded, Trouble
from ferapp.ui.shared import installation, resources
from ferapp.vision import opencv
from tests.support.apps import open_app, page_text


def open_report() -> AppTest:
    at = open_app("about.py")
    at.session_state["installation"] = True
    return at.run()


def test_the_about_page_has_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int | None] = []

    def count(*, serving: int | None) -> Report:
        made.append(serving)
        return report(serving=serving)

    monkeypatch.setattr(installation, "report", count)
    monkeypatch.setattr(machine, "cores", lambda: 1 / 0)
    at = open_app("about.py")
    assert not at.exception and not made, "it takes a second, so it is made only when opened"
    at.session_state["installation"] = True
    at.run()
    assert not at.exception and made == [8501]
    assert "1 problem" in page_text(at) and "Processor cores" in at.error[0].value
    assert "ok      Python: " in at.code[0].value and "used by this app" in at.code[0].value


def test_visitors_from_other_machines_do_not_get_the_report(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(installation, "is_at_this_machine", lambda: False)
    at = open_report()
    assert not at.exception and not at.code
    assert "This installation" not in [expander.label for expander in at.expander]


@pytest.mark.parametrize("page", ["image.py", "live.py", "video.py", "dashboard.py", "about.py"])
def test_every_page_names_a_broken_library(
    page: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Trouble("OpenCV can't be loaded", "repair it with `a`.", is_usable=False)
    other = Trouble("b replaced c", "repair it with `d`.", is_usable=True)
    monkeypatch.setattr(opencv, "loaded", Loaded(None, broken))
    monkeypatch.setattr(session, "loaded", Loaded(None, other))
    installation._troubles.cache_clear()
    try:
        at = open_app(page)
        at.run()
    finally:
        installation._troubles.cache_clear()
    assert [e.value for e in at.error] == [f"{broken.sentence} Then restart the app."]
    assert at.warning[0].value == f"{other.sentence} Then restart the app."
    logged = [r.getMessage() for r in caplog.records if r.name == "ferapp.ui.shared.installation"]
    assert logged == [broken.sentence]


def test_the_message_of_the_banner_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Trouble("OpenCV can't be loaded", "repair it with `a`.", is_usable=False)
    loaded = Loaded(None, broken)
    monkeypatch.setattr(opencv, "loaded", loaded)
    monkeypatch.setattr("ferapp.ui.shared.resources.cap_threads", lambda _: loaded.require())
    resources.analyzer.clear()
    installation._troubles.cache_clear()
    try:
        at = open_app("image.py")
    finally:
        installation._troubles.cache_clear()
        resources.analyzer.clear()
    assert not at.exception and len(at.error) == 1 and "This did not work" not in page_text(at)

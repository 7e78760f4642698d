"""Sessions begun, kept, changed, opened and deleted through the pages."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from ferapp.emotions import EXPRESSIONS
from ferapp.errors import ModelError, StoreError
from ferapp.pipeline.analyzer import Analyzer
from ferapp.sessions import recorder as recorder_module
from ferapp.sessions import store as store_module
from ferapp.sessions.formats.exchange import to_csv, to_json, to_parquet
from ferapp.sessions.recorder import Recorder
from ferapp.sessions.session import Marker, Readings, SessionInfo
from ferapp.sessions.store import LOCAL_OWNER, Store
from ferapp.settings import AnalysisSettings, StreamSettings
from ferapp.ui.live.webcam import LiveSettings, Viewer
from ferapp.ui.shared.owner import owner
from tests.support.apps import (
    AGREED,
    ASTRONAUT,
    HOPPER,
    agree,
    app,
    button,
    dashboard,
    figures,
    upload,
    words,
)
from tests.support.fakes import Clock, FakeClassifier, FakeDetector, FakeSink
from tests.support.frames import ONE, frame, viewer
from tests.support.sessions import made, some_readings, some_recording
from tests.support.stores import days_left, kept, sessions_in, titles
from tests.support.waiting import wait_until


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    with sessions_in(tmp_path, monkeypatch) as opened:
        yield opened


def test_markers_are_saved_in_the_order_of_time_and_stand_in_the_chart(store: Store) -> None:
    id = kept(store, some_readings(100), markers=(Marker(3.0, "late"),))
    at = dashboard()
    editor = at.data_editor[0]
    assert editor.value["name"].tolist() == ["late"]
    assert "Save markers" not in [b.label for b in at.button]
    rows = [{"at": 1.0, "name": " early "}, {"at": 2.0, "name": "  "}, {"at": None, "name": "x"}]
    edits = {"edited_rows": {}, "added_rows": rows, "deleted_rows": []}
    at.session_state[editor.key] = edits
    at.run()
    at.session_state[editor.key] = edits
    next(b for b in at.button if b.label == "Save markers").click().run()
    expected = (Marker(1.0, "early"), Marker(3.0, "late"))
    assert store.overviews(LOCAL_OWNER)[0].recording.markers == expected and not at.exception
    shown = figures(at)["timeline"]["layout"]["annotations"]
    assert [marker["text"] for marker in shown] == ["early", "late"]
    assert at.data_editor[0].key == f"markers-{id}-{hash(expected)}"


@pytest.mark.parametrize("write", [to_json, to_parquet, to_csv])
def test_a_file_becomes_a_session_that_is_chosen(
    store: Store, write: Callable[[SessionInfo, Readings], bytes]
) -> None:
    at = dashboard()
    for title in ("one", "two"):
        data = write(some_recording(title=title), some_readings(30))
        name = f"{title}.{write.__name__.removeprefix('to_')}"
        at.file_uploader[0].set_value((name, data, "application/octet-stream")).run()
        opened = next(s for s in store.overviews(LOCAL_OWNER) if s.recording.title == title)
        assert opened.readings == 30 and not opened.is_running
        assert at.selectbox(key="session").value == opened.recording.id and not at.exception
        assert "30 readings" in words(at) and "timeline" in figures(at)
    at.run()
    assert sorted(titles(store)) == ["one", "two"]


def test_a_bad_file_is_a_sentence_and_adds_nothing(store: Store) -> None:
    at = dashboard()
    at.file_uploader[0].set_value(("<b>x.csv", b"GIF89a", "text/csv")).run()
    assert at.error[0].value == "This file could not be opened." and not at.exception
    assert at.text[0].value.startswith("<b>x.csv can't be opened") and titles(store) == []


def test_half_a_file_adds_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def add(*_: object) -> None:
        raise StoreError("The database of sessions can't be used: the disk is full.")

    monkeypatch.setattr(store_module, "_add", add)
    at = dashboard()
    data = to_json(some_recording(), some_readings(5))
    at.file_uploader[0].set_value(("a.json", data, "application/json")).run()
    assert "the disk is full" in words(at) and not at.exception
    assert titles(store) == []


HERE = ("localhost:8501", "LOCALHOST", "127.0.0.1:8501", "[::1]:8501", "[::1]")
AFAR = ("192.168.1.5:8501", "[::2]:80", "localhost.example:80", "127.0.0.1.example", "")


@pytest.mark.parametrize("host", [*HERE, *AFAR])
def test_only_this_machine_has_sessions(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    context = SimpleNamespace(headers={"Host": host}, ip_address=None)
    monkeypatch.setattr("ferapp.ui.shared.owner.st", SimpleNamespace(user={}, context=context))
    if host in HERE:
        assert owner() == LOCAL_OWNER
    else:
        with pytest.raises(StoreError, match="from another machine"):
            owner()


def test_a_host_that_is_only_claimed_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    context = SimpleNamespace(headers={"Host": "localhost"}, ip_address="192.168.1.5")
    monkeypatch.setattr("ferapp.ui.shared.owner.st", SimpleNamespace(user={}, context=context))
    with pytest.raises(StoreError, match="from another machine"):
        owner()


@pytest.mark.parametrize(
    "header", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip"]
)
def test_a_proxy_s_own_address_is_not_the_visitor_s(
    header: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = {"Host": "127.0.0.1:8501", header: "203.0.113.7"}
    context = SimpleNamespace(headers=headers, ip_address=None)
    monkeypatch.setattr("ferapp.ui.shared.owner.st", SimpleNamespace(user={}, context=context))
    with pytest.raises(StoreError, match="from another machine"):
        owner()


@pytest.fixture
def from_afar(monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser asked for another machine."""
    monkeypatch.setattr("streamlit.runtime.context.ContextProxy.headers", {"Host": "a.example"})


@pytest.mark.usefixtures("from_afar")
def test_a_stranger_gets_a_sentence_and_no_session(store: Store) -> None:
    kept(store, some_readings(5), title="secret")
    at = dashboard()
    assert "from another machine" in words(at) and not at.exception and not at.selectbox
    at = upload(app(), a=ASTRONAUT)
    button(at, "Keep as a session").click().run()
    assert "from another machine" in words(at) and not at.exception and not at.radio
    assert "**This did not work**" not in words(at), "the page goes on, a dialog tells"
    assert len(titles(store)) == 1


@pytest.mark.usefixtures("from_afar")
def test_who_has_logged_in_sees_their_own_only(store: Store) -> None:
    kept(store, some_readings(5), title="of the machine")
    for sub in "ab":
        kept(store, some_readings(5), title=f"of {sub}", owner=f"https://id|{sub}")
    for sub in "ab":
        at = dashboard()
        at.user = {"is_logged_in": True, "iss": "https://id", "sub": sub}
        assert at.run().selectbox(key="session").options == [f"of {sub} (00:00)"]
        at.button(key="delete-all").click().run()
        assert len(store.overviews("https://id|b")) == (sub == "a")
    assert titles(store) == ["of the machine"]


def test_a_database_that_can_t_be_opened_stops_no_other_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").write_text("in the way")
    with pytest.raises(StoreError), sessions_in(tmp_path / "sub", monkeypatch):
        pass
    at = dashboard()
    assert "**This did not work**" in words(at) and "can't be used" in words(at)
    assert str(tmp_path / "sub" / "sessions.db") in words(at)
    assert "FERAPP_DATABASE_URL" in words(at), "who reads it has to know what to change"
    assert not at.exception
    at = upload(app(), a=ASTRONAUT)
    button(at, "Keep as a session").click().run()
    assert "can't be used" in words(at) and "**This did not work**" not in words(at)
    assert not at.exception and not at.radio
    (tmp_path / "sub").unlink()
    with sessions_in(tmp_path / "sub", monkeypatch):
        assert "Nothing is recorded yet" in words(dashboard()), "asked again, it is tried again"


def test_pictures_are_kept_as_numbers_after_consent(store: Store, tmp_path: Path) -> None:
    at = upload(app(), a_name_to_find=ASTRONAUT)
    assert not store.overviews(LOCAL_OWNER)
    agree(at, "Keep as a session")
    assert not at.exception and "Kept as a session." in at.success[0].value
    session = store.overviews(LOCAL_OWNER)[0]
    assert AGREED in session.recording.consent and "kept for 7 days" in session.recording.consent
    assert session.recording.source == "pictures" and not session.is_running
    assert days_left(store) == 7
    assert store.readings(session.recording.id, LOCAL_OWNER).expression.tolist() == ["happiness"]
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert AGREED.encode() in written, "or the search proves nothing"
    for needle in (b"a_name_to_find", b".jpg", b"\xff\xd8\xff", b"\x89PNG", b"RIFF"):
        assert needle not in written
    upload(at, b=HOPPER)
    button(at, "Keep as a session").click().run()
    assert at.radio and not at.success, "others may be shown: who is asked again"
    assert len(store.overviews(LOCAL_OWNER)) == 1


def live() -> None:
    """The recording controls alone, as the live page shows them beside the video."""
    import streamlit as st

    from ferapp.settings import StreamSettings
    from ferapp.ui.live import recording
    from ferapp.ui.shared import controls

    choice, its = controls.sidebar(), st.session_state["its"]
    recording.live_controls(its, choice, StreamSettings(), is_on=st.session_state["is_on"])
    recording.live_mark(its)


def test_a_stream_is_recorded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    # There is no app here whose pages it could link to.
    monkeypatch.setattr("streamlit.page_link", lambda *_, **__: None)
    at = AppTest.from_function(live, default_timeout=30)
    at.session_state["its"] = its = viewer()
    at.session_state["is_on"] = False
    assert button(at.run(), "Record").disabled and "Recording" not in words(at)
    at.session_state["is_on"] = True
    agree(at.run(), "Record")
    assert not at.exception and its.recorder is not None and its.recorder.is_running
    for i in range(10):
        its.on_frame(frame(i))
    assert ":red[**● Recording 00:00**]" in words(at.run())
    assert store.overviews(LOCAL_OWNER)[0].is_running and days_left(store) == 7
    button(at, "Stop recording").click().run()
    session = store.overviews(LOCAL_OWNER)[0]
    assert session.readings and not session.is_running and not at.exception
    assert AGREED in session.recording.consent and session.recording.source == "live"
    assert "A session of 00:00 was recorded." in words(at)
    button(at, "Record").click().run()
    assert its.recorder.is_running and not at.radio and len(store.overviews(LOCAL_OWNER)) == 2
    its.recorder.end("The reason.")
    assert "The reason." in words(at.run())
    its.recorder.stop()


class Ticks(Clock):
    """Also counts how often it was asked."""

    calls = 0

    def __call__(self) -> float:
        self.calls += 1
        return super().__call__()

    def wait(self) -> None:
        """Until the recorder has looked at it once more."""
        before = self.calls
        wait_until(lambda: self.calls > before + 1)


Taped = tuple[Viewer, FakeSink, Ticks]
Ends = Callable[[Viewer], None]


@pytest.fixture
def taped(monkeypatch: pytest.MonkeyPatch) -> Iterator[Taped]:
    """A viewer that is being recorded."""
    monkeypatch.setattr(recorder_module, "BATCH_S", 0.01)
    its, sink, clock = viewer(), FakeSink(), Ticks()
    recorder = Recorder(sink, "a", clock=clock)
    its.record(recorder, EXPRESSIONS)
    yield its, sink, clock
    recorder.stop()


def test_frames_of_a_stream_become_readings(taped: Taped) -> None:
    its, sink, _ = taped
    for i in range(40, 50):
        its.on_frame(frame(i))
    its.recorder.stop()
    rows = Readings.join(sink.batches)
    assert set(rows.face.tolist()) == {1} and rows.probabilities.shape[1] == 8
    assert rows.at_s[-1] == pytest.approx(9 / 15) and sink.finished == [pytest.approx(9 / 15)]
    assert its.recorder.failure is None


def other_expressions(its: Viewer) -> None:
    classes = ("neutral", "fear")
    its.settings = LiveSettings(stream=StreamSettings(analysis=AnalysisSettings(classes=classes)))
    its.on_frame(frame(9))


def other_models(its: Viewer) -> None:
    its.use(Analyzer(FakeDetector(ONE), FakeClassifier(EXPRESSIONS)))


ENDS = pytest.mark.parametrize("ends", [other_expressions, other_models])


@ENDS
def test_what_would_mix_numbers_ends_the_recording(taped: Taped, ends: Ends) -> None:
    its, sink, _ = taped
    for i in range(6):
        its.on_frame(frame(i))
    ends(its)
    told = f"because {ends.__name__.replace('_', ' ')} were chosen"
    assert not its.recorder.is_running and told in its.recorder.failure
    its.on_frame(frame(12))
    its.recorder.stop()
    rows = Readings.join(sink.batches)
    assert rows.probabilities.shape[1] == 8 and rows.at_s[-1] <= 5 / 15 + 1e-6


@ENDS
def test_what_comes_after_the_end_is_no_reason_for_it(taped: Taped, ends: Ends) -> None:
    its, _, _ = taped
    its.on_frame(frame(0))
    its.recorder.stop()
    ends(its)
    assert its.recorder.failure is None


def test_a_pause_keeps_the_recording_alive(taped: Taped) -> None:
    its, sink, clock = taped
    its.settings = LiveSettings(is_paused=True)
    for i in range(4):
        its.on_frame(frame(i))
        clock.now_s += 8
        clock.wait()
    assert its.recorder.is_running and not any(len(batch) for batch in sink.batches)
    clock.now_s += 3
    wait_until(lambda: not its.recorder.is_running)


def test_frames_that_fail_do_not_end_the_recording(taped: Taped) -> None:
    its, sink, clock = taped

    def fail(*_: object) -> None:
        raise ModelError("the weights are odd")

    real, its.stream.process = its.stream.process, fail
    for i in range(4):
        its.on_frame(frame(i))
        clock.now_s += 8
        clock.wait()
    its.stream.process = real
    for i in range(4, 9):
        its.on_frame(frame(i))
    assert its.recorder.is_running and its.recorder.failure is None
    wait_until(lambda: sink.batches)


def test_a_recording_without_a_face_runs(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "BATCH_S", 0.01)
    now, clock = store_module.utc_now(), Ticks()
    recorder = Recorder(store, kept(store, made((0, "fear")), is_over=False), clock=clock)
    monkeypatch.setattr(store_module, "utc_now", lambda: now + timedelta(seconds=30))
    recorder.add(Readings.empty(8), 30.0)
    clock.wait()
    assert store.overviews(LOCAL_OWNER)[0].is_running
    recorder.stop()

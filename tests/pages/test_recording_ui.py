"""Sessions recorded, kept, changed, imported and deleted through the pages."""

import gc
import warnings
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from ferapp.emotions import EXPRESSIONS
from ferapp.errors import ModelError, StoreError
from ferapp.pipeline.analyzer import Analyzer
from ferapp.sessions import recorder as recorder_module
from ferapp.sessions import store as store_module
from ferapp.sessions.entries import entering
from ferapp.sessions.formats.exchange import to_csv, to_json, to_parquet
from ferapp.sessions.recorder import Recorder
from ferapp.sessions.session import Marker, Provenance, Readings, SessionInfo
from ferapp.sessions.store import LOCAL_OWNER, Store
from ferapp.settings import AnalysisSettings, StreamSettings
from ferapp.ui.live.webcam import LiveSettings, Viewer
from ferapp.ui.shared import resources
from ferapp.ui.shared.owner import owner
from tests.support.apps import (
    AGREED,
    ASTRONAUT,
    HOPPER,
    agree,
    asks_for_consent,
    button,
    figures,
    open_app,
    open_dashboard,
    page_text,
    upload,
)
from tests.support.fakes import Clock, FakeClassifier, FakeDetector, FakeSink
from tests.support.frames import ONE_FACE, frame, viewer
from tests.support.sessions import face_readings, some_readings, some_recording
from tests.support.silence import shorten_patience, silent_server
from tests.support.stores import add_session, app_store, days_left, forget_store, titles
from tests.support.waiting import wait_until


def test_markers_are_saved_by_time_and_shown_in_the_chart(store: Store) -> None:
    id = add_session(store, some_readings(100), markers=(Marker(3.0, "late"),))
    at = open_dashboard("Events")
    editor = at.data_editor[0]
    assert editor.value["name"].tolist() == ["late"]
    assert "Save events" not in [b.label for b in at.button]
    rows = [
        {"at": 1.0, "end": 2.5, "name": " early "},
        {"at": 2.0, "name": "  "},
        {"at": None, "name": "x"},
    ]
    edits = {"edited_rows": {}, "added_rows": rows, "deleted_rows": []}
    at.session_state[editor.key] = edits
    at.run()
    at.session_state[editor.key] = edits
    next(b for b in at.button if b.label == "Save events").click().run()
    expected = (Marker(1.0, "early", 2.5), Marker(3.0, "late"))
    assert store.overviews(LOCAL_OWNER)[0].recording.markers == expected and not at.exception
    assert at.data_editor[0].key == f"markers-{id}-{hash(expected)}"
    at.segmented_control(key="view-7").set_value("Over time").run()
    drawn = figures(at)["timeline"]["layout"]
    assert [marker["text"] for marker in drawn["annotations"]] == ["early", "late"]
    assert [shape["type"] for shape in drawn["shapes"]] == ["rect", "line", "line"]


@pytest.mark.parametrize("write", [to_json, to_parquet, to_csv])
def test_a_file_becomes_a_session_that_is_chosen(
    store: Store, write: Callable[[SessionInfo, Readings], bytes]
) -> None:
    at = open_dashboard()
    for title in ("one", "two"):
        data = write(some_recording(title=title), some_readings(30))
        name = f"{title}.{write.__name__.removeprefix('to_')}"
        at.file_uploader[0].set_value((name, data, "application/octet-stream")).run()
        imported = next(s for s in store.overviews(LOCAL_OWNER) if s.recording.title == title)
        assert imported.readings == 30 and not imported.is_running
        assert at.selectbox(key="session").value == imported.recording.id and not at.exception
        assert "30 readings" in page_text(at) and "overview" in figures(at)
    at.run()
    assert sorted(titles(store)) == ["one", "two"]


def test_a_file_that_is_there_already_is_shown_or_opened_once_more(store: Store) -> None:
    data = to_json(some_recording(title="A <b>talk"), some_readings(30))
    upload = ("talk.json", data, "application/json")
    at = open_dashboard()
    at.file_uploader[0].set_value(upload).run()
    [first] = store.overviews(LOCAL_OWNER)
    at.file_uploader[0].set_value(upload).run()
    assert "already there" in at.info[0].value and "A <b>talk" in [text.value for text in at.text]
    assert len(titles(store)) == 1 and not at.exception
    at.button(key="import-again-1").click().run()
    assert len(titles(store)) == 2 and not at.info and not at.exception
    at.file_uploader[0].set_value(upload).run()
    at.button(key="import-show-2").click().run()
    assert len(titles(store)) == 2 and not at.info and not at.exception
    assert at.selectbox(key="session").value in {s.recording.id for s in store.overviews("local")}
    assert first.recording.id in {s.recording.id for s in store.overviews(LOCAL_OWNER)}


def test_a_session_of_a_file_shows_its_source_and_an_unknown_date(store: Store) -> None:
    source = Provenance("ab" * 32, 1234, "<b>clip.mp4", datetime(2021, 3, 4, 5, 6))
    info = some_recording(source="video", started=None, provenance=source)
    store.enter(info, some_readings(30), LOCAL_OWNER)
    at = open_dashboard()
    shown = page_text(at)
    assert "Date unknown, added" in shown and "1970" not in shown and not at.exception
    assert "<b>clip.mp4" in [text.value for text in at.text]
    assert "1,234 bytes; recorded 04 March 2021, 05:06 (time zone unknown)" in shown
    assert source.sha256 in [code.value for code in at.code]
    assert "When they were recorded is unknown." in shown
    store.enter(some_recording(id="b2"), some_readings(3), LOCAL_OWNER)
    assert "of 1 the date is unknown" in page_text(at.run())


def test_a_bad_file_gives_a_message_and_adds_nothing(store: Store) -> None:
    at = open_dashboard()
    at.file_uploader[0].set_value(("<b>x.csv", b"GIF89a", "text/csv")).run()
    assert at.error[0].value == "This file could not be opened." and not at.exception
    assert at.text[0].value.startswith("<b>x.csv can't be opened") and titles(store) == []


def test_what_was_ignored_in_a_file_is_said(store: Store) -> None:
    at = open_dashboard()
    rows = to_csv(some_recording(), some_readings(5)).decode("utf-8-sig").splitlines()
    data = "\n".join([f"<b>,{rows[0]}", *(f"1,{row}" for row in rows[1:])]).encode()
    at.file_uploader[0].set_value(("a.csv", data, "text/csv")).run()
    assert at.info[0].value.startswith("Not everything in the file") and not at.exception
    assert "a.csv has columns that were ignored: <b>." in [text.value for text in at.text]
    at.run()
    assert at.info[0].value.startswith("Not everything"), "it stays until another file is imported"
    data = to_csv(some_recording(), some_readings(5))
    at.file_uploader[0].set_value(("b.csv", data, "text/csv")).run()
    assert "Not everything" not in page_text(at) and sorted(titles(store)) == ["a", "b"]


def test_a_file_of_another_program_is_named(store: Store) -> None:
    at = open_dashboard()
    at.file_uploader[0].set_value(("a.sav", b"$FL2@(#) SPSS", "")).run()
    assert "it is an SPSS file" in at.text[0].value and titles(store) == []


def test_a_failed_import_adds_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def add(*_: object, **__: object) -> None:
        raise StoreError("The database of sessions can't be used: the disk is full.")

    monkeypatch.setattr(entering, "add_readings", add)
    at = open_dashboard()
    data = to_json(some_recording(), some_readings(5))
    at.file_uploader[0].set_value(("a.json", data, "application/json")).run()
    assert "the disk is full" in page_text(at) and not at.exception
    assert titles(store) == []


LOCAL_HOSTS = ("localhost:8501", "LOCALHOST", "127.0.0.1:8501", "[::1]:8501", "[::1]")
OTHER_HOSTS = ("192.168.1.5:8501", "[::2]:80", "localhost.example:80", "127.0.0.1.example", "")


@pytest.mark.parametrize("host", LOCAL_HOSTS + OTHER_HOSTS)
def test_only_this_machine_has_sessions(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    context = SimpleNamespace(headers={"Host": host}, ip_address=None)
    monkeypatch.setattr("ferapp.ui.shared.owner.st", SimpleNamespace(user={}, context=context))
    if host in LOCAL_HOSTS:
        assert owner() == LOCAL_OWNER
    else:
        with pytest.raises(StoreError, match="from another machine"):
            owner()


def test_a_claimed_host_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    context = SimpleNamespace(headers={"Host": "localhost"}, ip_address="192.168.1.5")
    monkeypatch.setattr("ferapp.ui.shared.owner.st", SimpleNamespace(user={}, context=context))
    with pytest.raises(StoreError, match="from another machine"):
        owner()


@pytest.mark.parametrize(
    "header",
    [
        *("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip"),
        *("Via", "CF-Connecting-IP", "True-Client-IP", "X-Client-Ip"),
    ],
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
def other_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page was opened under the name of another machine."""
    monkeypatch.setattr("streamlit.runtime.context.ContextProxy.headers", {"Host": "a.example"})


@pytest.mark.usefixtures("other_machine")
def test_a_visitor_from_another_machine_gets_a_message_and_no_session(store: Store) -> None:
    add_session(store, some_readings(5), title="secret")
    at = open_dashboard()
    assert "from another machine" in page_text(at) and not at.exception and not at.selectbox
    at = upload(open_app(), a=ASTRONAUT)
    button(at, "Keep as a session").click().run()
    assert "from another machine" in page_text(at) and not at.exception and not asks_for_consent(at)
    assert "**This did not work**" not in page_text(at), "only a dialog says so; the page goes on"
    assert len(titles(store)) == 1


@pytest.mark.usefixtures("other_machine")
def test_logged_in_visitors_see_and_delete_only_their_own_sessions(store: Store) -> None:
    add_session(store, some_readings(5), title="of the machine")
    for sub in "ab":
        add_session(store, some_readings(5), title=f"of {sub}", owner=f"https://id|{sub}")
    for sub in "ab":
        at = open_dashboard()
        at.user = {"is_logged_in": True, "iss": "https://id", "sub": sub}
        assert at.run().selectbox(key="session").options == [f"of {sub} (00:00)"]
        at.button(key="delete-all").click().run()
        assert len(store.overviews("https://id|b")) == (sub == "a")
    assert titles(store) == ["of the machine"]


def test_a_database_that_cannot_be_opened_breaks_no_other_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").write_text("in the way")
    with pytest.raises(StoreError), app_store(tmp_path / "sub", monkeypatch):
        pass
    at = open_dashboard()
    assert "**This did not work**" in page_text(at) and "can't be used" in page_text(at)
    assert str(tmp_path / "sub" / "sessions.db") in page_text(at)
    assert "FERAPP_DATABASE_URL" in page_text(at), "the message names the setting to change"
    assert not at.exception
    at = upload(open_app(), a=ASTRONAUT)
    button(at, "Keep as a session").click().run()
    assert "can't be used" in page_text(at) and "**This did not work**" not in page_text(at)
    assert not at.exception and not asks_for_consent(at)
    (tmp_path / "sub").unlink()
    with app_store(tmp_path / "sub", monkeypatch):
        assert "Nothing is recorded yet" in page_text(open_dashboard()), (
            "the next visit tries it again"
        )


def test_pictures_are_kept_as_numbers_after_consent(store: Store, tmp_path: Path) -> None:
    at = upload(open_app(), a_name_to_find=ASTRONAUT)
    assert not store.overviews(LOCAL_OWNER)
    agree(at, "Keep as a session")
    assert not at.exception and "Kept as a session." in at.success[0].value
    session = store.overviews(LOCAL_OWNER)[0]
    assert AGREED in session.recording.consent and "kept for 7 days" in session.recording.consent
    assert session.recording.source == "pictures" and not session.is_running
    assert days_left(store) == 7
    assert store.readings(session.recording.id, LOCAL_OWNER).expression.tolist() == ["happiness"]
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert AGREED.encode() in stored, "or the search proves nothing"
    for needle in (b"a_name_to_find", b".jpg", b"\xff\xd8\xff", b"\x89PNG", b"RIFF"):
        assert needle not in stored
    upload(at, b=HOPPER)
    button(at, "Keep as a session").click().run()
    assert asks_for_consent(at) and not at.success, (
        "others may be shown, so consent is asked for again"
    )
    assert len(store.overviews(LOCAL_OWNER)) == 1


def live_recording() -> None:
    """Only the recording controls, as the live page shows them beside the video."""
    import streamlit as st

    from ferapp.settings import StreamSettings
    from ferapp.ui.live import recording
    from ferapp.ui.shared import controls

    choice, viewer = controls.sidebar(), st.session_state["viewer-of-test"]
    recording.live_controls(viewer, choice, StreamSettings(), is_on=st.session_state["is_on"])
    recording.live_mark(viewer)


def test_a_stream_is_recorded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    # The script has no pages that it could link to.
    monkeypatch.setattr("streamlit.page_link", lambda *_, **__: None)
    at = AppTest.from_function(live_recording, default_timeout=30)
    at.session_state["viewer-of-test"] = me = viewer()
    at.session_state["is_on"] = False
    assert button(at.run(), "Record").disabled and "Recording" not in page_text(at)
    at.session_state["is_on"] = True
    agree(at.run(), "Record")
    assert not at.exception and me.recorder is not None and me.recorder.is_running
    for i in range(10):
        me.on_frame(frame(i))
    assert ":red[**● Recording 00:00**]" in page_text(at.run())
    assert store.overviews(LOCAL_OWNER)[0].is_running and days_left(store) == 7
    button(at, "Stop recording").click().run()
    session = store.overviews(LOCAL_OWNER)[0]
    assert session.readings and not session.is_running and not at.exception
    assert AGREED in session.recording.consent and session.recording.source == "live"
    assert "A session of 00:00 was recorded." in page_text(at)
    button(at, "Record").click().run()
    assert (
        me.recorder.is_running
        and not asks_for_consent(at)
        and len(store.overviews(LOCAL_OWNER)) == 2
    )
    me.recorder.end("The reason.")
    assert "The reason." in page_text(at.run())
    me.recorder.stop()


@pytest.mark.usefixtures("without_webrtc_session")
def test_leaving_the_live_page_saves_the_recording_and_says_so(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = open_app()
    at.session_state["viewer"] = me = viewer()
    # Other models would end the recording.
    monkeypatch.setattr("ferapp.ui.shared.resources.analyzer", lambda _: me._analyzer)
    me.record(Recorder(store, add_session(store, some_readings(3), is_over=False)), EXPRESSIONS)
    for i in range(46):
        me.on_frame(frame(i))
    at.switch_page("../../pages/live.py").run()
    assert me.recorder.is_running and not at.toast and not at.exception
    assert "ends the recording and saves it" in page_text(at)
    at.switch_page("../../pages/about.py").run()
    assert at.toast[0].value == "Recording saved: 00:03. It is on the dashboard."
    session = store.overviews(LOCAL_OWNER)[0]
    assert not session.is_running and 3.0 <= session.duration_s < 4.6
    assert len(store.readings(session.recording.id, LOCAL_OWNER)) > 40 and not at.exception
    assert not at.run().toast, "once is enough"


def test_a_recording_that_cannot_be_saved_on_leaving_says_so() -> None:
    at = open_app()
    at.session_state["viewer"] = me = viewer()
    sink = FakeSink()
    sink.failure = StoreError("It is `locked`.", may_pass=True)
    me.record(Recorder(sink, "a"), EXPRESSIONS)
    me.on_frame(frame(0))
    at.switch_page("../../pages/about.py").run()
    assert at.toast[0].value == "The recording ended early; the live page says why."
    assert not at.exception and me.recorder.failure == "It is `locked`."


class CountingClock(Clock):
    """A clock that counts how often it is read."""

    calls = 0

    def __call__(self) -> float:
        self.calls += 1
        return super().__call__()

    def wait(self) -> None:
        """Wait until the recorder has read it once more."""
        before = self.calls
        wait_until(lambda: self.calls > before + 1)


Recorded = tuple[Viewer, FakeSink, CountingClock]
Ends = Callable[[Viewer], None]


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    """A viewer that is being recorded."""
    monkeypatch.setattr(recorder_module, "BATCH_S", 0.01)
    me, sink, clock = viewer(), FakeSink(), CountingClock()
    recorder = Recorder(sink, "a", clock=clock)
    me.record(recorder, EXPRESSIONS)
    yield me, sink, clock
    recorder.stop()


def test_frames_of_a_stream_become_readings(recording: Recorded) -> None:
    me, sink, _ = recording
    for i in range(40, 50):
        me.on_frame(frame(i))
    me.recorder.stop()
    rows = Readings.join(sink.batches)
    assert set(rows.face.tolist()) == {1} and rows.probabilities.shape[1] == 8
    assert rows.at_s[-1] == pytest.approx(9 / 15) and 0.66 < sink.finished[0] < 2.2
    assert me.recorder.failure is None


def other_expressions(me: Viewer) -> None:
    classes = ("neutral", "fear")
    me.settings = LiveSettings(stream=StreamSettings(analysis=AnalysisSettings(classes=classes)))
    me.on_frame(frame(9))


def other_models(me: Viewer) -> None:
    me.use(Analyzer(FakeDetector(ONE_FACE), FakeClassifier(EXPRESSIONS)))


ENDS = pytest.mark.parametrize("ends", [other_expressions, other_models])


@ENDS
def test_other_models_or_expressions_end_the_recording(recording: Recorded, ends: Ends) -> None:
    me, sink, _ = recording
    for i in range(6):
        me.on_frame(frame(i))
    ends(me)
    reason = f"because {ends.__name__.replace('_', ' ')} were chosen"
    assert not me.recorder.is_running and reason in me.recorder.failure
    me.on_frame(frame(12))
    me.recorder.stop()
    rows = Readings.join(sink.batches)
    assert rows.probabilities.shape[1] == 8 and rows.at_s[-1] <= 5 / 15 + 1e-6


@ENDS
def test_changes_after_the_end_are_not_its_reason(recording: Recorded, ends: Ends) -> None:
    me, _, _ = recording
    me.on_frame(frame(0))
    me.recorder.stop()
    ends(me)
    assert me.recorder.failure is None


def test_a_pause_keeps_the_recording_alive(recording: Recorded) -> None:
    me, sink, clock = recording
    me.settings = LiveSettings(is_paused=True)
    for i in range(4):
        me.on_frame(frame(i))
        clock.now_s += 8
        clock.wait()
    assert me.recorder.is_running and not any(len(batch) for batch in sink.batches)
    clock.now_s += 3
    wait_until(lambda: not me.recorder.is_running)


def test_frames_that_fail_do_not_end_the_recording(recording: Recorded) -> None:
    me, sink, clock = recording

    def fail(*_: object) -> None:
        raise ModelError("the weights are odd")

    real, me.stream.process = me.stream.process, fail
    for i in range(4):
        me.on_frame(frame(i))
        clock.now_s += 8
        clock.wait()
    me.stream.process = real
    for i in range(4, 9):
        me.on_frame(frame(i))
    assert me.recorder.is_running and me.recorder.failure is None
    wait_until(lambda: sink.batches)


def test_a_recording_without_a_face_continues(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "BATCH_S", 0.01)
    now, clock = store_module.utc_now(), CountingClock()
    recorder = Recorder(
        store, add_session(store, face_readings((0, "fear")), is_over=False), clock=clock
    )
    for module in (store_module, entering):
        monkeypatch.setattr(module, "utc_now", lambda: now + timedelta(seconds=30))
    recorder.add(Readings.empty(8), 30.0)
    clock.wait()
    assert store.overviews(LOCAL_OWNER)[0].is_running
    recorder.stop()


def test_a_database_that_says_nothing_costs_a_sentence_where_it_is_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shorten_patience(monkeypatch)
    monkeypatch.setattr(resources, "_SLOW_S", 0.1)
    with silent_server() as url:
        monkeypatch.setenv("FERAPP_DATABASE_URL", url)
        forget_store()
        at = open_dashboard()
        assert "its server does not answer" in page_text(at) and not at.exception
        assert "127.0.0.1" not in page_text(at) and "geheim" not in page_text(at)
        at = upload(open_app(), a=ASTRONAUT)
        assert "does not answer" not in page_text(at) and not at.exception
        assert button(at, "Keep as a session")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
    forget_store()


def test_visitors_do_not_wait_one_after_the_other_for_a_database_that_is_silent() -> None:
    clock, attempts = Clock(), []

    def fail() -> Store:
        attempts.append(clock.now_s)
        clock.now_s += 5
        raise StoreError("silent", may_pass=True)

    opening = resources.Opening(fail, clock)
    for _ in range(10):
        with pytest.raises(StoreError, match="silent"):
            opening.open()
    clock.now_s = 10.1
    with pytest.raises(StoreError, match="silent"):
        opening.open()
    assert attempts == [0, 10.1]

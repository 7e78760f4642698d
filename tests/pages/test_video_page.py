"""The video page as a visitor's session sees it: a video, its reading, its results, its copy."""

import io
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from ferapp.emotions import EXPRESSIONS
from ferapp.errors import VideoError
from ferapp.inference.manifest import manifest
from ferapp.media.video import VideoInfo
from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.annotated_copy.overlay import Overlay
from ferapp.pipeline.clip import Clip
from ferapp.sessions.session import Readings
from ferapp.sessions.store import LOCAL_OWNER, Store
from ferapp.settings import ClipSettings, StreamSettings
from ferapp.types import Faces
from ferapp.ui.live.webcam import demo_frame
from ferapp.ui.server import private_parts
from ferapp.ui.shared.session_keys import SessionKey
from ferapp.ui.video import jobs
from ferapp.ui.video import page as video
from ferapp.ui.video import results as video_results
from ferapp.vision.crops import resize
from tests.support.apps import AGREED, agree, button, figures, words
from tests.support.fakes import Clock, FakeClassifier, FakeDetector, FakeWork
from tests.support.places import ROOT
from tests.support.sessions import made, some_readings
from tests.support.stores import HOSTILE, sessions_in
from tests.support.videos import cut, numbered, solid, written
from tests.support.waiting import wait_until

LONG_S = 30
VIEWS = ("Over time", "Summary", "Replay", "Annotated copy", "Files")
HALF = (320, 240)
NEW, DONE = "Analyse", "Analyse again"


def page() -> AppTest:
    """A new session that has opened the page by itself."""
    return AppTest.from_file(ROOT / "pages" / "video.py", default_timeout=LONG_S).run()


def upload(at: AppTest, data: bytes, name: str = "x.mp4") -> AppTest:
    return at.file_uploader[0].set_value((name, data, "video/mp4")).run()


def labels(at: AppTest) -> set[str]:
    """Of the buttons below the settings."""
    return {b.label for b in at.button} - {"Reset", "Remove the video from before"}


def analyse(at: AppTest, label: str = NEW) -> AppTest:
    """Press the button, and come back to the page when all is read."""
    button(at, label).click().run()
    assert not at.exception and at.session_state["video-job"].wait(LONG_S)
    return at.run()


def look_at(at: AppTest, view: str) -> AppTest:
    return at.segmented_control(key="video-view").set_value(view).run()


def clip_of(at: AppTest) -> Clip:
    return at.session_state["video-job"].work.clip


def copy_of(at: AppTest) -> AppTest:
    """Press the button, and come back when the copy is made or not."""
    button(at, "Make the copy").click().run()
    assert not at.exception and at.session_state["copy-job"].wait(LONG_S)
    return at.run()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("videos")


@pytest.fixture(scope="module")
def pair(folder: Path) -> bytes:
    """Two and a half seconds: a face on the left for one, then another on the right for two."""
    nobody = solid(96, HALF)
    frames = [
        np.hstack([portrait(2, n) if n < 10 else nobody, portrait(17.3, n) if n >= 5 else nobody])
        for n in range(25)
    ]
    return written(folder / "pair.mp4", frames, sound="aac").read_bytes()


def portrait(start_s: float, n: int) -> np.ndarray:
    """A frame of the demo clip, made smaller."""
    return resize(demo_frame(start_s + n / 10), HALF)


@pytest.fixture(scope="module")
def nobody(folder: Path) -> bytes:
    return written(folder / "nobody.mp4", numbered(8)).read_bytes()


@pytest.fixture(autouse=True)
def _line() -> Iterator[None]:
    """Each test has a line of its own, and leaves nobody in it."""
    jobs._seats.clear()
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        if thread.name.startswith("job"):
            thread.join(LONG_S)
            assert not thread.is_alive()
    jobs._seats.clear()


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Reading goes on frame by frame until it is set, then at full speed."""
    may_hurry = threading.Event()
    real = Analyzer.detect

    def detect(self: Analyzer, *args: Any) -> Faces:
        may_hurry.wait(0.1)
        return real(self, *args)

    monkeypatch.setattr(Analyzer, "detect", detect)
    yield may_hurry
    may_hurry.set()


def test_the_empty_page_says_what_to_do() -> None:
    at = page()
    assert not at.exception and labels(at) == set()
    assert "Choose a video, or try the demo clip" in words(at) and "not a feeling" in words(at)
    assert "prohibited in the EU" in words(at) and "python -m ferapp batch" in words(at)
    assert {".mp4", ".webm"} <= set(at.file_uploader[0].allowed_type)


def test_unknown_length_and_frame_rate_are_shown_as_unknown(
    monkeypatch: pytest.MonkeyPatch, pair: bytes
) -> None:
    info = VideoInfo("matroska", "vp9", (64, 48), None, None, False)
    monkeypatch.setattr(video, "Video", lambda file: _Open(info))
    at = upload(page(), pair)
    assert "unknown length · unknown frame rate · **64 × 48** pixels" in words(at)
    assert "codec **vp9** · no sound" in words(at)
    assert "frames will be read" not in words(at) and not at.exception
    at.selectbox(key="video-rate").set_value("2 a second").run()
    assert "frames will be read" not in words(at) and not at.exception


class _Open:
    """A video of which a container claims something."""

    def __init__(self, info: VideoInfo) -> None:
        self.info = info

    def __enter__(self) -> "_Open":
        return self

    def __exit__(self, *_: object) -> None:
        pass


def test_the_demo_clip_shows_three_faces() -> None:
    at = page()
    at.segmented_control(key="video-where").set_value("Demo clip").run()
    assert not at.file_uploader and "**640 × 480** pixels" in words(at) and "no sound" in words(at)
    at.selectbox(key="video-rate").set_value("2 a second").run()
    assert "About 48 frames will be read." in words(at)
    analyse(at)
    assert "3 faces in 48 frames over 00:2" in words(at) and not at.exception
    assert "happiness > 99 %" in words(at) and labels(at) == {"Keep as a session"}


@pytest.fixture(scope="module")
def done(pair: bytes) -> dict[str, Any]:
    """What a session remembers after it has read an upload."""
    jobs._seats.clear()
    at = analyse(upload(page(), pair))
    assert "2 faces in 25 frames" in words(at)
    names = ("video-upload", "video-job", "video-order", "video-info")
    return {name: at.session_state[name] for name in names}


@pytest.fixture
def read(done: dict[str, Any]) -> AppTest:
    """The page with what was read from an upload, as after a look at another page."""
    at = AppTest.from_file(ROOT / "pages" / "video.py", default_timeout=LONG_S)
    for name, value in done.items():
        at.session_state[name] = value
    return at.run()


def test_every_face_has_a_card_the_longest_first(read: AppTest) -> None:
    assert not read.exception and "2 faces in 25 frames over 00:02" in words(read)
    faces = [m.value for m in read.markdown if m.value.startswith("**Face")]
    assert faces == ["**Face 2**", "**Face 1**"]
    assert len(read.get("image")) == 2, "a portrait each"
    assert "00:00 to 00:02  \nneutral" in words(read)
    assert "00:00 to 00:00  \nhappiness" in words(read)
    assert labels(read) == {"Keep as a session"} and not read.warning


@pytest.mark.parametrize(
    ("view", "charts", "files"),
    [
        ("Over time", {"timeline", "affect"}, 0),
        ("Summary", {"shares"}, 0),
        ("Replay", {"replay-frame", "replay-bars"}, 0),
        ("Annotated copy", set(), 0),
        ("Files", set(), 4),
    ],
)
def test_every_view_shows_what_was_read(
    read: AppTest, view: str, charts: set[str], files: int
) -> None:
    at = look_at(read, view)
    if view == "Over time":
        at.toggle(key="with-affect").set_value(True).run()
    assert not at.exception and set(figures(at)) == charts
    assert len(at.get("download_button")) == files
    if view == "Summary":
        assert "neutral" in at.dataframe[0].value["expression"].tolist()


def shown(*readings: Readings, damage: str = "") -> SimpleNamespace:
    """A reading that is done."""
    joined = Readings.join([Readings.empty(len(EXPRESSIONS)), *readings])
    by_time = joined.at(np.argsort(joined.at_s, kind="stable"))
    duration_s = float(by_time.at_s[-1])
    info = VideoInfo("mov", "h264", (640, 480), 10.0, duration_s, False)
    nothing = (np.empty(0), np.empty((0, 4), np.float32))
    clip = Clip(info, EXPRESSIONS, by_time, *nothing, 40, 0.1, duration_s, True, damage)
    return SimpleNamespace(clip=clip, portraits={})


def results() -> None:
    """What was read, alone, as the page shows it."""
    import streamlit as st

    from ferapp.settings import ClipSettings
    from ferapp.ui.video import results as video_results

    reading, analyzer = st.session_state["reading"], st.session_state["analyzer"]
    video_results.show("x", lambda: b"", reading, analyzer, ClipSettings())


def page_of(reading: SimpleNamespace) -> AppTest:
    known = manifest().defaults
    no_face = Faces(np.empty((0, 4), np.float32), np.empty(0, np.float32))
    at = AppTest.from_function(results, default_timeout=LONG_S)
    at.session_state["analyzer"] = Analyzer(
        FakeDetector(no_face),
        FakeClassifier(EXPRESSIONS),
        detector_name=known.detector,
        classifier_name=known.classifier,
    )
    at.session_state["reading"] = reading
    return at.run()


STEADY = made(*((n / 10, "happiness") for n in range(40)), face=1)
ODD = {
    "a face in one frame alone": made((1.0, "anger"), face=2),
    "two readings with a pause": made((0.0, "anger"), (3.0, "fear"), face=2),
    "a face that could never be read": made(
        *((n / 10, None) for n in range(5)), face=2, flaws=dict.fromkeys(range(5), "blurred")
    ),
    "a face that is never sure": made(*((n / 10, None) for n in range(5)), face=2),
}


@pytest.mark.parametrize("face", ODD)
def test_odd_faces_break_no_view(face: str) -> None:
    at = page_of(shown(STEADY, ODD[face]))
    assert not at.exception, at.exception[0].message
    assert "2 faces" in words(at) and "**Face 2**" in words(at)
    if "never be read" in face:
        assert "not readable" in words(at)
    for view in VIEWS:
        look_at(at, view)
        for select in at.selectbox:
            if str(select.key).startswith("face-"):
                select.set_value(2).run()
        assert not at.exception, (view, at.exception[0].message)


def test_a_crowd_has_only_so_many_cards() -> None:
    at = page_of(shown(some_readings(5, faces=15)))
    assert words(at).count("**Face ") == 12 and "3 more faces" in words(at) and not at.exception


def test_a_file_without_a_face_shows_no_error(nobody: bytes) -> None:
    at = analyse(upload(page(), nobody))
    assert "8 frames over 00:00: no face was found." in words(at) and not at.exception
    assert labels(at) == set() and not at.get("download_button") and not at.warning


def test_of_a_damaged_clip_the_rest_is_shown(folder: Path) -> None:
    frames = [portrait(2, n) for n in range(30)]
    path = written(folder / "cut.mp4", frames, options={"movflags": "+faststart"})
    at = analyse(upload(page(), cut(path, 0.6).read_bytes()))
    assert at.warning[0].value.startswith("**Partial.** The video") and not at.exception
    assert "1 face in 1" in words(at) and "**Face 1**" in words(at)
    assert len(look_at(at, "Files").get("download_button")) == 4


BROKEN = {
    "empty": b"",
    "a picture": b"GIF89a",
    "cut": b"\0\0\0\x18ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(100),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_upload_is_one_sentence(broken: str) -> None:
    at = upload(page(), BROKEN[broken], "<b>secret.mp4")
    assert not at.exception and "**This did not work**" in words(at)
    sentence = at.text[0].value
    assert len(at.text) == 1 and sentence.endswith(".") and "\n" not in sentence
    assert all(
        part not in words(at) for part in ("secret", "Traceback", str(ROOT), "/tmp", "Errno")
    )
    assert labels(at) == set()


def test_a_good_upload_after_a_broken_one(pair: bytes) -> None:
    at = upload(page(), b"GIF89a")
    upload(at, pair)
    assert "**This did not work**" not in words(at) and labels(at) == {NEW}


@pytest.mark.parametrize(
    ("error", "told"),
    [
        pytest.param(VideoError("The decoder is tired."), "The decoder is tired.", id="a sentence"),
        pytest.param(ZeroDivisionError("/srv/secret"), "error in the app", id="anything else"),
    ],
)
def test_a_failed_analysis_shows_why_and_can_be_tried_again(
    pair: bytes, monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(video, "VideoAnalysisJob", fail)
        at = analyse(upload(page(), pair))
    assert "**This did not work**" in words(at) and told in at.text[0].value
    assert not at.exception and "secret" not in words(at) and labels(at) == {DONE}
    analyse(at, DONE)
    assert "2 faces" in words(at) and "**This did not work**" not in words(at)


@pytest.mark.parametrize(
    ("limit", "value", "told"),
    [("MAX_HOURS", 0.0005, "The video lasts 00:02"), ("MAX_MB", 1, "larger than 1 MB")],
)
def test_a_video_that_is_too_large_is_refused_with_a_sentence(
    pair: bytes, monkeypatch: pytest.MonkeyPatch, limit: str, value: float, told: str
) -> None:
    monkeypatch.setattr(video, limit, value)
    at = upload(page(), pair + bytes(1_000_000))
    assert told in at.text[0].value and "python -m ferapp video" in at.text[0].value
    assert not at.exception and labels(at) == set()


def test_while_it_is_read_progress_and_a_picture_are_shown(
    pair: bytes, slow: threading.Event
) -> None:
    at = upload(page(), pair)
    button(at, NEW).click().run()
    job = at.session_state["video-job"]
    wait_until(lambda: job.done >= 1)
    at.run()
    assert labels(at) == {"Cancel"} and not at.exception
    bar = at.get("progress")[0].proto
    assert "of 25 frames read" in bar.text and "left" in bar.text and 0 < bar.value < 100
    assert len(at.get("image")) == 1 and "faces in" not in words(at)
    slow.set()
    assert job.wait(LONG_S)
    assert "2 faces" in words(at.run()) and not at.get("progress")


def test_it_can_be_cancelled_and_begun_again(pair: bytes, slow: threading.Event) -> None:
    at = upload(page(), pair)
    button(at, NEW).click().run()
    job = at.session_state["video-job"]
    wait_until(lambda: job.done >= 1)
    button(at.run(), "Cancel").click().run()
    assert job.wait(3) and job.state == "cancelled"
    at.run()
    assert "Cancelled; nothing was kept." in words(at) and labels(at) == {DONE}
    assert not at.get("progress") and not at.get("image") and not at.exception
    slow.set()
    assert "2 faces" in words(analyse(at, DONE))


def test_what_is_cancelled_is_not_kept(pair: bytes, slow: threading.Event) -> None:
    at = upload(page(), pair)
    button(at, NEW).click().run()
    job = at.session_state["video-job"]
    wait_until(lambda: job.work is not None and job.work.preview and job.done >= 3)
    button(at.run(), "Cancel").click().run()
    assert job.wait(3)
    at.run()
    work = at.session_state["video-job"].work
    assert work is None or (work.clip is None and not work.portraits and not work.preview)


def test_one_video_at_a_time_and_each_visitor_their_own(
    pair: bytes, nobody: bytes, slow: threading.Event
) -> None:
    first, second = upload(page(), pair), upload(page(), nobody)
    button(first, NEW).click().run()
    wait_until(lambda: first.session_state["video-job"].done >= 1)
    button(second, NEW).click().run()
    mine, other = first.session_state["video-job"], second.session_state["video-job"]
    assert mine is not other
    wait_until(lambda: other.place == 1)
    second.run()
    assert "You are number 1 in the queue." in second.get("progress")[0].proto.text
    assert labels(second) == {"Cancel"} and not second.exception and other.state == "waiting"
    button(first.run(), "Cancel").click().run()
    slow.set()
    assert other.wait(LONG_S) and other.state == "done" and mine.state == "cancelled"
    assert "no face was found" in words(second.run()) and "Cancelled" in words(first.run())
    assert "no face" not in words(first) and "Cancelled" not in words(second)


def test_settings_reach_the_reading(pair: bytes) -> None:
    at = upload(page(), pair)
    assert at.slider(key="video-smoothing").value == StreamSettings().time_constant_s
    assert at.number_input(key="video-every").value is None
    at.selectbox(key="video-rate").set_value("5 a second")
    at.number_input(key="video-every").set_value(3)
    at.slider(key="video-smoothing").set_value(1.5)
    at.slider(key="confidence").set_value(0.6)
    analyse(at.run())
    settings: ClipSettings = at.session_state["video-order"].settings
    assert settings.per_second == 5 and settings.stream.analysis.detection.confidence == 0.6
    assert settings.stream.detect_every == 3 and settings.stream.time_constant_s == 1.5
    assert settings.stream.reads_followed and clip_of(at).frames in (12, 13)


@pytest.mark.parametrize("setting", ["rate", "confidence"])
def test_results_of_other_settings_say_so(read: AppTest, setting: str) -> None:
    at = read

    def use(rate: str, confidence: float) -> None:
        if setting == "rate":
            at.selectbox(key="video-rate").set_value(rate).run()
        else:
            at.slider(key="confidence").set_value(confidence).run()

    use("5 a second", 0.7)
    assert "The settings have changed since these results were made." in words(at)
    assert labels(at) == {DONE, "Keep as a session"} and "2 faces in 25 frames" in words(at)
    use("Every frame", 0.5)
    assert "have changed since" not in words(at) and labels(at) == {"Keep as a session"}
    use("5 a second", 0.7)
    analyse(at, DONE)
    assert "have changed since" not in words(at) and not at.exception
    assert f"in {12 if setting == 'rate' else 25}" in words(at).replace("in 13", "in 12")


def test_another_upload_forgets_the_first(read: AppTest, nobody: bytes) -> None:
    read = copy_of(look_at(read, "Annotated copy"))
    old = read.session_state["video-job"]
    upload(read, nobody)
    assert "faces in" not in words(read) and labels(read) == {NEW} and not read.exception
    for key in ("video-job", "copy-job", "video-session", "video-order", "copy-asked"):
        assert key not in read.session_state
    analyse(read)
    assert read.session_state["video-job"] is not old and "no face was found" in words(read)


@pytest.mark.parametrize("after", ["another upload", "none", "the demo clip"])
def test_a_video_that_is_gone_is_not_read_on(
    pair: bytes, nobody: bytes, slow: threading.Event, after: str
) -> None:
    at = upload(page(), pair)
    button(at, NEW).click().run()
    job = at.session_state["video-job"]
    wait_until(lambda: job.done >= 1)
    match after:
        case "another upload":
            upload(at, nobody)
        case "none":
            at.file_uploader[0].set_value(None).run()
        case _:
            at.segmented_control(key="video-where").set_value("Demo clip").run()
    assert job.wait(3) and job.state == "cancelled" and "video-job" not in at.session_state
    assert not at.exception and "Cancel" not in labels(at)
    assert ("try the demo clip" in words(at)) == (after == "none")


@pytest.fixture
def pages(done: dict[str, Any]) -> AppTest:
    """The same in an app that has other pages as well."""
    # Beside the pages, or it could not find them; the script itself shows nothing.
    at = AppTest.from_file(ROOT / "app.py", default_timeout=LONG_S)
    for name, value in done.items():
        at.session_state[name] = value
    return at.run().switch_page("pages/video.py").run()


def test_results_and_settings_wait_while_another_page_is_looked_at(pages: AppTest) -> None:
    at = pages
    at.number_input(key="video-every").set_value(3).run()
    at.switch_page("pages/about.py").run()
    assert "2 faces" not in words(at) and not at.exception
    at.switch_page("pages/video.py").run()
    assert "2 faces in 25 frames" in words(at) and not at.exception
    assert at.number_input(key="video-every").value == 3


def test_an_upload_whose_widget_is_empty_again_can_be_removed(read: AppTest) -> None:
    """In a browser the widget forgets the file when the page is left; the upload is kept."""
    assert "**640 × 240** pixels" in words(read) and "2 faces" in words(read)
    button(read, "Remove the video from before").click().run()
    assert "try the demo clip" in words(read) and labels(read) == set() and not read.exception
    assert "video-job" not in read.session_state and not read.get("image")


def test_a_name_is_never_taken_for_markdown(pair: bytes) -> None:
    at = analyse(upload(page(), pair, f"{HOSTILE}.mp4"))
    pages = [words(at), *(words(look_at(at, view)) for view in VIEWS)]
    assert not at.exception and not any("evil" in page or "<b>" in page for page in pages)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    # The page alone knows no others that it could link to.
    monkeypatch.setattr("streamlit.page_link", lambda *_, **__: None)
    with sessions_in(tmp_path, monkeypatch) as opened:
        yield opened


def test_it_is_kept_as_numbers_after_consent(store: Store, pair: bytes, tmp_path: Path) -> None:
    at = analyse(upload(page(), pair, "a_name_to_find.mp4"))
    assert not store.overviews(LOCAL_OWNER)
    agree(at, "Keep as a session")
    assert not at.exception and "Kept as a session." in at.success[0].value
    assert "Keep as a session" not in labels(at)
    session = store.overviews(LOCAL_OWNER)[0]
    assert session.recording.source == "video" and not session.is_running
    assert AGREED in session.recording.consent and session.recording.title.startswith("Video, ")
    assert session.duration_s == pytest.approx(2.5) and at.session_state["next-session"]
    settings = session.recording.settings
    assert settings["stream"]["detect_every"] is None and settings["per_second"] is None
    kept, read = store.readings(session.recording.id, LOCAL_OWNER), clip_of(at).readings
    assert len(kept) == len(read) > 20
    for name, column in vars(kept).items():
        np.testing.assert_array_equal(column, vars(read)[name], err_msg=name)
    files = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert AGREED.encode() in files, "or the search proves nothing"
    assert b"a_name_to_find" not in files and b"\xff\xd8\xff" not in files
    at.run()
    assert len(store.overviews(LOCAL_OWNER)) == 1, "once"


def test_another_reading_can_be_kept_again(store: Store, read: AppTest) -> None:
    agree(read, "Keep as a session")
    read.selectbox(key="video-rate").set_value("5 a second").run()
    assert read.success
    analyse(read, DONE)
    assert not read.success
    agree(read, "Keep as a session")
    assert len(store.overviews(LOCAL_OWNER)) == 2 and read.success and not read.exception


# The annotated copy.


@pytest.fixture
def copying(read: AppTest) -> AppTest:
    return look_at(read, "Annotated copy")


def test_at_first_the_longest_face_alone_can_be_seen(copying: AppTest, pair: bytes) -> None:
    at = copying
    assert at.multiselect(key="copy-shown").options == ["Face 2", "Face 1"]
    assert at.multiselect(key="copy-shown").value == [2] and at.toggle(key="copy-blur").value
    assert not at.get("video") and not at.get("download_button")
    copy_of(at)
    assert not at.exception and len(at.get("video")) == 1 and "Make the copy" not in labels(at)
    assert at.get("download_button")[0].label.startswith("Download the copy (")
    assert "check the copy before you share it" in words(at) and not at.warning
    mp4 = at.session_state["copy-job"].work.mp4
    with av.open(io.BytesIO(mp4)) as made, av.open(io.BytesIO(pair)) as source:
        assert made.streams.audio and made.streams.video[0].codec_context.name == "h264"
        images = [frame.to_ndarray(format="rgb24") for frame in made.decode(video=0)]
        before = [frame.to_ndarray(format="rgb24") for frame in source.decode(video=0)]
    assert len(images) == 25 and images[0].shape == (240, 640, 3)
    readings = clip_of(at).readings
    for face, is_hidden in ((1, True), (2, False)):
        its = readings.of(face)
        middle = len(its) // 2
        number, box = round(10 * its.at_s[middle]), its.xyxy[middle]
        assert (detail(images[number], box) < 0.5 * detail(before[number], box)) == is_hidden


def detail(image: np.ndarray, xyxy: np.ndarray) -> float:
    """How much neighbouring pixels in the middle of a box differ."""
    x, y, right, bottom = xyxy.round().astype(int)
    dx, dy = (right - x) // 4, (bottom - y) // 4
    part = image[y + dy : bottom - dy, x + dx : right - dx].astype(float).mean(axis=2)
    return float(np.abs(np.diff(part, axis=1)).mean())


class FakeCopying(FakeWork):
    """A copy that takes as long as the test says."""

    mp4 = b""
    note = "The sound of the video can't be read. The copy has none."

    def __iter__(self) -> Iterator[float]:
        yield from super().__iter__()
        self.mp4 = b"\0\0\0\x18ftypisom"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeCopying:
    work = FakeCopying()
    monkeypatch.setattr(video_results, "VideoCopyJob", lambda *_: work)
    return work


CHOICES = {
    "the longest": ([2], True, {2}, True),
    "all, and what may be a face is blurred": ([2, 1], True, {1, 2}, True),
    "one has a label, nobody is blurred": ([1], False, {1}, False),
    "all have labels": ([2, 1], False, None, False),
    "none": ([], True, set(), True),
}


@pytest.mark.parametrize("choice", CHOICES)
def test_who_is_seen_is_who_was_chosen(
    copying: AppTest, fake: FakeCopying, choice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    faces, blurs, shown, hides = CHOICES[choice]
    asked: list[tuple[frozenset[int] | None, bool]] = []
    of_clip = Overlay.of_clip

    def overlay(clip: Clip, shown: frozenset[int] | None, *, hides_others: bool) -> Overlay:
        asked.append((shown, hides_others))
        return of_clip(clip, shown, hides_others=hides_others)

    monkeypatch.setattr(Overlay, "of_clip", overlay)
    fake.allow()
    copying.multiselect(key="copy-shown").set_value(faces)
    copying.toggle(key="copy-blur").set_value(blurs)
    copy_of(copying.run())
    assert asked == [(shown, hides)]


def test_copy_says_what_it_lacks(copying: AppTest, fake: FakeCopying) -> None:
    fake.allow()
    copy_of(copying)
    assert fake.note in copying.warning[0].value and copying.get("download_button")


def test_a_large_copy_is_not_played(
    copying: AppTest, fake: FakeCopying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_results, "_MOST_PLAYED", 5)
    fake.allow()
    copy_of(copying)
    assert not copying.get("video") and len(copying.get("download_button")) == 1
    assert "too large to play" in words(copying)


def test_copying_shows_progress_and_can_be_cancelled(copying: AppTest, fake: FakeCopying) -> None:
    at = copying
    button(at, "Make the copy").click().run()
    job = at.session_state["copy-job"]
    fake.allow(1)
    wait_until(lambda: job.done == 1)
    at.run()
    assert "00:01 of 00:04 copied" in at.get("progress")[0].proto.text and not at.exception
    assert labels(at) == {"Cancel", "Keep as a session"}
    button(at, "Cancel").click().run()
    assert job.wait(3) and job.state == "cancelled"
    at.run()
    assert "Cancelled." in words(at) and "Make the copy" in labels(at)
    assert "2 faces" in words(at), "what was read stays" and not at.get("video")


def test_a_copy_that_fails_is_a_sentence(copying: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise VideoError("There is no room.")

    with monkeypatch.context() as patch:
        patch.setattr(video_results, "VideoCopyJob", fail)
        copy_of(copying)
    assert "**This did not work**" in words(copying) and not copying.exception
    assert copying.text[0].value == "There is no room." and "Make the copy" in labels(copying)


def test_copy_of_another_choice_says_so(copying: AppTest, fake: FakeCopying) -> None:
    fake.allow()
    at = copy_of(copying)
    at.toggle(key="copy-blur").set_value(False).run()
    assert "Your choice has changed since the last copy was made." in words(at)
    assert not at.get("download_button") and "Make the copy" in labels(at)
    at.toggle(key="copy-blur").set_value(True).run()
    assert at.get("download_button") and "something else" not in words(at)


@pytest.mark.parametrize("way", ["another view", "another page"])
def test_a_copy_is_still_there_after_a_look_elsewhere(
    pages: AppTest, fake: FakeCopying, way: str
) -> None:
    """Also one of another choice than the first."""
    fake.allow()
    at = look_at(pages, "Annotated copy")
    at.multiselect(key="copy-shown").set_value([2, 1])
    copy_of(at.run())
    assert at.get("download_button")
    if way == "another view":
        look_at(at, "Summary")
    else:
        at.switch_page("pages/about.py").run()
        at.switch_page("pages/video.py").run()
    look_at(at, "Annotated copy")
    assert at.multiselect(key="copy-shown").value == [2, 1] and at.get("download_button")


def test_a_new_reading_begins_with_its_own_choice(read: AppTest) -> None:
    at = look_at(read, "Annotated copy")
    at.multiselect(key="copy-shown").set_value([1]).run()
    at.slider(key="confidence").set_value(0.6).run()
    analyse(at, DONE)
    look_at(at, "Annotated copy")
    assert at.multiselect(key="copy-shown").value == [2] and not at.exception


# Who has left.


@pytest.fixture
def presence(monkeypatch: pytest.MonkeyPatch) -> tuple[Callable[[], bool], Clock, set[str]]:
    """Whether the visitor is there, the clock, and the sessions that are connected."""
    clock, connected = Clock(), {"me"}
    runtime = SimpleNamespace(is_active_session=connected.__contains__)
    monkeypatch.setattr(jobs, "time", SimpleNamespace(monotonic=clock))
    monkeypatch.setattr(private_parts, "exists", lambda: True)
    monkeypatch.setattr(private_parts, "get_instance", lambda: runtime)
    monkeypatch.setattr(
        private_parts, "get_script_run_ctx", lambda: SimpleNamespace(session_id="me"), raising=True
    )
    return jobs._presence(), clock, connected


Presence = tuple[Callable[[], bool], Clock, set[str]]


def test_a_short_break_of_the_connection_is_no_leaving(presence: Presence) -> None:
    is_here, clock, connected = presence
    clock.now_s = 100.0
    assert is_here()
    connected.clear()
    clock.now_s += 2
    assert is_here()
    connected.add("me")
    clock.now_s += 2
    assert is_here()
    connected.clear()
    clock.now_s += 2
    assert is_here(), "counted anew"


def test_who_closes_the_page_has_left(presence: Presence) -> None:
    is_here, clock, connected = presence
    assert is_here()
    connected.clear()
    clock.now_s += 3.5
    assert not is_here()


def test_without_a_server_everybody_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_parts, "get_script_run_ctx", lambda: None)
    assert jobs._presence()()


def test_ending_a_job_makes_nobody_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    ended, may_end = threading.Event(), threading.Event()

    class Hangs:
        def cancel(self) -> None:
            may_end.wait(LONG_S)
            ended.set()

    state: dict[str, Any] = {"a": Hangs(), "b": Hangs()}
    monkeypatch.setattr(jobs.st, "session_state", state)
    start = time.monotonic()
    jobs.cancel(SessionKey("a"))
    jobs.stop(SessionKey("b"))
    jobs.stop(SessionKey("none"))
    jobs.cancel(SessionKey("none"))
    assert time.monotonic() - start < 1 and not ended.is_set() and set(state) == {"a"}
    may_end.set()
    assert ended.wait(LONG_S)

"""The results of a video on its page: faces, views and the session to keep."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from ferapp.emotions import EXPRESSIONS
from ferapp.inference.manifest import manifest
from ferapp.media.video import VideoInfo
from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.clip import Clip
from ferapp.sessions.session import Readings
from ferapp.sessions.store import LOCAL_OWNER, Store
from ferapp.settings import ClipSettings
from ferapp.types import Faces
from ferapp.ui.video.state import VideoState
from tests.support.apps import AGREED, agree, figures, page_text
from tests.support.fakes import FakeClassifier, FakeDetector
from tests.support.sessions import assert_same_readings, face_readings, some_readings
from tests.support.stores import app_store
from tests.support.video_page import (
    DONE,
    LONG_S,
    VIEWS,
    analyse,
    button_labels,
    cards,
    choose_face,
    clip_of,
    open_page,
    open_view,
    player,
    portrait,
    upload_video,
)
from tests.support.videos import truncate, write_video


def test_every_face_has_a_card_longest_seen_first(results_page: AppTest) -> None:
    at = results_page
    assert not at.exception and "2 faces in 00:02" in page_text(at)
    second, first = player(at)["faces"]
    assert (second["title"], first["title"]) == ("Face 2", "Face 1")
    assert second["image"].startswith("data:image/jpeg") and first["image"], "a portrait each"
    assert second["lines"][0].startswith("neutral ") and "00:00 to 00:02" in second["lines"][1]
    assert first["lines"][0].startswith("happiness ") and "00:00 to 00:00" in first["lines"][1]
    assert button_labels(at) == {"Keep as a session"} and not at.warning


@pytest.mark.parametrize(
    ("view", "charts", "files"),
    [
        ("Chart", {"timeline", "affect"}, 0),
        ("Summary", {"shares"}, 0),
        ("Table", set(), 0),
        ("Files", set(), 5),
    ],
)
def test_every_view_shows_the_results(
    results_page: AppTest, view: str, charts: set[str], files: int
) -> None:
    at = open_view(results_page, view)
    if view == "Chart":
        at.toggle(key="with-affect").set_value(True).run()
    assert not at.exception and set(figures(at)) == charts
    assert len(at.get("download_button")) == files
    if view == "Summary":
        assert "neutral" in at.dataframe[0].value["expression"].tolist()


def analysis_of(*readings: Readings, damage: str = "") -> SimpleNamespace:
    """A finished analysis."""
    joined = Readings.join([Readings.empty(len(EXPRESSIONS)), *readings])
    by_time = joined.at(np.argsort(joined.at_s, kind="stable"))
    duration_s = float(by_time.at_s[-1])
    info = VideoInfo("mov", "h264", (640, 480), 10.0, duration_s, False)
    no_boxes = (np.empty(0), np.empty((0, 4), np.float32))
    clip = Clip(info, EXPRESSIONS, by_time, (), *no_boxes, 40, 0.1, duration_s, True, damage)
    return SimpleNamespace(clip=clip, portraits={})


def results_alone() -> None:
    """Only the results, as the page shows them."""
    import streamlit as st

    from ferapp.ui.shared.sources import Source
    from ferapp.ui.video import results

    results.show(Source("x", "x.mp4", lambda: b""), st.session_state["analyzer"])


def show_results(analysis: SimpleNamespace) -> AppTest:
    defaults = manifest().defaults
    no_face = Faces(np.empty((0, 4), np.float32), np.empty(0, np.float32))
    at = AppTest.from_function(results_alone, default_timeout=LONG_S)
    at.session_state["analyzer"] = Analyzer(
        FakeDetector(no_face),
        FakeClassifier(EXPRESSIONS),
        detector_name=defaults.detector,
        classifier_name=defaults.classifier,
    )
    job = SimpleNamespace(state="done", is_over=True, work=analysis)
    order = SimpleNamespace(settings=ClipSettings())
    at.session_state["video-states"] = {"x": VideoState(analysis.clip.info, order=order, job=job)}
    return at.run()


STEADY = face_readings(*((n / 10, "happiness") for n in range(40)), face=1)
ODD = {
    "a face in only one frame": face_readings((1.0, "anger"), face=2),
    "two readings with a pause": face_readings((0.0, "anger"), (3.0, "fear"), face=2),
    "a face that could never be read": face_readings(
        *((n / 10, None) for n in range(5)), face=2, flaws=dict.fromkeys(range(5), "blurred")
    ),
    "a face whose label is always unsure": face_readings(
        *((n / 10, None) for n in range(5)), face=2
    ),
}


@pytest.mark.parametrize("face", ODD)
def test_odd_faces_break_no_view(face: str) -> None:
    at = show_results(analysis_of(STEADY, ODD[face]))
    assert not at.exception, at.exception[0].message
    assert "2 faces" in page_text(at) and cards(at) == ["Face 1", "Face 2"]
    if "never be read" in face:
        assert "not readable" in page_text(at)
    choose_face(at, 2)
    for view in VIEWS:
        open_view(at, view)
        assert not at.exception, (view, at.exception[0].message)
        assert player(at)["curve"]["face"] == 2


def test_a_crowd_can_be_chosen_from_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ferapp.ui.video.player.MOST_ROWS", 12)
    at = show_results(analysis_of(some_readings(5, faces=15)))
    assert len(cards(at)) == 12 and "Show all 12 faces" in page_text(at) and not at.exception


def test_a_file_without_a_face_shows_no_error(faceless: bytes) -> None:
    at = analyse(upload_video(open_page(), faceless))
    assert "No face was found in 00:00." in page_text(at) and not at.exception
    assert button_labels(at) == set() and not at.get("download_button") and not at.warning


def test_the_readable_part_of_a_damaged_clip_is_shown(folder: Path) -> None:
    frames = [portrait(2, n) for n in range(30)]
    path = write_video(folder / "cut.mp4", frames, options={"movflags": "+faststart"})
    at = analyse(upload_video(open_page(), truncate(path, 0.6).read_bytes()))
    assert at.warning[0].value.startswith("**Partial.** The video") and not at.exception
    assert re.search(r"\*\*1\d frames\*\* read", page_text(at)) and cards(at) == ["Face 1"]
    assert len(open_view(at, "Files").get("download_button")) == 5


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    # The page has no other pages that it could link to.
    monkeypatch.setattr("streamlit.page_link", lambda *_, **__: None)
    with app_store(tmp_path, monkeypatch) as sessions:
        yield sessions


def test_results_are_kept_as_numbers_after_consent(
    store: Store, pair: bytes, tmp_path: Path
) -> None:
    at = analyse(upload_video(open_page(), pair, "a_name_to_find.mp4"))
    assert not store.overviews(LOCAL_OWNER)
    agree(at, "Keep as a session")
    assert not at.exception and "Kept as a session." in at.success[0].value
    assert "Keep as a session" not in button_labels(at)
    session = store.overviews(LOCAL_OWNER)[0]
    assert session.recording.source == "video" and not session.is_running
    assert AGREED in session.recording.consent and session.recording.title.startswith("Video, ")
    assert session.duration_s == pytest.approx(2.5) and at.session_state["next-session"]
    source = session.recording.provenance
    assert source.sha256 == hashlib.sha256(pair).hexdigest() and source.size_bytes == len(pair)
    assert source.name == "" and session.recording.started is None, "the file names no date"
    settings = session.recording.settings
    assert settings["stream"]["detect_every"] is None and settings["per_second"] is None
    stored, expected = store.readings(session.recording.id, LOCAL_OWNER), clip_of(at).readings
    assert len(stored) == len(expected) > 20
    assert_same_readings(stored, expected)
    files = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert AGREED.encode() in files, "or the search proves nothing"
    assert b"a_name_to_find" not in files and b"\xff\xd8\xff" not in files
    at.run()
    assert len(store.overviews(LOCAL_OWNER)) == 1, "once"


def test_a_new_analysis_can_be_kept_again(store: Store, results_page: AppTest) -> None:
    at = results_page
    agree(at, "Keep as a session")
    at.selectbox(key="video-rate").set_value("5 a second").run()
    assert at.success
    analyse(at, DONE)
    assert not at.success
    agree(at, "Keep as a session")
    assert len(store.overviews(LOCAL_OWNER)) == 2 and at.success and not at.exception

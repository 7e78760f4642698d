"""Several videos on the page: one after the other, each with its state, and a table over all."""

import io
import threading

import pandas
import pytest
from streamlit.testing.v1 import AppTest

from ferapp.ui.video import sources
from tests.support.apps import button, page_text
from tests.support.stores import HOSTILE
from tests.support.video_page import (
    LONG_S,
    button_labels,
    cards,
    open_page,
    states_of,
    upload_videos,
)
from tests.support.waiting import wait_until


def rows(at: AppTest) -> list[str]:
    """What the list says of each video."""
    return [text.value for text in at.text if "\n" in text.value]


def finish(at: AppTest) -> AppTest:
    for state in states_of(at):
        assert state.job is None or state.job.wait(LONG_S)
    return at.run()


@pytest.fixture(scope="module")
def read_both(pair: bytes, faceless: bytes) -> dict[str, object]:
    at = upload_videos(open_page(), {"pair.mp4": pair, "nobody.mp4": faceless})
    assert len(rows(at)) == 2 and all("not analysed yet" in row for row in rows(at))
    assert not [s for s in at.slider if s.label == "Part to read"]
    button(at, "Analyse 2 videos").click().run()
    finish(at)
    names = ("video-uploads", "video-states")
    return {name: at.session_state[name] for name in names}


@pytest.fixture
def both(read_both: dict[str, object]) -> AppTest:
    at = open_page()
    for name, value in read_both.items():
        at.session_state[name] = value
    return at.run()


def test_each_video_has_its_results_and_there_is_a_table_over_all(both: AppTest) -> None:
    assert rows(both) == ["1. pair.mp4\n00:02.5, 2 faces", "2. nobody.mp4\n00:00.8, no face"]
    table = both.dataframe[0].value
    assert table["video"].tolist() == ["pair.mp4", "nobody.mp4"]
    assert table["faces"].tolist() == [2, 0] and not both.exception
    assert "2 videos together" in page_text(both) and cards(both) == ["Face 2", "Face 1"]
    button(both, "Open 2").click().run()
    assert "No face was found" in page_text(both) and not both.exception
    button(both, "Open 1").click().run()
    assert cards(both) == ["Face 2", "Face 1"]


def test_the_table_is_a_file_as_well(both: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    files: list[bytes] = []
    monkeypatch.setattr(
        "streamlit.download_button", lambda label, data, **_: files.append(data) and False
    )
    both.run()
    table = pandas.read_csv(io.BytesIO(files[0]))
    assert table["video"].tolist() == ["pair.mp4", "nobody.mp4"]
    assert table["faces"].tolist() == [2, 0] and table["read_s"][0] > 2
    shares = [name for name in table if name.startswith("share_")]
    assert table.loc[0, shares].sum() == pytest.approx(1, abs=1e-4)


def test_names_of_one_video_stay_with_it(both: AppTest) -> None:
    from tests.support.face_editing import name_face

    name_face(both, 2, "Zoë")
    assert cards(both) == ["Zoë (face 2)", "Face 1"]
    button(both, "Open 2").click().run()
    assert "Zoë" not in page_text(both)
    button(both, "Open 1").click().run()
    assert cards(both) == ["Zoë (face 2)", "Face 1"]


def start_two(pair: bytes) -> AppTest:
    at = upload_videos(open_page(), {"a.mp4": pair, "b.mp4": pair})
    button(at, "Analyse 2 videos").click().run()
    wait_until(lambda: states_of(at)[0].job.done >= 1 or states_of(at)[1].job.done >= 1)
    return at.run()


def test_one_is_analysed_while_the_other_waits(pair: bytes, full_speed: threading.Event) -> None:
    at = start_two(pair)
    states = sorted(state.job.state for state in states_of(at))
    assert states == ["running", "waiting"] and len(at.get("progress")) == 1
    assert {"Cancel 1", "Cancel 2", "Cancel all"} <= button_labels(at)
    full_speed.set()
    assert all("2 faces" in row for row in rows(finish(at))) and not at.exception


def test_one_is_cancelled_and_the_next_goes_on(pair: bytes, full_speed: threading.Event) -> None:
    at = start_two(pair)
    running = next(i for i, state in enumerate(states_of(at)) if state.job.state == "running")
    button(at, f"Cancel {running + 1}").click().run()
    full_speed.set()
    finish(at)
    assert "cancelled" in rows(at)[running] and "2 faces" in rows(at)[1 - running]
    assert "Analyse 1 video again" in button_labels(at) and not at.exception


def test_all_are_cancelled_at_once(pair: bytes, full_speed: threading.Event) -> None:
    at = start_two(pair)
    button(at, "Cancel all").click().run()
    finish(at)
    assert all("cancelled" in row for row in rows(at)) and not at.get("progress")
    assert all(state.job.done < 25 for state in states_of(at))


def test_a_file_that_is_no_video_does_not_stop_the_others(faceless: bytes) -> None:
    at = upload_videos(open_page(), {f"{HOSTILE}.mp4": b"GIF89a", "b.mp4": faceless})
    assert "Can't be read: This is a GIF" in rows(at)[0] and not at.exception
    button(at, "Analyse 1 video").click().run()
    assert "no face" in rows(finish(at))[1]
    marked = [m.value for kind in (at.markdown, at.caption) for m in kind]
    assert not any("evil" in text for text in marked)


def test_removing_one_of_two_ends_its_analysis(pair: bytes, full_speed: threading.Event) -> None:
    at = start_two(pair)
    jobs = [state.job for state in states_of(at)]
    upload_videos(at, {})
    assert all(job.wait(3) and job.state == "cancelled" for job in jobs)
    assert not states_of(at) and "try the demo clip" in page_text(at)


@pytest.mark.parametrize(
    ("limit", "value", "message"),
    [
        ("MAX_VIDEOS", 1, "up to 1 videos at a time, and these are 2"),
        ("MAX_HOURS", 0.0008, "Together, the videos last 00:03"),
    ],
)
def test_more_than_fits_in_memory_is_refused(
    pair: bytes,
    faceless: bytes,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
    value: float,
    message: str,
) -> None:
    monkeypatch.setattr(sources, limit, value)
    at = upload_videos(open_page(), {"a.mp4": pair, "b.mp4": faceless})
    assert message in at.text[0].value and not at.exception and not rows(at)

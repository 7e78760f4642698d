"""Overview, events, comparison and example on the dashboard, in AppTest."""

from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from ferapp.sessions.session import Marker, Readings
from ferapp.sessions.store import LOCAL_OWNER, Store
from ferapp.ui.dashboard.events import MOST_BYTES
from tests.support.apps import button, figures, open_dashboard, page_text
from tests.support.sessions import face_readings, some_readings
from tests.support.stores import STARTED, add_session, titles


def smiling(count: int, name: str = "happiness", face: int = 1) -> Readings:
    return face_readings(*((float(n), name) for n in range(count)), face=face)


def markers_of(store: Store) -> tuple[Marker, ...]:
    return store.overviews(LOCAL_OWNER)[0].recording.markers


def give_events(at: AppTest, text: str, name: str = "events.csv") -> AppTest:
    return at.file_uploader[0].set_value((name, text.encode(), "text/csv")).run()


def test_the_overview_shows_all_faces_with_the_share_of_each_label(store: Store) -> None:
    parts = [smiling(4), smiling(4, "neutral", face=2), smiling(2, "neutral", face=3)]
    add_session(store, Readings.join(parts))
    at = open_dashboard()
    table = at.dataframe[0].value
    assert table["face"].tolist() == ["Face 1", "Face 2", "Face 3"]
    assert table["happiness"].tolist() == ["100 %", "0 %", "0 %"]
    bars = [trace for trace in figures(at)["overview"]["data"] if trace["type"] == "bar"]
    assert {bar["name"] for bar in bars} == {"happiness", "neutral"}
    assert sum(len(bar["base"]) for bar in bars) == 3 and not at.exception


def test_an_event_is_shaded_in_the_overview(store: Store) -> None:
    add_session(store, smiling(9), markers=(Marker(2.0, "film", 5.0), Marker(6.0, "clap")))
    layout = figures(open_dashboard())["overview"]["layout"]
    assert [shape["type"] for shape in layout["shapes"]] == ["rect", "line", "line"]
    assert [note["text"] for note in layout["annotations"]] == ["film", "clap"]


def test_events_of_a_table_are_shown_then_added_once(store: Store) -> None:
    add_session(store, smiling(60), markers=(Marker(3.0, "mine"),))
    table = "time;name;end\n12,5;film;40\n0:45;clap;\n3;mine;\n"
    at = give_events(open_dashboard("Events"), table)
    assert "3 events: mine (1), film (1), clap (1)" in page_text(at)
    assert "1 event of these are there already." in page_text(at)
    assert markers_of(store) == (Marker(3.0, "mine"),), "nothing is added without a click"
    button(at, "Add 2 events").click().run()
    assert markers_of(store) == (
        Marker(3.0, "mine"),
        Marker(12.5, "film", 40.0),
        Marker(45.0, "clap"),
    )
    assert not at.exception and "average" in figures(at)
    assert not [b for b in at.button if b.label.startswith("Add ")], "the file is let go"


@pytest.mark.parametrize(
    ("table", "words"),
    [
        pytest.param("time,name\n1,a\nx,b\n", "in row 3, the time 'x' is neither", id="time"),
        pytest.param("time,name\n99,a\n", "in row 2, the time '99' is not within", id="outside"),
        pytest.param("when,what\n1,a\n", "names no column time and name", id="headings"),
    ],
)
def test_a_wrong_table_is_refused_with_the_row(store: Store, table: str, words: str) -> None:
    add_session(store, smiling(10))
    at = give_events(open_dashboard("Events"), table)
    assert words in page_text(at) and markers_of(store) == () and not at.exception


def test_a_table_that_is_too_large_is_not_read(store: Store) -> None:
    add_session(store, smiling(10))
    at = give_events(open_dashboard("Events"), "x" * (MOST_BYTES + 1))
    assert "the limit is 5,242,880" in page_text(at) and not at.exception


def test_an_interval_has_its_means_and_an_event_its_average(store: Store) -> None:
    parts = [
        *[(float(n), "neutral") for n in range(10)],
        *[(n, "happiness") for n in range(10, 20)],
    ]
    add_session(
        store,
        face_readings(*parts),
        markers=(Marker(10.0, "film", 20.0), Marker(12.0, "x"), Marker(14.0, "x")),
    )
    at = open_dashboard("Events")
    [row] = at.dataframe[-1].value.to_dict("records")
    assert (row["event"], row["readings"], row["share happiness"]) == ("film", 10, 1.0)
    assert "over 2 events" in page_text(at)
    at.selectbox(key=next(s.key for s in at.selectbox if s.label == "Event")).set_value(
        "film"
    ).run()
    assert "With one event there is no interval." in page_text(at) and not at.exception


def test_an_event_that_ends_before_it_begins_is_not_saved(store: Store) -> None:
    add_session(store, smiling(10), markers=(Marker(3.0, "film", 5.0),))
    at = open_dashboard("Events")
    key = at.data_editor[0].key
    at.session_state[key] = {
        "edited_rows": {"0": {"end": 1.0}},
        "added_rows": [],
        "deleted_rows": [],
    }
    at.run()
    assert "An event ends before it begins:" in [w.value for w in at.warning]
    assert "Save events" not in [b.label for b in at.button]


def test_a_moment_of_the_replay_is_marked(store: Store) -> None:
    id = add_session(store, smiling(10))
    at = open_dashboard("Replay")
    at.slider(key=f"replay-{id}").set_value(4.2).run()
    at.button(key="mark-replay").click().run()
    at.button(key="mark-replay").click().run()
    assert markers_of(store) == (Marker(4.2, "Mark 1"), Marker(4.2, "Mark 2"))
    assert not at.exception


def three_sessions(store: Store) -> list[str]:
    """Two people smile, one doesn't; the newest first."""
    return [
        add_session(store, smiling(4), title="A", started=STARTED),
        add_session(store, smiling(4), title="B", started=STARTED - timedelta(days=1)),
        add_session(store, smiling(4, "neutral"), title="C", started=STARTED - timedelta(days=2)),
    ]


def compared(at: AppTest) -> dict[str, str]:
    """The means and differences of happiness, by the headings of the table."""
    table = next(d.value for d in at.dataframe if "expression" in d.value)
    return table.set_index("expression").loc["happiness"].to_dict()


def test_three_sessions_are_compared_and_one_face_has_no_interval(store: Store) -> None:
    ids = three_sessions(store)
    at = open_dashboard("Compare")
    assert at.multiselect[0].value == ids[:2]
    at.multiselect[0].set_value(ids).run()
    assert compared(at) == {
        "A (00:04) (n = 1)": "90.0 %",
        "B (00:04) (n = 1)": "90.0 %",
        "C (00:04) (n = 1)": "1.4 %",
        "B (00:04) − A (00:04)": "+0.0 %",
        "C (00:04) − A (00:04)": "-88.6 %",
    }
    assert "one face only, so that there is no interval" in at.info[0].value
    assert {"means", "differences", "multiples"} == set(figures(at)) and not at.exception


def test_sessions_with_one_name_are_one_condition_with_an_interval(store: Store) -> None:
    ids = three_sessions(store)
    at = open_dashboard("Compare")
    at.multiselect[0].set_value(ids).run()
    edits = {
        "edited_rows": {
            "0": {"condition": "smile"},
            "1": {"condition": "smile"},
            "2": {"condition": "rest"},
        },
        "added_rows": [],
        "deleted_rows": [],
    }
    at.session_state[at.data_editor[0].key] = edits
    at.run()
    assert compared(at) == {
        "smile (n = 2)": "90.0 % (90.0 to 90.0)",
        "rest (n = 1)": "1.4 %",
        "rest − smile": "-88.6 %",
    }
    assert not at.exception
    titles_of = [note["text"] for note in figures(at)["multiples"]["layout"]["annotations"]]
    assert titles_of == ["smile (n = 2)", "rest (n = 1)"]


def test_a_deleted_session_is_compared_no_more(store: Store) -> None:
    ids = three_sessions(store)
    at = open_dashboard("Compare")
    at.multiselect[0].set_value(ids).run()
    store.delete(ids[1], LOCAL_OWNER)
    at.run()
    assert at.multiselect[0].value == [ids[0], ids[2]] and not at.exception


def test_two_sessions_with_one_title_stay_two_conditions(store: Store) -> None:
    for days in range(2):
        add_session(store, smiling(4), title="same", started=STARTED - timedelta(days=days))
    at = open_dashboard("Compare")
    assert len(compared(at)) == 3 and not at.exception


def test_the_example_is_shown_without_being_stored_and_removed(store: Store) -> None:
    at = open_dashboard()
    at.button(key="open-example").click().run()
    assert "**Example session**" in page_text(at) and "overview" in figures(at)
    assert "You have 0 sessions" in page_text(at) and titles(store) == []
    for view in ("Over time", "Summary", "Events", "Replay", "Files"):
        at.segmented_control(key="view-6").set_value(view).run()
        assert not at.exception, view
    assert not at.data_editor, "nobody edits the example"
    at.button(key="remove-example").click().run()
    assert "Nothing is recorded yet" in page_text(at) and not figures(at) and not at.exception


def test_the_example_gives_way_to_a_session_of_ones_own(store: Store) -> None:
    at = open_dashboard()
    at.button(key="open-example").click().run()
    add_session(store, some_readings(20), title="mine")
    at.run()
    assert "**Example session**" not in page_text(at)
    assert at.selectbox(key="session").options == ["mine (00:01)"]
    assert at.multiselect == [] or at.multiselect[0].options == ["mine (00:01)"]

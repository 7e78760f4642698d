"""The dashboard in AppTest, with a database of the test."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from ferapp.labels import label_colours
from ferapp.sessions.session import Marker, Readings
from ferapp.sessions.store import LOCAL_OWNER, Listing, Store
from ferapp.ui.dashboard import deleting
from ferapp.ui.dashboard.page import VIEWS
from ferapp.ui.shared import resources, session_views
from tests.support.apps import button, components, figures, open_dashboard, page_text
from tests.support.damage import damage
from tests.support.fakes import Clock
from tests.support.sessions import face_readings, some_readings
from tests.support.stores import HOSTILE, STARTED, add_session, days_left, titles


def test_an_empty_dashboard_says_how_to_record_and_opens_files(store: Store) -> None:
    at = open_dashboard()
    assert not at.exception and not at.selectbox
    assert "Press **Record**" in page_text(at) and "open a file" in page_text(at)
    # Of any type: a message names files of other programs.
    assert list(at.file_uploader[0].proto.type) == []


@pytest.mark.parametrize(
    ("view", "charts"),
    [
        ("Overview", {"overview"}),
        ("Over time", {"timeline", "affect"}),
        ("Summary", {"shares", "transitions"}),
        ("Events", {"average"}),
        ("Compare", {"means", "multiples"}),
        ("Replay", {"replay-frame"}),
        ("Files", set()),
    ],
)
def test_every_view_shows_a_session_of_a_minute(store: Store, view: str, charts: set[str]) -> None:
    add_session(store, some_readings(901), markers=(Marker(20.0, "film", 30.0),))
    at = open_dashboard(view)
    if view == "Over time":
        at.toggle(key="with-affect").set_value(True).run()
    assert not at.exception and set(figures(at)) == charts
    facts = "12:30 · 01:00 · 901 readings with a model that is not installed · kept until"
    assert facts in page_text(at)
    downloads = {"Files": 6, "Events": 2, "Compare": 1}
    assert len(at.download_button) == downloads.get(view, 0)


LEARNING = ("boredom", "confusion", "frustration", "happy", "joy", "neutral")


@pytest.mark.parametrize("view", ["Over time", "Summary", "Replay"])
def test_the_charts_of_a_model_with_other_classes_tell_them_apart(store: Store, view: str) -> None:
    """Every chart has the same colours, and one for each class."""
    rows = [(float(second), LEARNING[second % 6]) for second in range(12)]
    add_session(store, face_readings(*rows, labels=LEARNING), labels=LEARNING)
    at = open_dashboard(view)
    colours = label_colours(LEARNING)
    if view == "Over time":
        curves = figures(at)["timeline"]["data"]
        lines = {line["name"]: line["line"]["color"] for line in curves}
        assert lines == colours
    else:
        if view == "Summary":
            [bars] = figures(at)["shares"]["data"]
            drawn = dict(zip(bars["y"], bars["marker"]["color"], strict=True))
        else:
            [card] = components(at)["replay-bars"]["faces"]
            drawn = {name: colour for name, colour, *_ in card["rows"]}
        assert {name: drawn[name] for name in LEARNING} == colours
    assert len({*colours.values()}) == 6


def test_valence_is_left_out_with_a_reason_where_a_class_has_no_position(store: Store) -> None:
    add_session(store, face_readings((0, "joy"), (1, "joy"), labels=LEARNING), labels=LEARNING)
    at = open_dashboard("Over time")
    at.toggle(key="with-affect").set_value(True).run()
    assert not at.exception and set(figures(at)) == {"timeline"}
    assert "no position is published for boredom, confusion, frustration" in page_text(at)


def test_valence_of_a_model_with_other_names_is_drawn(store: Store) -> None:
    labels = ("angry", "happy", "calm")
    add_session(store, face_readings((0, "happy"), (1, "happy"), labels=labels), labels=labels)
    at = open_dashboard("Over time")
    at.toggle(key="with-affect").set_value(True).run()
    valence = next(line for line in figures(at)["affect"]["data"] if line["name"] == "valence")
    assert min(valence["y"]) > 0.6


def test_the_summary_gives_the_share_of_time(store: Store) -> None:
    names = ["happiness", "happiness", "neutral", "happiness", None]
    add_session(store, face_readings(*[(float(second), name) for second, name in enumerate(names)]))
    at = open_dashboard("Summary")
    table = at.dataframe[0].value.set_index("expression")
    assert table["share"].to_dict() == {"happiness": "60 %", "neutral": "20 %", "unsure": "20 %"}
    assert table.loc["happiness", ["spells", "longest"]].tolist() == [2, "2.0 s"]
    bars = figures(at)["shares"]["data"][0]
    shares = dict(zip(bars["y"], bars["x"], strict=True))
    assert {name for name, share in shares.items() if share} == {"happiness", "neutral", "unsure"}
    assert shares["happiness"] == pytest.approx(0.6)


def test_a_session_with_two_faces_offers_a_choice_of_face(store: Store) -> None:
    id = add_session(
        store,
        Readings.join(
            [face_readings((0, "fear")), face_readings((0, "anger"), (1, "anger"), face=2)]
        ),
    )
    at = open_dashboard("Summary")
    assert at.selectbox(key=f"face-{id}").options == ["Face 2 (2 readings)", "Face 1 (1 reading)"]
    assert at.dataframe[0].value["expression"].tolist() == ["anger"]
    at.selectbox(key=f"face-{id}").set_value(1).run()
    assert at.dataframe[0].value["expression"].tolist() == ["fear"]


def test_replay_shows_the_faces_at_each_second(store: Store) -> None:
    one = face_readings((0, "fear"), (1, "fear"), (2, None), (3, "anger"), (10, "anger"))
    other = face_readings((2, "neutral"), (3, "neutral"), face=2, flaws={1: "blurred"})
    id = add_session(store, Readings.join([one, other]))
    at = open_dashboard("Replay")
    for second, expected in [
        (0.9, ["1 fear"]),
        (2.4, ["1 unsure", "2 neutral"]),
        (3.0, ["1 anger", "2 blurred"]),
        (6.0, ["No face at this time"]),
    ]:
        at.slider(key=f"replay-{id}").set_value(second).run()
        layouts = {key: figure["layout"] for key, figure in figures(at).items()}
        texts = [note["text"] for note in layouts["replay-frame"]["annotations"]]
        assert sorted(texts) == expected, second
        bars = [card["title"] for card in components(at)["replay-bars"]["faces"]]
        assert sorted(bars) == [text for text in expected if text[0].isdigit()]


def test_replay_shows_no_face_that_has_left(store: Store) -> None:
    """Thirty readings a second until 1 s."""
    id = add_session(
        store, Readings.join([some_readings(31, rate=30.0), face_readings((3, "fear"), face=2)])
    )
    at = open_dashboard("Replay")
    for second, expected in [(1.0, ["1"]), (1.2, ["No"]), (2.4, ["No"]), (3.0, ["2"])]:
        at.slider(key=f"replay-{id}").set_value(second).run()
        notes = figures(at)["replay-frame"]["layout"]["annotations"]
        assert [note["text"].split()[0] for note in notes] == expected, second


def test_replay_plays_and_stops_at_the_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(session_views, "time", SimpleNamespace(monotonic=clock))
    id = add_session(store, some_readings(151))
    at = open_dashboard("Replay")
    at.slider(key=f"replay-{id}").set_value(2.0).run()
    at.button(key="replay-button").click().run()
    clock.now_s = 3.5
    assert at.run().slider(key=f"replay-{id}").value == 5.5
    assert at.button(key="replay-button").label == "Pause"
    clock.now_s = 60.0
    assert at.run().slider(key=f"replay-{id}").value == 10.0
    assert at.button(key="replay-button").label == "Play" and not at.exception


@pytest.mark.parametrize("view", VIEWS)
def test_a_session_without_readable_faces_breaks_no_view(store: Store, view: str) -> None:
    flaws = dict.fromkeys(range(3), "blurred")
    add_session(store, face_readings((0, None), (1, None), (2, None), flaws=flaws))
    at = open_dashboard(view)
    assert not at.exception and "3 readings" in page_text(at)
    if view == "Summary":
        assert at.dataframe[0].value.empty


def test_a_session_without_a_face_can_be_exported(store: Store) -> None:
    add_session(store, Readings.empty(8))
    at = open_dashboard()
    assert not at.exception and "no face was seen" in page_text(at) and not figures(at)
    labels = {"CSV", "Parquet", "JSON", "Report (HTML)", "Spells"}
    assert {b.label for b in at.download_button} == labels


def test_a_session_of_pictures_has_no_time(store: Store) -> None:
    rows = face_readings((0, "fear"), (1, "anger"), (2, None))
    add_session(store, replace(rows, face=np.array([1, 2, 3])), source="pictures")
    at = open_dashboard()
    assert not at.exception and "3 pictures" in page_text(at)
    assert at.segmented_control(key="view-2").options == ["Faces", "Files"]
    bars = figures(at)["picture-bars"]["data"][0]["y"]
    assert bars == ["picture 1, face 1", "picture 2, face 2", "picture 3, face 3"]


def test_a_running_session_shows_its_last_minute_and_then_all_of_it(store: Store) -> None:
    id = add_session(store, some_readings(1501), is_over=False)
    at = open_dashboard()
    assert not at.exception and ":red[**● Recording 01:40**]" in page_text(at)
    assert "(being recorded)" in at.selectbox(key="session").options[0]
    minute = figures(at)["recorded-1"]["data"][0]["x"]
    assert minute[0] == pytest.approx(-60, abs=1) and minute[-1] == 0
    store.finish(id)
    assert "overview" in figures(at.run()) and "Recording 01:40" not in page_text(at)


def test_a_session_that_has_just_begun_shows_no_face(store: Store) -> None:
    add_session(store, Readings.empty(8), is_over=False)
    at = open_dashboard()
    assert not at.exception and ":red[**● Recording 00:00**]" in page_text(at)
    assert "No face in the last minute" in page_text(at)


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from strings(part)


def assert_no_hostile_markup(at: AppTest) -> None:
    """Hostile text is only in elements that show plain text, and is escaped in charts."""
    plain = {"text", "text_input", "selectbox", "multiselect", "dataframe", "plotly_chart"}
    plain.add("bidi_component")
    protos = [str(node.proto) for node in at if node.type not in plain and hasattr(node, "proto")]
    assert len(protos) > 10 and not [proto for proto in protos if "evil" in proto]
    assert not [text for text in strings(list(figures(at).values())) if "<b>" in text]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"title": HOSTILE}, id="title"),
        pytest.param({"models": {"classifier": {"name": HOSTILE}}}, id="model"),
        pytest.param({"labels": (HOSTILE, "fear")}, id="labels"),
        pytest.param({"markers": (Marker(0.5, HOSTILE),)}, id="marker"),
    ],
)
def test_untrusted_text_is_never_markdown(store: Store, view: str, changes: dict) -> None:
    labels = changes.get("labels", ("neutral", "fear"))
    rows = face_readings((0, labels[0]), (1, labels[0]), (1.5, labels[1]), labels=labels)
    add_session(store, rows, **{"labels": labels} | changes)
    at = open_dashboard(view)
    assert not at.exception
    assert_no_hostile_markup(at)


def test_an_untrusted_flaw_is_never_markup(store: Store) -> None:
    add_session(store, face_readings((0, None), (1, None), flaws={0: HOSTILE, 1: HOSTILE}))
    assert_no_hostile_markup(open_dashboard("Replay"))


def test_a_model_without_a_name_breaks_no_page(store: Store) -> None:
    add_session(store, some_readings(5), models={"classifier": {"sha256": "0"}})
    assert not open_dashboard().exception


def add_two_sessions(store: Store) -> tuple[str, str]:
    """Add two sessions and give the ids of the newer and of the older one."""
    older = add_session(
        store, some_readings(5), title="older", started=STARTED - timedelta(hours=1)
    )
    return add_session(store, some_readings(9), title="newer"), older


def test_a_session_is_renamed_and_stays_chosen(store: Store) -> None:
    _, older = add_two_sessions(store)
    at = open_dashboard()
    at.selectbox(key="session").set_value(older).run()
    at.text_input(key=f"title-{older}").set_value("   ").run()
    assert titles(store) == ["newer", "older"]
    at.text_input(key=f"title-{older}").set_value("mine").run()
    assert titles(store) == ["newer", "mine"] and not at.exception
    assert at.run().selectbox(key="session").value == older


def test_spaces_around_a_title_are_stripped_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    id, _ = add_two_sessions(store)
    renames: list[str] = []
    real = Store.rename

    def rename(self: Store, session: str, owner: str, title: str) -> None:
        renames.append(title)
        assert len(renames) == 1, "the page reruns endlessly"
        real(self, session, owner, title)

    monkeypatch.setattr(Store, "rename", rename)
    at = open_dashboard()
    at.text_input(key=f"title-{id}").set_value(" mine ").run()
    assert not at.exception and titles(store) == ["mine", "older"]


def test_a_title_given_in_another_tab_is_not_overwritten(store: Store) -> None:
    id, _ = add_two_sessions(store)
    first, second = open_dashboard(), open_dashboard()
    first.text_input(key=f"title-{id}").set_value("mine").run()
    second.run()
    assert titles(store) == ["mine", "older"]


@pytest.mark.parametrize(("keep", "days"), [("1 year", 365), ("until I delete it", None)])
def test_the_retention_can_be_changed(store: Store, keep: str, days: int | None) -> None:
    id = add_session(store, some_readings(5))
    at = open_dashboard()
    at.selectbox(key=f"keep-{id}").set_value(keep).run()
    assert days_left(store) == 30
    at.button(key=f"set-{id}").click().run()
    assert days_left(store) == days and not at.exception
    assert ("kept until you delete it" in page_text(at)) == (days is None)


def test_one_session_is_deleted_and_then_the_other(store: Store) -> None:
    newer, older = add_two_sessions(store)
    at = open_dashboard()
    at.button(key=f"delete-{newer}").click().run()
    assert titles(store) == ["older"] and at.selectbox(key="session").value == older
    at.button(key=f"delete-{older}").click().run()
    assert titles(store) == [] and "Nothing is recorded yet" in page_text(at) and not at.exception
    assert page_text(at).count("Deleted: ") == 2, "each deletion can be undone"


def test_the_question_names_the_session_with_date_length_and_faces(store: Store) -> None:
    add_session(store, some_readings(901, faces=2), title="A talk")
    at = open_dashboard()
    assert "**Delete this session?**" in page_text(at) and at.text[0].value == "A talk"
    assert "01 March 2026, 12:30 · 01:00 · 2 faces" in page_text(at)


def test_each_session_has_a_popover_of_its_own(store: Store) -> None:
    """Else the open popover stays over the next session, whose button it then holds."""
    newer, older = add_two_sessions(store)
    at = open_dashboard()
    delete = at.button(key=f"delete-{newer}").click()
    delete.run()
    assert f"delete-{newer}" not in [b.key for b in at.button]
    with pytest.raises(KeyError):
        at.button(key=f"delete-{newer}")
    at.run()
    assert titles(store) == ["older"], "a second click deletes nothing else"
    popovers = {b.proto.popover.label: b.proto for b in at.main if b.type == "popover"}
    assert popovers["Delete"].id != "" and older in popovers["Delete"].id


def test_a_deletion_is_undone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    newer, _ = add_two_sessions(store)
    at = open_dashboard()
    at.button(key=f"delete-{newer}").click().run()
    assert "Deleted: “newer” (01 March 2026, 12:30 · 00:00 · 1 face)." in page_text(at)
    at.button(key=f"undo-{newer}").click().run()
    assert titles(store) == ["newer", "older"] and at.selectbox(key="session").value == newer
    assert "Deleted:" not in page_text(at) and not at.exception


def test_after_ten_seconds_there_is_no_undo(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(deleting, "time", SimpleNamespace(monotonic=clock))
    newer, _ = add_two_sessions(store)
    at = open_dashboard()
    at.button(key=f"delete-{newer}").click().run()
    clock.now_s = 9.5
    assert "1 s left" in page_text(at.run())
    clock.now_s = 10.5
    assert "Deleted:" not in page_text(at.run()) and not at.exception
    assert f"undo-{newer}" not in [b.key for b in at.button]


def test_an_undo_that_comes_too_late_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    newer, _ = add_two_sessions(store)
    at = open_dashboard()
    at.button(key=f"delete-{newer}").click().run()
    store.delete(newer, LOCAL_OWNER)
    at.button(key=f"undo-{newer}").click().run()
    assert at.toast[0].value == "It was too late to undo the deletion." and not at.exception
    assert titles(store) == ["older"] and "Deleted:" not in page_text(at)


def test_another_visitor_cannot_undo_and_sees_no_message(store: Store) -> None:
    newer, _ = add_two_sessions(store)
    at = open_dashboard()
    at.button(key=f"delete-{newer}").click().run()
    other = open_dashboard()
    assert "Deleted:" not in page_text(other)
    assert other.selectbox(key="session").options == ["older (00:00)"]


def test_of_two_sessions_with_one_title_the_shown_one_is_deleted(store: Store) -> None:
    add_session(
        store,
        face_readings((0, "fear"), (1, "fear")),
        id="older",
        started=STARTED - timedelta(hours=1),
    )
    add_session(store, face_readings((0, "anger"), (1, "anger")), id="newer")
    at = open_dashboard()
    assert at.selectbox(key="session").value == "newer"
    at.button(key="delete-newer").click().run()
    assert [session.recording.id for session in store.overviews(LOCAL_OWNER)] == ["older"]


def test_delete_all_keeps_the_sessions_of_others(store: Store) -> None:
    add_two_sessions(store)
    add_session(store, some_readings(5), owner="another")
    at = open_dashboard()
    assert "You have 2 sessions with 14 readings" in page_text(at)
    assert "**Delete 2 sessions?**" in page_text(at)
    at.button(key="delete-all").click().run()
    assert titles(store) == [] and len(store.overviews("another")) == 1
    assert "Nothing is recorded yet" in page_text(at) and not at.exception
    assert "Deleted: 2 sessions." in page_text(at)
    button(at, "Undo").click().run()
    assert titles(store) == ["newer", "older"] and not at.exception


def test_dashboard_shows_what_is_stored_and_where(store: Store) -> None:
    add_session(store, some_readings(5))
    at = open_dashboard()
    assert at.code[0].value == store.place and store.place.endswith("sessions.db")
    assert re.search(
        r"You have 1 session with 5 readings: .* database takes up \d+\.\d MB", page_text(at)
    )


def test_expired_sessions_are_purged_at_start_up_and_by_the_dashboard(store: Store) -> None:
    newer, older = add_two_sessions(store)
    store.keep(newer, LOCAL_OWNER, -1)
    at = open_dashboard()
    assert titles(store) == ["older"] and not at.exception
    store.keep(older, LOCAL_OWNER, -1)
    resources.store.clear()
    assert titles(resources.store()) == []


def test_sessions_that_cannot_be_read_are_listed_and_deleted_one_by_one(store: Store) -> None:
    newer, older = add_two_sessions(store)
    damage(store._engine, newer, "labels", "'['")
    at = open_dashboard()
    assert "1 session can't be read" in page_text(at) and "Session “newer”" in page_text(at)
    assert titles(store) == ["older"] and at.selectbox(key="session").value == older
    at.button(key=f"delete-{newer}").click().run()
    assert "can't be read" not in page_text(at) and "Deleted: session “newer”." in page_text(at)
    at.button(key=f"undo-{newer}").click().run()
    assert "Session “newer”" in page_text(at) and not at.exception


@pytest.mark.parametrize("column", ["labels", "id"])
def test_delete_all_deletes_what_cannot_be_read(store: Store, column: str) -> None:
    newer, older = add_two_sessions(store)
    damage(store._engine, newer, column, "'['" if column == "labels" else "x'ff01'")
    at = open_dashboard()
    assert "can't be read" in page_text(at) and not at.exception
    at.button(key="delete-all").click().run()
    assert "Deleted: 2 sessions." in page_text(at) and not at.exception
    assert store.listing(LOCAL_OWNER) == Listing([], [])
    button(at, "Undo").click().run()
    assert len(store.listing(LOCAL_OWNER).unreadable) == 1
    assert titles(store) == ["older"], older


@pytest.mark.parametrize("view", VIEWS)
def test_a_session_of_which_a_part_cannot_be_read_says_so(store: Store, view: str) -> None:
    add_session(store, some_readings(30))
    with store._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE readings SET score = 'high' WHERE id < 4")
        connection.exec_driver_sql("UPDATE readings SET expression = 'joy?' WHERE id > 25")
    at = open_dashboard(view)
    assert "3 readings of this session can't be read" in page_text(at) and not at.exception


def test_a_session_whose_readings_cannot_be_read_can_be_deleted(store: Store) -> None:
    id = add_session(store, some_readings(30))
    with store._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE readings SET expression = cast(x'ff' as text)")
    at = open_dashboard()
    assert "30 readings of this session can't be read" in page_text(at) and not at.exception
    at.button(key=f"delete-{id}").click().run()
    assert titles(store) == []

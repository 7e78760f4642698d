"""Naming, merging and splitting faces on the dashboard, in AppTest."""

import pytest
from streamlit.testing.v1 import AppTest

from ferapp.sessions.face_edits import NameFace
from ferapp.sessions.session import Readings
from ferapp.sessions.store import LOCAL_OWNER, Store
from tests.support.apps import button, figures, open_dashboard, page_text
from tests.support.face_editing import (
    choose_action,
    face_options,
    merge_faces,
    name_face,
    split_face,
    undo,
)
from tests.support.sessions import face_readings
from tests.support.stores import HOSTILE, add_session

VIEWS = ("Over time", "Summary", "Compare", "Replay", "Files")
# Face 1 from 0 to 2 s, face 2 from 3 to 4 s, face 3 beside face 1.
THREE = Readings.join(
    [
        face_readings((0, "fear"), (1, "fear"), (2, "fear")),
        face_readings((1, "sadness"), face=3),
        face_readings((3, "anger"), (4, "anger"), face=2),
    ]
)


def names_of(store: Store) -> dict[int, str]:
    return store.overviews(LOCAL_OWNER)[0].recording.names


def faces_of(store: Store, id: str) -> list[int]:
    return store.readings(id, LOCAL_OWNER).faces


def test_a_name_is_shown_everywhere_and_undone(store: Store) -> None:
    id = add_session(store, THREE)
    at = name_face(open_dashboard("Summary"), 1, " Zoë  李 ")
    assert not at.exception and names_of(store) == {1: "Zoë 李"}
    assert "Last change: Face 1 named Zoë 李" in page_text(at)
    wanted = ["Zoë 李 (face 1, 3 readings)", "Face 2 (2 readings)", "Face 3 (1 reading)"]
    assert face_options(at) == face_options(at, f"face-{id}") == wanted
    assert figures(at)["shares"]["data"][0]["name"] == "Zoë 李 (face 1)"
    at.segmented_control(key="view-7").set_value("Replay").run()
    at.slider(key=f"replay-{id}").set_value(1.0).run()
    texts = [note["text"] for note in figures(at)["replay-frame"]["layout"]["annotations"]]
    assert texts == ["Zoë 李 fear", "3 sadness"]
    at.segmented_control(key="view-7").set_value("Compare").run()
    legend = [dots["name"] for dots in figures(at)["means"]["data"]]
    assert legend == ["Zoë 李 (face 1)", "Face 2", "Face 3"]
    undo(at)
    assert names_of(store) == {} and not at.exception and "Last change" not in page_text(at)


def test_two_numbers_are_merged_split_and_undone_in_steps(store: Store) -> None:
    id = add_session(store, THREE)
    at = merge_faces(open_dashboard("Summary"), 1, [2])
    assert not at.exception and faces_of(store, id) == [1, 3]
    assert face_options(at) == ["Face 1 (5 readings)", "Face 3 (1 reading)"]
    assert set(at.dataframe[0].value["expression"]) == {"fear", "anger"}
    split_face(at, 1, 3.0)
    assert not at.exception and faces_of(store, id) == [1, 3, 4]
    assert set(at.dataframe[0].value["expression"]) == {"fear"}
    assert "Last change: Face 1 split: face 4 from 3 s on" in page_text(at)
    undo(at)
    assert faces_of(store, id) == [1, 3]
    undo(at)
    assert faces_of(store, id) == [1, 2, 3] and not at.exception
    assert "Undo" not in {b.label for b in at.button}


def test_a_face_that_was_shown_and_is_merged_gives_way_to_another(store: Store) -> None:
    id = add_session(store, THREE)
    at = open_dashboard("Over time")
    at.selectbox(key=f"face-{id}").set_value(2).run()
    merge_faces(at, 1, [2])
    assert not at.exception and at.selectbox(key=f"face-{id}").value == 1
    undo(at)
    assert not at.exception and at.selectbox(key=f"face-{id}").value == 1


def test_the_shown_face_stays_shown_when_it_gets_a_name(store: Store) -> None:
    id = add_session(store, THREE)
    at = open_dashboard("Over time")
    at.selectbox(key=f"face-{id}").set_value(2).run()
    name_face(at, 2, "Ada")
    assert at.selectbox(key=f"face-{id}").value == 2 and not at.exception


def test_faces_that_were_seen_together_are_not_merged(store: Store) -> None:
    id = add_session(store, THREE)
    at = merge_faces(open_dashboard(), 1, [2, 3])
    assert not at.exception and "This is not possible." in [e.value for e in at.error]
    assert "Face 1 and face 3 are both seen at 1 s" in page_text(at)
    assert faces_of(store, id) == [1, 2, 3]
    assert not at.run().error, "the message is shown once"


def test_a_name_of_another_face_offers_a_merge(store: Store) -> None:
    id = add_session(store, THREE)
    store.faces.edit(id, LOCAL_OWNER, NameFace(1, "Ada"))
    at = name_face(open_dashboard(), 2, "ada")
    assert names_of(store) == {1: "Ada"} and "Face 1 already has this name" in page_text(at)
    button(at, "Merge face 2 into face 1").click().run()
    assert not at.exception and not at.error
    assert faces_of(store, id) == [1, 3] and names_of(store) == {1: "Ada"}


def test_an_offered_merge_that_is_not_possible_says_so(store: Store) -> None:
    id = add_session(store, THREE)
    store.faces.edit(id, LOCAL_OWNER, NameFace(1, "Ada"))
    at = name_face(open_dashboard(), 3, "Ada")
    button(at, "Merge face 3 into face 1").click().run()
    assert not at.exception and "both seen at 1 s" in page_text(at)
    assert faces_of(store, id) == [1, 2, 3]


@pytest.mark.parametrize(
    ("at_s", "message"),
    [(None, "Enter the time"), (0.0, "seen from 0 s to 2 s"), (2.5, "seen from 0 s to 2 s")],
)
def test_a_split_at_no_possible_time_says_so(
    store: Store, at_s: float | None, message: str
) -> None:
    id = add_session(store, THREE)
    at = split_face(open_dashboard(), 1, at_s)
    said = page_text(at) + "".join(e.value for e in at.error)
    assert message in said and not at.exception and faces_of(store, id) == [1, 2, 3]


def test_nothing_is_offered_that_can_not_be_done(store: Store) -> None:
    add_session(store, face_readings((0, "fear"), (1, "fear")))
    at = open_dashboard()
    control = next(c for c in at.segmented_control if str(c.key).startswith("edit-kind"))
    assert control.options == ["Name", "Split"], "there is no other face to merge with"


def test_faces_of_pictures_are_named_and_merged_but_not_split(store: Store) -> None:
    readings = Readings.join([face_readings((n, "fear"), face=n + 1) for n in range(2)])
    id = add_session(store, readings, source="pictures")
    at = open_dashboard()
    control = next(c for c in at.segmented_control if str(c.key).startswith("edit-kind"))
    assert control.options == ["Name", "Merge"]
    merge_faces(name_face(at, 2, "Ada"), 2, [1])
    assert not at.exception and faces_of(store, id) == [2]
    bars = figures(at)["picture-bars"]["data"][0]["y"]
    assert bars == ["picture 1, Ada (face 2)", "picture 2, Ada (face 2)"]


def test_changes_from_elsewhere_are_shown(store: Store) -> None:
    id = add_session(store, THREE)
    at = open_dashboard()
    store.faces.edit(id, LOCAL_OWNER, NameFace(1, "Ada"))
    assert face_options(at.run())[0] == "Ada (face 1, 3 readings)"


def test_the_form_shows_the_name_of_the_chosen_face(store: Store) -> None:
    id = add_session(store, THREE)
    store.faces.edit(id, LOCAL_OWNER, NameFace(2, "Ada"))
    at = choose_action(open_dashboard(), "Name", 2)
    typed = next(t for t in at.text_input if str(t.key).startswith("face-name"))
    assert typed.value == "Ada"
    choose_action(at, "Name", 1)
    typed = next(t for t in at.text_input if str(t.key).startswith("face-name"))
    assert typed.value == ""


def test_all_names_are_deleted_and_merges_stay(store: Store) -> None:
    id = add_session(store, THREE)
    at = open_dashboard()
    assert "Delete the names" not in {b.label for b in at.button}
    merge_faces(name_face(name_face(at, 1, "Ada"), 1, ""), 1, [2])
    button(at, "Delete the names").click().run()
    assert not at.exception and not store.overviews(LOCAL_OWNER)[0].edits.has_names
    assert faces_of(store, id) == [1, 3] and "Delete the names" not in {b.label for b in at.button}


@pytest.mark.parametrize("view", VIEWS)
def test_a_hostile_name_is_never_markdown(store: Store, view: str) -> None:
    id = add_session(store, THREE)
    store.faces.edit(id, LOCAL_OWNER, NameFace(1, HOSTILE))
    at = choose_action(open_dashboard(view), "Merge", 2)
    assert not at.exception
    assert_only_in_plain_text(at)


def assert_only_in_plain_text(at: AppTest) -> None:
    plain = {"text", "text_input", "selectbox", "multiselect", "plotly_chart", "bidi_component"}
    plain.add("dataframe")
    protos = [str(node.proto) for node in at if node.type not in plain and hasattr(node, "proto")]
    assert len(protos) > 10 and not [proto for proto in protos if "evil" in proto]
    assert "<b>" not in str(figures(at))

"""Naming, merging and splitting the faces of a video on its page."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from ferapp.pipeline.annotated_copy.overlay import Overlay
from ferapp.sessions.store import LOCAL_OWNER, Store
from ferapp.ui.video import copying
from tests.support.apps import agree, figures, page_text
from tests.support.face_editing import face_options, merge_faces, name_face, split_face, undo
from tests.support.fakes import FakeWork
from tests.support.stores import HOSTILE, app_store
from tests.support.video_page import (
    DONE,
    VIEWS,
    analyse,
    button_labels,
    cards,
    clip_of,
    make_copy,
    open_view,
    player,
    states_of,
)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    # The page has no other pages that it could link to.
    monkeypatch.setattr("streamlit.page_link", lambda *_, **__: None)
    with app_store(tmp_path, monkeypatch) as sessions:
        yield sessions


def test_a_name_is_on_the_card_in_the_views_and_in_the_copy(results_page: AppTest) -> None:
    at = name_face(results_page, 2, "Zoë")
    assert not at.exception and cards(at) == ["Zoë (face 2)", "Face 1"]
    open_view(at, "Summary")
    assert figures(at)["shares"]["data"][0]["name"] == "Zoë (face 2)"
    assert at.multiselect(key="copy-shown").options == ["Zoë (face 2)", "Face 1"]
    assert at.multiselect(key="copy-shown").value == [2] and "can't write" not in page_text(at)


def test_faces_are_split_merged_and_every_step_is_undone(results_page: AppTest) -> None:
    """The second face is beside the first until 1 s; the rest of it becomes the first."""
    at = split_face(results_page, 2, 1.5)
    assert not at.exception and "3 faces in 00:02" in page_text(at)
    pictures = [face["image"] for face in player(at)["faces"]]
    assert sum(map(bool, pictures)) == 2, "the part without a portrait shows nobody"
    merge_faces(at, 1, [3])
    assert not at.exception and "2 faces in 00:02" in page_text(at)
    assert "Last change: Face 3 merged into face 1" in page_text(at)
    assert any(option.startswith("Face 1 (2") for option in face_options(at))
    undo(at)
    assert "3 faces" in page_text(at)
    undo(at)
    assert "2 faces" in page_text(at) and cards(at) == ["Face 2", "Face 1"]
    assert clip_of(at).readings.faces == [1, 2] and not at.exception


def test_faces_that_were_seen_together_are_not_merged(results_page: AppTest) -> None:
    at = merge_faces(results_page, 1, [2])
    assert "This is not possible." in [e.value for e in at.error] and "2 faces" in page_text(at)
    assert "Face 1 and face 2 are both seen at" in page_text(at) and not at.exception


def test_a_merged_face_leaves_the_choice_of_the_copy(
    results_page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = split_face(results_page, 2, 1.5)
    at.multiselect(key="copy-shown").set_value([3]).run()
    merge_faces(at, 1, [3])
    assert not at.exception and at.multiselect(key="copy-shown").value == []
    assert sorted(at.multiselect(key="copy-shown").options) == ["Face 1", "Face 2"]


def test_a_copy_from_before_a_change_is_offered_anew(
    results_page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    overlays: list[Overlay] = []

    class Copy(FakeWork):
        mp4, note = b"\0\0\0\x18ftypisom", ""

        def __init__(self, data: bytes, overlay: Overlay, *_: object) -> None:
            super().__init__()
            self.allow()
            overlays.append(overlay)

    monkeypatch.setattr(copying, "VideoCopyJob", Copy)
    at = make_copy(results_page)
    assert at.get("download_button")
    name_face(at, 2, "Zoë")
    assert "Your choice has changed" in page_text(at) and not at.get("download_button")
    make_copy(at)
    captions = {str(c).split()[0] for c in overlays[-1]._columns.captions}
    assert captions == {"Zoe", "1"} and at.get("download_button")


def test_a_name_that_the_copy_can_not_write_is_announced(results_page: AppTest) -> None:
    at = name_face(results_page, 2, "李")
    assert "can't write the name of face 2" in page_text(at)


def test_names_and_merges_are_kept_with_the_session_and_undone_there(
    store: Store, results_page: AppTest
) -> None:
    at = name_face(results_page, 2, "Zoë 李")
    split_face(at, 2, 1.5)
    agree(at, "Keep as a session")
    assert not at.exception and at.success
    session = store.overviews(LOCAL_OWNER)[0]
    assert session.recording.names == {2: "Zoë 李"}
    assert store.readings(session.recording.id, LOCAL_OWNER).faces == [1, 2, 3]
    store.faces.undo(session.recording.id, LOCAL_OWNER)
    assert store.readings(session.recording.id, LOCAL_OWNER).faces == [1, 2]


def test_changes_after_keeping_are_not_taken_for_kept(store: Store, results_page: AppTest) -> None:
    agree(results_page, "Keep as a session")
    at = name_face(results_page, 2, "Zoë")
    assert not at.success and "Keep as a session" in button_labels(at)
    assert "You have changed faces since you kept this video" in page_text(at)
    undo(at)
    assert at.success and "since you kept" not in page_text(at)


def test_another_analysis_starts_without_names(results_page: AppTest) -> None:
    at = name_face(results_page, 2, "Zoë")
    at.selectbox(key="video-rate").set_value("5 a second").run()
    assert "Zoë" in page_text(at)
    analyse(at, DONE)
    assert "Zoë" not in page_text(at) and not states_of(at)[0].edits.steps


@pytest.mark.parametrize("view", VIEWS)
def test_a_hostile_name_is_never_markdown(results_page: AppTest, view: str) -> None:
    at = open_view(name_face(results_page, 2, HOSTILE[:60]), view)
    assert not at.exception and any("evil" in text.value for text in at.text)
    # The alternative text of a picture is an attribute, which is plain text.
    plain = {"text", "text_input", "selectbox", "multiselect", "plotly_chart", "bidi_component"}
    plain |= {"imgs", "image"}
    protos = [str(node.proto) for node in at if node.type not in plain and hasattr(node, "proto")]
    assert len(protos) > 10 and not [proto for proto in protos if "evil" in proto]

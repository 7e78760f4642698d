"""Naming, merging and splitting the faces of a session, with undo."""

from collections.abc import Callable
from typing import Final

import streamlit as st

from ferapp.errors import FaceEditError, NameTaken
from ferapp.labels import face_title
from ferapp.sessions.face_edits import (
    MOST_NAME,
    FaceEdit,
    FaceEdits,
    MergeFaces,
    NameFace,
    SplitFace,
    describe_edit,
)
from ferapp.sessions.session import Readings
from ferapp.sessions.store import Overview
from ferapp.ui.shared import session_keys
from ferapp.ui.shared.faces.selection import list_faces, select_face
from ferapp.wording import counted

_STEP_S: Final = 0.1


def edit_faces(
    session: Overview,
    readings: Readings,
    change: Callable[[FaceEdit], object],
    undo: Callable[[], object],
    forget_names: Callable[[], object] | None = None,
) -> None:
    """The form that names, merges and splits the faces of a session.

    Args:
        session: Its description, with the changes so far.
        readings: Its readings with these changes; at least one.
        change: Makes a change; may raise `FaceEditError`.
        undo: Takes the last change back.
        forget_names: Deletes all names permanently; None if none is stored.
    """
    label = "Name or merge faces" if _is_of_pictures(session) else "Name, merge or split faces"
    with st.expander(label, icon=":material/badge:", key=f"edit-faces-{session.recording.id}"):
        edit = _form(session, readings)
        chosen = session_keys.FACE_EDIT.pop()
        if chosen is not None and chosen[0] == session.recording.id:
            edit = chosen[1]
        if edit is not None:
            try:
                change(edit)
                st.rerun()
            except NameTaken as exc:
                _offer_merge(session, exc)
            except FaceEditError as exc:
                st.error("This is not possible.", icon=":material/block:")
                st.text(str(exc))
        _undo_button(session, undo)
        if forget_names is not None and session.edits.has_names:
            _forget_button(session, forget_names)


def _form(session: Overview, readings: Readings) -> FaceEdit | None:
    """The widgets; the change that was asked for, if one was."""
    recording, counts = session.recording, list_faces(readings)
    actions = ["Name", "Merge"] if _is_of_pictures(session) else ["Name", "Merge", "Split"]
    if len(counts) == 1:
        actions.remove("Merge")
    row = st.container(horizontal=True, vertical_alignment="bottom")
    action = row.segmented_control(
        "Change", actions, default="Name", required=True, key=f"edit-kind-{'-'.join(actions)}"
    )
    with row:
        face = select_face("Face", counts, recording.names, key=f"edit-face-{recording.id}")
    # With another number of changes these are other widgets, which are empty.
    form = f"{recording.id}-{face}-{len(session.edits.steps)}"
    with st.form(f"edit-{action}-{form}", border=False):
        match action:
            case "Merge":
                return _merge_form(face, counts, recording.names, form)
            case "Split":
                return _split_form(face, readings.of(face), form)
            case _:
                return _name_form(face, recording.names.get(face, ""), form)


def _name_form(face: int, name: str, form: str) -> FaceEdit | None:
    typed = st.text_input(
        "Name",
        name,
        max_chars=MOST_NAME,
        key=f"face-name-{form}",
        placeholder="No name",
        autocomplete="off",
        width=480,
    )
    st.caption(
        "Charts, tables, files and copies show the name. Only what you type in is stored, with the "
        "session, and it is deleted with it. To remove the name, empty the field."
    )
    if st.form_submit_button("Save name", type="primary", key=f"save-name-{form}"):
        return NameFace(face, typed)
    return None


def _merge_form(
    face: int, counts: dict[int, int], names: dict[int, str], form: str
) -> FaceEdit | None:
    others = st.multiselect(
        "The same person as",
        [other for other in counts if other != face],
        key=f"merge-with-{form}",
        format_func=lambda f: face_title(f, names, counted(counts[f], "reading")),
        placeholder="Choose faces",
        width=480,
    )
    st.caption(f"They all become face {face}. Faces that are seen together can't be merged.")
    if st.form_submit_button("Merge faces", type="primary", key=f"merge-{form}"):
        return MergeFaces(face, tuple(others))
    return None


def _split_form(face: int, its: Readings, form: str) -> FaceEdit | None:
    first_s, last_s = float(its.at_s[0]), float(its.at_s[-1])
    at_s = st.number_input(
        "Another person from this time on (seconds)",
        min_value=0.0,
        value=None,
        step=_STEP_S,
        format="%.2f",
        key=f"split-at-{form}",
        placeholder=f"{first_s:.1f} to {last_s:.1f}",
        width=480,
    )
    st.caption(
        f"Face {face} is seen from {first_s:.1f} s to {last_s:.1f} s. From the time that you enter "
        "on, it gets a new number without a name."
    )
    if st.form_submit_button("Split face", type="primary", key=f"split-{form}"):
        if at_s is None:
            st.error("Enter the time from which it is another person.", icon=":material/block:")
            return None
        return SplitFace(face, at_s)
    return None


def _offer_merge(session: Overview, taken: NameTaken) -> None:
    """The message that a name is taken, and the button that merges the two faces instead."""
    st.error("Another face has this name.", icon=":material/block:")
    st.text(str(taken))
    merge = MergeFaces(taken.face, (taken.other,))
    st.button(
        f"Merge face {taken.other} into face {taken.face}",
        icon=":material/merge:",
        key=f"merge-instead-{session.recording.id}",
        on_click=session_keys.FACE_EDIT.set,
        args=((session.recording.id, merge),),
    )


def _undo_button(session: Overview, undo: Callable[[], object]) -> None:
    steps = session.edits.steps
    if not steps:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            "Undo",
            icon=":material/undo:",
            key=f"undo-faces-{session.recording.id}",
            width="content",
        ):
            undo()
            st.rerun()
        before: FaceEdits = session.edits.undo()
        st.text(f"Last change: {describe_edit(steps[-1], before.names)}", width="stretch")


def _forget_button(session: Overview, forget_names: Callable[[], object]) -> None:
    """The button that deletes all names, which an undo could otherwise bring back."""
    key = f"forget-names-{session.recording.id}"
    with st.popover("Delete all names", icon=":material/person_remove:", key=f"{key}-popover"):
        st.markdown(
            "All names of this session will be deleted permanently, earlier ones too. Merged and "
            "split faces stay as they are."
        )
        if st.button("Delete the names", type="primary", key=key):
            forget_names()
            st.rerun()


def _is_of_pictures(session: Overview) -> bool:
    return session.recording.source == "pictures"

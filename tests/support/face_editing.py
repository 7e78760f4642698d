"""The form that names, merges and splits faces, in AppTest."""

from collections.abc import Sequence

from streamlit.testing.v1 import AppTest

from tests.support.apps import button


def choose_action(at: AppTest, action: str, face: int) -> AppTest:
    control = next(c for c in at.segmented_control if str(c.key).startswith("edit-kind"))
    if control.value != action:
        control.set_value(action).run()
    select = next(s for s in at.selectbox if str(s.key).startswith("edit-face"))
    return select.set_value(face).run()


def name_face(at: AppTest, face: int, name: str) -> AppTest:
    choose_action(at, "Name", face)
    next(t for t in at.text_input if str(t.key).startswith("face-name")).set_value(name)
    return button(at, "Save name").click().run()


def merge_faces(at: AppTest, face: int, others: Sequence[int]) -> AppTest:
    choose_action(at, "Merge", face)
    next(m for m in at.multiselect if str(m.key).startswith("merge-with")).set_value(list(others))
    return button(at, "Merge faces").click().run()


def split_face(at: AppTest, face: int, at_s: float | None) -> AppTest:
    choose_action(at, "Split", face)
    if at_s is not None:
        next(n for n in at.number_input if str(n.key).startswith("split-at")).set_value(at_s)
    return button(at, "Split face").click().run()


def undo(at: AppTest) -> AppTest:
    return button(at, "Undo").click().run()


def face_options(at: AppTest, key: str = "edit-face") -> list[str]:
    return next(list(s.options) for s in at.selectbox if str(s.key).startswith(key))

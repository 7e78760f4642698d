"""Names, merges and splits of faces over readings that stay as they are."""

import numpy as np
import pytest

from ferapp.errors import FaceEditError, NameTaken
from ferapp.sessions.face_edits import (
    MOST_NAME,
    MOST_STEPS,
    FaceEdit,
    FaceEdits,
    MergeFaces,
    NameFace,
    SplitFace,
    clean_name,
    describe_edit,
    edit_from_json,
    edit_to_json,
)
from tests.support.sessions import some_readings

# Face 1 from 0 to 2 s, face 2 from 3 to 5 s, face 3 beside both of them.
AT_S = np.array([0, 1, 2, 3, 4, 5, 1, 2, 3], np.float64)
FACE = np.array([1, 1, 1, 2, 2, 2, 3, 3, 3])


def edited(*edits: FaceEdit) -> FaceEdits:
    made = FaceEdits()
    for edit in edits:
        made = made.add(edit, AT_S, FACE)
    return made


def numbers(edits: FaceEdits) -> list[int]:
    return edits.renumber(AT_S, FACE).tolist()


@pytest.mark.parametrize(
    ("edits", "wanted"),
    [
        pytest.param([], [1, 1, 1, 2, 2, 2, 3, 3, 3], id="nothing"),
        pytest.param([NameFace(1, "Ada")], [1, 1, 1, 2, 2, 2, 3, 3, 3], id="name"),
        pytest.param([MergeFaces(1, (2,))], [1, 1, 1, 1, 1, 1, 3, 3, 3], id="merge"),
        pytest.param([MergeFaces(2, (1, 1, 2))], [2, 2, 2, 2, 2, 2, 3, 3, 3], id="merge twice"),
        pytest.param([SplitFace(1, 1.0)], [1, 4, 4, 2, 2, 2, 3, 3, 3], id="split at a reading"),
        pytest.param([SplitFace(1, 0.5)], [1, 4, 4, 2, 2, 2, 3, 3, 3], id="split between"),
        pytest.param([SplitFace(1, 2.0)], [1, 1, 4, 2, 2, 2, 3, 3, 3], id="split at the last"),
        pytest.param(
            [MergeFaces(1, (2,)), SplitFace(1, 3.0)],
            [1, 1, 1, 4, 4, 4, 3, 3, 3],
            id="split what was merged",
        ),
        pytest.param(
            [SplitFace(3, 3.0), MergeFaces(4, (1,))],
            [4, 4, 4, 2, 2, 2, 3, 3, 4],
            id="merge a part",
        ),
        pytest.param(
            [SplitFace(1, 1.0), SplitFace(4, 2.0)],
            [1, 4, 5, 2, 2, 2, 3, 3, 3],
            id="split a part",
        ),
    ],
)
def test_numbers_follow_every_change(edits: list[FaceEdit], wanted: list[int]) -> None:
    before = FACE.copy()
    assert numbers(edited(*edits)) == wanted
    np.testing.assert_array_equal(FACE, before, err_msg="the recorded numbers are untouched")


def test_changes_apply_to_a_part_of_the_readings_as_to_all() -> None:
    edits = edited(MergeFaces(1, (2,)), SplitFace(1, 3.0))
    late = AT_S >= 2
    part = edits.renumber(AT_S[late], FACE[late])
    np.testing.assert_array_equal(part, edits.renumber(AT_S, FACE)[late])


def test_every_change_is_undone_exactly_in_reverse_order() -> None:
    states = [FaceEdits()]
    for edit in (
        NameFace(1, "Ada"),
        MergeFaces(2, (1,)),
        SplitFace(2, 2.0),
        NameFace(4, "Grace"),
        NameFace(2, ""),
    ):
        states.append(states[-1].add(edit, AT_S, FACE))
    edits = states.pop()
    while states:
        edits = edits.undo()
        assert edits == states.pop()
    with pytest.raises(FaceEditError, match="no change of faces to undo"):
        edits.undo()


def test_a_number_that_a_face_had_is_not_given_again() -> None:
    edits = edited(MergeFaces(1, (2,)), SplitFace(3, 2.0), MergeFaces(3, (4,)), SplitFace(3, 3.0))
    assert edits.steps[-1] == SplitFace(3, 3.0, 5)


@pytest.mark.parametrize(
    ("edits", "names"),
    [
        pytest.param([NameFace(1, "Ada")], {1: "Ada"}, id="one"),
        pytest.param([NameFace(1, "Ada"), NameFace(1, "Eve")], {1: "Eve"}, id="another name"),
        pytest.param([NameFace(1, "Ada"), NameFace(1, " ")], {}, id="removed"),
        pytest.param([NameFace(1, "Ada"), MergeFaces(1, (2,))], {1: "Ada"}, id="kept in a merge"),
        pytest.param([NameFace(2, "Ada"), MergeFaces(1, (2,))], {1: "Ada"}, id="taken along"),
        pytest.param(
            [NameFace(1, "Ada"), NameFace(2, "Eve"), MergeFaces(1, (2,)), NameFace(3, "Eve")],
            {1: "Ada", 3: "Eve"},
            id="free again after a merge",
        ),
        pytest.param([NameFace(1, "Ada"), SplitFace(1, 1.0)], {1: "Ada"}, id="split"),
    ],
)
def test_names_follow_every_change(edits: list[FaceEdit], names: dict[int, str]) -> None:
    assert edited(*edits).names == names


@pytest.mark.parametrize("same", ["Zoë", " zoë ", "ZOË", "Zoe\u0308"])
def test_a_name_that_another_face_has_is_refused_with_both_numbers(same: str) -> None:
    edits = edited(NameFace(2, "Zoë"))
    with pytest.raises(NameTaken, match=r"Face 2 already has this name.*merge") as caught:
        edits.add(NameFace(1, same), AT_S, FACE)
    assert (caught.value.face, caught.value.other) == (2, 1)
    assert edits.add(NameFace(2, same), AT_S, FACE).names[2] == clean_name(same)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        pytest.param(NameFace(9, "Ada"), r"no face 9 .*its faces are 1, 2, 3\.", id="name"),
        pytest.param(MergeFaces(1, (9,)), "no face 9", id="merge"),
        pytest.param(MergeFaces(9, (1,)), "no face 9", id="merge into"),
        pytest.param(SplitFace(9, 1.0), "no face 9", id="split"),
        pytest.param(NameFace(1, "x" * (MOST_NAME + 1)), "at most 60 characters", id="long name"),
        pytest.param(MergeFaces(1, ()), "Choose another face", id="merge nothing"),
        pytest.param(MergeFaces(1, (1,)), "Choose another face", id="merge with itself"),
        pytest.param(MergeFaces(1, (3,)), "1 and face 3 are both seen at 1 s", id="both seen"),
        pytest.param(MergeFaces(1, (2, 3)), "can't be one person", id="one of two seen"),
        pytest.param(SplitFace(1, 0.0), "seen from 0 s to 2 s", id="split at the start"),
        pytest.param(SplitFace(1, 2.1), "seen from 0 s to 2 s", id="split after the end"),
        pytest.param(SplitFace(1, -1.0), "seen from 0 s to 2 s", id="split before the start"),
        pytest.param(SplitFace(1, float("nan")), "seen from 0 s to 2 s", id="split at no time"),
    ],
)
def test_what_is_not_possible_is_refused_in_a_sentence(edit: FaceEdit, message: str) -> None:
    with pytest.raises(FaceEditError, match=message) as caught:
        edited(NameFace(2, "Ada"), edit)
    assert str(caught.value).endswith(".")


def test_faces_that_only_a_part_of_a_number_met_can_be_merged_after_a_split() -> None:
    """Face 3 is beside face 1 until 2 s; what is left of it at 3 s may be the same person."""
    assert numbers(edited(SplitFace(3, 3.0), MergeFaces(1, (4,))))[8] == 1


def test_faces_of_one_picture_are_not_merged_and_no_picture_is_split() -> None:
    at_s, face = np.array([0.0, 0.0, 1.0]), np.array([1, 2, 3])
    with pytest.raises(FaceEditError, match="both seen in picture 1"):
        FaceEdits().add(MergeFaces(1, (2,)), at_s, face, source="pictures")
    with pytest.raises(FaceEditError, match="pictures can't be split"):
        FaceEdits().add(SplitFace(1, 1.0), at_s, face, source="pictures")
    merged = FaceEdits().add(MergeFaces(1, (3,)), at_s, face, source="pictures")
    assert merged.renumber(at_s, face).tolist() == [1, 2, 1]


def test_a_name_that_changes_nothing_is_no_step() -> None:
    edits = edited(NameFace(1, "Ada"))
    assert edits.add(NameFace(1, " Ada"), AT_S, FACE) is edits
    assert FaceEdits().add(NameFace(1, ""), AT_S, FACE) == FaceEdits()


def test_the_number_of_changes_is_limited() -> None:
    edits = FaceEdits(tuple(NameFace(1, str(n)) for n in range(MOST_STEPS)))
    with pytest.raises(FaceEditError, match="at most 1,000 changes"):
        edits.add(NameFace(1, "one more"), AT_S, FACE)
    assert edits.undo().add(NameFace(1, "instead"), AT_S, FACE).names == {1: "instead"}


def test_names_can_be_forgotten_without_undoing_merges() -> None:
    edits = FaceEdits.named({3: "Eve"})
    edits = edits.add(NameFace(1, "Ada"), AT_S, FACE).add(MergeFaces(1, (2,)), AT_S, FACE)
    forgotten = edits.without_names()
    assert forgotten.names == {} and "Ada" not in repr(forgotten) and "Eve" not in repr(forgotten)
    assert numbers(forgotten) == numbers(edits)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("  Ada   Lovelace\t", "Ada Lovelace"),
        ("李小龍", "李小龍"),
        ("محمد", "محمد"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("Ayşe İğ", "Ayşe İğ"),
        ("👩‍🔬", "👩‍🔬"),
        ("#12", "#12"),
        ("a\nb", "a b"),
        ("a\u202eb\x00", "a\ufffdb\ufffd"),
        ("e" + "\u0301" * 30, "é\u0301\u0301"),
        ("\u200b\u200d", ""),
        ("\u3164", ""),
        ("\x00", ""),
        ("x" * MOST_NAME, "x" * MOST_NAME),
    ],
)
def test_a_name_is_one_readable_line(name: str, wanted: str) -> None:
    assert clean_name(name) == wanted


@pytest.mark.parametrize(
    "edit", [NameFace(1, "李"), MergeFaces(1, (2, 3)), SplitFace(1, 0.1 + 0.2, 4)]
)
def test_changes_survive_json(edit: FaceEdit) -> None:
    assert edit_from_json(edit_to_json(edit)) == edit


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (NameFace(1, "Eve"), "Face 1 named Eve"),
        (NameFace(2, ""), "Name of Ada (face 2) removed"),
        (MergeFaces(2, (1, 3, 4)), "Face 1, face 3 and face 4 merged into Ada (face 2)"),
        (SplitFace(1, 0.25, 7), "Face 1 split: face 7 from 0.25 s on"),
        (SplitFace(2, 12.5, 7), "Ada (face 2) split: face 7 from 12.5 s on"),
    ],
)
def test_a_change_is_described(edit: FaceEdit, words: str) -> None:
    assert describe_edit(edit, {2: "Ada"}) == words


def test_only_numbers_of_faces_change() -> None:
    readings = some_readings(5, faces=2)
    edits = FaceEdits().add(SplitFace(2, 0.2), readings.at_s, readings.face)
    after = edits.apply(readings)
    assert after.faces == [1, 2, 3] and readings.faces == [1, 2]
    for name, values in vars(readings).items():
        if name != "face":
            assert getattr(after, name) is values

"""What an overlay draws and hides at any time."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ferapp.pipeline.annotated_copy.overlay import HIDDEN_MARGIN_S, Overlay
from ferapp.sessions.face_edits import FaceEdit, FaceEdits, MergeFaces, NameFace, SplitFace
from ferapp.sessions.lengths import GAP_S
from ferapp.sessions.session import Readings
from tests.support.overlays import (
    GREY,
    LEFT_BOX,
    NOISE,
    ONLY_OTHERS,
    RIGHT_BOX,
    drawn_extent,
    has_colour,
    interior,
    is_hidden,
    overlay,
    still_track,
    track,
)
from tests.support.videos import solid_image


def test_a_box_with_its_label_is_drawn_around_a_face() -> None:
    image = overlay(still_track(LEFT_BOX)).draw(GREY, 1.0)
    left, top, right, bottom = drawn_extent(image)
    assert (left, bottom) == pytest.approx((40, 160), abs=2)
    assert right >= 98 and 70 < top < 98, "the caption is above the box"
    assert has_colour(image, "happiness")
    np.testing.assert_array_equal(interior(image, LEFT_BOX), interior(GREY, LEFT_BOX))
    assert (GREY == 40).all(), "the frame itself is unchanged"


def test_boxes_are_interpolated_between_two_readings() -> None:
    moves = overlay(track((0.0, LEFT_BOX), (1.0, RIGHT_BOX)), every_s=1)
    for at_s, left in ((0.0, 40), (0.25, 80), (0.5, 120), (0.999, 200), (1.0, 200)):
        assert drawn_extent(moves.draw(GREY, at_s))[0] == pytest.approx(left, abs=2)


@pytest.mark.parametrize(
    ("at_s", "is_drawn"),
    [
        (0.85, False),
        (0.95, True),
        (1.0, True),
        (1.15, False),
        (1.5, False),
        (2.0, True),
        (2.09, True),
        (2.15, False),
    ],
    ids=str,
)
def test_no_box_is_drawn_where_a_face_was_not_read(at_s: float, is_drawn: bool) -> None:
    """Frames are read ten times a second, so between 1 and 2 s the face was away."""
    its = overlay(track((1.0, LEFT_BOX), (2.0, LEFT_BOX)))
    assert bool((its.draw(GREY, at_s) != 40).any()) == is_drawn


@pytest.mark.parametrize(
    ("at_s", "hidden"),
    [
        (1 - HIDDEN_MARGIN_S - 0.05, False),
        (1 - HIDDEN_MARGIN_S + 0.05, True),
        (1.0, True),
        (1.5, True),
        (2 + HIDDEN_MARGIN_S - 0.05, True),
        (2 + HIDDEN_MARGIN_S + 0.05, False),
    ],
    ids=str,
)
def test_a_face_is_hidden_shortly_before_and_after_it_is_found(at_s: float, hidden: bool) -> None:
    its = overlay(track(*[(1 + n / 10, LEFT_BOX) for n in range(11)]), shown=ONLY_OTHERS)
    assert is_hidden(its.draw(NOISE, at_s)) == hidden


def test_a_face_stays_hidden_in_a_gap_shorter_than_a_pause() -> None:
    short = overlay(track((0.0, LEFT_BOX), (GAP_S, LEFT_BOX)), shown=ONLY_OTHERS)
    assert all(is_hidden(short.draw(NOISE, at_s)) for at_s in np.linspace(0, GAP_S, 7))


def test_in_a_longer_gap_a_face_is_hidden_only_around_its_readings() -> None:
    gap = overlay(
        still_track(LEFT_BOX, until_s=1),
        replace(track((6.0, LEFT_BOX), (6.1, LEFT_BOX))),
        shown=ONLY_OTHERS,
    )
    hidden = [is_hidden(gap.draw(NOISE, at_s)) for at_s in (1.4, 1.6, 3.5, 5.4, 5.6)]
    assert hidden == [True, False, False, False, True]


@pytest.mark.parametrize("at_s", [2.5, 7.5, 12.5], ids=str)
def test_faces_stay_hidden_between_analysed_frames_five_seconds_apart(at_s: float) -> None:
    """A face found at 0, 5 and 10 s but not at 15 s may be there until then."""
    known = track(*[(5.0 * n, RIGHT_BOX) for n in range(10)], face=1)
    stranger = track(*[(5.0 * n, LEFT_BOX) for n in range(3)], face=2)
    image = overlay(known, stranger, shown=frozenset({1}), every_s=5).draw(NOISE, at_s)
    assert is_hidden(image, LEFT_BOX)


@pytest.mark.parametrize(("at_s", "there"), [(4.9, True), (5.1, False)], ids=str)
def test_a_face_found_once_is_hidden_until_the_next_analysed_frame(
    at_s: float, there: bool
) -> None:
    image = overlay(track((0.0, LEFT_BOX), face=2), shown=ONLY_OTHERS, every_s=5).draw(NOISE, at_s)
    assert is_hidden(image, LEFT_BOX) == there


def test_a_face_is_not_hidden_during_a_minute_of_absence() -> None:
    """Two readings are too few to know the usual interval."""
    its = overlay(track((0.0, LEFT_BOX), (60.0, LEFT_BOX), face=2), shown=ONLY_OTHERS)
    assert [is_hidden(its.draw(NOISE, at_s)) for at_s in (0, 30, 60)] == [True, False, True]


def test_chosen_faces_are_labelled_and_others_hidden() -> None:
    other = track((0.5, RIGHT_BOX), (1.5, RIGHT_BOX), face=2, expression="sadness")
    image = overlay(still_track(LEFT_BOX), other, shown=frozenset({1})).draw(NOISE, 1.0)
    assert is_hidden(image, RIGHT_BOX) and not is_hidden(image, LEFT_BOX)
    assert has_colour(image, "happiness") and not has_colour(image, "sadness")
    np.testing.assert_array_equal(interior(image, LEFT_BOX), interior(NOISE, LEFT_BOX))


def test_without_a_choice_all_faces_are_labelled_and_none_hidden() -> None:
    its = overlay(
        still_track(LEFT_BOX), still_track(RIGHT_BOX, face=2), doubtful=(1.0, (120, 20, 180, 80))
    )
    image = its.draw(NOISE, 1.0)
    for box in (LEFT_BOX, RIGHT_BOX, (120, 20, 180, 80)):
        np.testing.assert_array_equal(interior(image, box), interior(NOISE, box))
    for left in (LEFT_BOX[0], RIGHT_BOX[0]):
        assert (image[110:150, left] != NOISE[110:150, left]).any(axis=1).all(), "a line"


def test_other_faces_can_stay_visible() -> None:
    its = overlay(
        still_track(LEFT_BOX),
        still_track(RIGHT_BOX, face=2),
        shown=frozenset({1}),
        hides_others=False,
    ).draw(NOISE, 1.0)
    np.testing.assert_array_equal(its[95:165, 195:265], NOISE[95:165, 195:265])


def test_all_faces_are_hidden_if_none_is_chosen() -> None:
    image = overlay(still_track(LEFT_BOX), still_track(RIGHT_BOX, face=2), shown=frozenset()).draw(
        NOISE, 1.0
    )
    assert is_hidden(image, LEFT_BOX) and is_hidden(image, RIGHT_BOX)


@pytest.mark.parametrize(
    ("at_s", "hidden"), [(0.4, False), (0.6, True), (1.0, True), (1.4, True), (1.6, False)], ids=str
)
def test_an_unconfirmed_box_is_hidden_around_its_time(at_s: float, hidden: bool) -> None:
    its = overlay(doubtful=(1.0, LEFT_BOX), shown=ONLY_OTHERS)
    assert is_hidden(its.draw(NOISE, at_s)) == hidden


def test_an_unconfirmed_box_on_the_chosen_face_is_not_hidden() -> None:
    near = (44, 102, 104, 162)
    its = overlay(still_track(LEFT_BOX), shown=frozenset({1}), doubtful=(1.0, near))
    assert not is_hidden(its.draw(NOISE, 1.0))


def test_a_face_that_overlaps_the_chosen_one_is_still_hidden() -> None:
    """Where the boxes of two people overlap, hiding the other one comes first."""
    close = (70, 100, 130, 160)
    its = overlay(still_track(LEFT_BOX), still_track(close, face=2), shown=frozenset({1}))
    assert is_hidden(its.draw(NOISE, 1.0), (90, 100, 130, 160))


def test_a_face_in_the_corner_is_hidden_up_to_the_border() -> None:
    corner = (260, 180, 320, 240)
    image = overlay(still_track(corner), shown=ONLY_OTHERS).draw(NOISE, 1.0)
    part = image[190:, 270:].astype(int)
    assert (
        np.abs(np.diff(part, axis=1)).mean()
        < 0.3 * np.abs(np.diff(NOISE[190:, 270:].astype(int), axis=1)).mean()
    )


def test_readings_of_frames_of_different_sizes_agree() -> None:
    half = tuple(side // 2 for side in LEFT_BOX)
    its = overlay(
        track((0.0, LEFT_BOX), (0.1, LEFT_BOX)), track((0.2, half), (0.3, half), wh=(160, 120))
    )
    lefts = [drawn_extent(its.draw(GREY, at_s))[0] for at_s in (0, 0.1, 0.15, 0.2, 0.3)]
    assert lefts == [lefts[0]] * 5
    twice = its.draw(solid_image(40, (640, 480)), 0.1)
    assert drawn_extent(twice)[0] == pytest.approx(80, abs=4)


@pytest.mark.parametrize("shown", [None, frozenset(), frozenset({1})], ids=str)
def test_without_readings_a_frame_is_unchanged(shown: frozenset[int] | None) -> None:
    np.testing.assert_array_equal(overlay(shown=shown).draw(NOISE, 1.0), NOISE)


def test_a_label_is_that_of_the_nearest_reading() -> None:
    changes = overlay(
        track((0.0, LEFT_BOX)), track((1.0, LEFT_BOX), expression="sadness"), every_s=1.0
    )
    for at_s in (0.0, 0.4, 0.6, 1.0):
        image = changes.draw(GREY, at_s)
        for name in ("happiness", "sadness"):
            assert has_colour(image, name) == (name == ("happiness" if at_s < 0.5 else "sadness"))


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(lambda: overlay(), id="nothing"),
        pytest.param(
            lambda: overlay(still_track(LEFT_BOX), still_track(RIGHT_BOX, face=2)), id="all shown"
        ),
        pytest.param(
            lambda: overlay(
                still_track(LEFT_BOX), still_track(RIGHT_BOX, face=2), shown=frozenset({2})
            ),
            id="one shown",
        ),
        pytest.param(lambda: overlay(still_track(LEFT_BOX), shown=frozenset()), id="none shown"),
        pytest.param(
            lambda: overlay(still_track(LEFT_BOX), shown=frozenset({7}), hides_others=False),
            id="not hidden",
        ),
        pytest.param(
            lambda: overlay(still_track(LEFT_BOX), shown=ONLY_OTHERS, doubtful=(1.0, RIGHT_BOX)),
            id="doubtful",
        ),
        pytest.param(lambda: overlay(track((1.0, LEFT_BOX), expression=None)), id="unsure"),
    ],
)
def test_an_overlay_survives_save_and_load(tmp_path: Path, plan: Callable[[], Overlay]) -> None:
    plan().save(tmp_path / "plan.npz")
    again = Overlay.load(tmp_path / "plan.npz")
    for at_s in (0.0, 0.95, 1.0, 2.4):
        np.testing.assert_array_equal(again.draw(NOISE, at_s), plan().draw(NOISE, at_s))


@pytest.mark.parametrize("shown", [None, frozenset({1})], ids=["all faces", "one face"])
def test_nothing_outside_the_region_can_be_recognised(
    tmp_path: Path, shown: frozenset[int] | None
) -> None:
    """Nobody looked for faces there."""
    height, width = NOISE.shape[:2]
    region = (width // 4, height // 4, width // 2, height // 2)
    plan = Overlay(
        Readings.empty(8),
        np.empty(0),
        np.empty((0, 4), np.float32),
        shown=shown,
        region=region,
        size_wh=(width, height),
    )
    plan.save(tmp_path / "plan.npz")
    drawn = Overlay.load(tmp_path / "plan.npz").draw(NOISE, 0.0)
    x, y = region[:2]
    inside = (slice(y, y + region[3]), slice(x, x + region[2]))
    np.testing.assert_array_equal(drawn[inside], NOISE[inside])
    outside = np.ones((height, width), bool)
    outside[inside] = False
    assert drawn[outside].std() < 0.2 * NOISE[outside].std()


def test_what_is_outside_the_region_is_shown_without_blurring() -> None:
    nothing = (Readings.empty(8), np.empty(0), np.empty((0, 4), np.float32))
    height, width = NOISE.shape[:2]
    plan = Overlay(*nothing, hides_others=False, region=(0, 0, 20, 20), size_wh=(width, height))
    np.testing.assert_array_equal(plan.draw(NOISE, 0.0), NOISE)


def changes(*edits: FaceEdit, of: Readings) -> FaceEdits:
    made = FaceEdits()
    for edit in edits:
        made = made.add(edit, of.at_s, of.face)
    return made


def test_the_box_of_a_merged_face_does_not_slide_over_a_cut() -> None:
    """Otherwise the blur slides too, off the face that it hides."""
    before, after = (
        still_track(LEFT_BOX, until_s=1),
        track((1.5, RIGHT_BOX), (2.0, RIGHT_BOX), face=2),
    )
    merged = changes(MergeFaces(1, (2,)), of=Readings.join([before, after]))
    hidden = overlay(before, after, shown=frozenset(), edits=merged).draw(NOISE, 1.25)
    assert is_hidden(hidden, LEFT_BOX) and is_hidden(hidden, RIGHT_BOX)
    assert not is_hidden(hidden, (120, 100, 180, 160)), "between the two"


def test_a_merged_face_is_drawn_once_at_a_time() -> None:
    before = track((0.9, LEFT_BOX), (1.0, LEFT_BOX))
    after = track((1.05, RIGHT_BOX), (1.2, RIGHT_BOX), face=2)
    merged = changes(MergeFaces(1, (2,)), of=Readings.join([before, after]))
    assert drawn_extent(overlay(before, after).draw(GREY, 1.05))[0] == pytest.approx(40, abs=2)
    once = overlay(before, after, edits=merged)
    assert drawn_extent(once.draw(GREY, 1.0))[2] < 140
    assert drawn_extent(once.draw(GREY, 1.05))[0] == pytest.approx(200, abs=2)


def test_the_choice_of_a_merged_face_shows_all_of_it() -> None:
    before, after = (
        still_track(LEFT_BOX, until_s=1),
        track((3.0, RIGHT_BOX), (4.0, RIGHT_BOX), face=2),
    )
    merged = changes(MergeFaces(2, (1,)), of=Readings.join([before, after]))
    its = overlay(before, after, shown=frozenset({2}), edits=merged)
    assert not is_hidden(its.draw(NOISE, 0.5), LEFT_BOX)
    assert not is_hidden(its.draw(NOISE, 3.5), RIGHT_BOX)


@pytest.mark.parametrize(("at_s", "hidden"), [(1.0, False), (2.3, True), (2.6, True)], ids=str)
def test_a_person_who_was_split_off_is_hidden_from_a_little_before(
    at_s: float, hidden: bool
) -> None:
    swapped = still_track(LEFT_BOX, until_s=4)
    split = changes(SplitFace(1, 2.5), of=swapped)
    image = overlay(swapped, shown=frozenset({1}), edits=split).draw(NOISE, at_s)
    assert is_hidden(image, LEFT_BOX) == hidden


def test_captions_have_the_name_of_the_face_where_the_font_can_write_it() -> None:
    wide = (40, 100, 200, 220)

    def caption(*edits: FaceEdit) -> np.ndarray:
        its = still_track(wide)
        return overlay(its, edits=changes(*edits, of=its)).draw(GREY, 1.0)

    number, name = caption(), caption(NameFace(1, "Zoë"))
    assert (number != name).any()
    np.testing.assert_array_equal(name, caption(NameFace(1, "Zoe")))
    np.testing.assert_array_equal(number, caption(NameFace(1, "李")))


def test_changes_of_faces_survive_save_and_load(tmp_path: Path) -> None:
    its = still_track(LEFT_BOX)
    plan = overlay(
        its,
        shown=frozenset({2}),
        edits=changes(SplitFace(1, 1.0), NameFace(2, "Zoë"), of=its),
    )
    plan.save(tmp_path / "plan.npz")
    again = Overlay.load(tmp_path / "plan.npz")
    for at_s in (0.2, 0.9, 1.5):
        np.testing.assert_array_equal(again.draw(NOISE, at_s), plan.draw(NOISE, at_s))

"""What is drawn and hidden at any time, and the copy of a video that it ends in."""

import errno
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from ferapp.emotions import COLOURS
from ferapp.errors import UserError, VideoError
from ferapp.media.encoder import Encoder, add_sound
from ferapp.pipeline.annotated_copy.copy import AnnotatedCopy
from ferapp.pipeline.annotated_copy.overlay import HIDDEN_MARGIN_S, Overlay
from ferapp.sessions.report.summary import GAP_S
from ferapp.sessions.session import Readings
from tests.support.sessions import made
from tests.support.videos import (
    CANARY,
    EIGHT,
    FRONT,
    LEVELS,
    as_shown,
    cut,
    images_of,
    noisy,
    number,
    numbered,
    off_by,
    packets_of,
    quadrants,
    replaced,
    seen,
    solid,
    times_of,
    turned,
    written,
)
from tests.support.waiting import is_running

WH = (320, 240)
HERE, THERE = (40, 100, 100, 160), (200, 100, 260, 160)
NOISE = noisy(1, WH)[0]


def track(
    *rows: tuple[float, tuple[int, int, int, int]],
    face: int = 1,
    expression: str | None = "happiness",
    wh: tuple[int, int] = WH,
) -> Readings:
    """Readings of one face from (seconds, box)."""
    readings = made(*[(at_s, expression) for at_s, _ in rows], face=face)
    boxes = np.array([box for _, box in rows], np.float32).reshape(-1, 4)
    return replace(readings, xyxy=boxes, size_wh=np.tile(np.array(wh), (len(rows), 1)))


def still(
    box: tuple[int, int, int, int], *, until_s: float = 2.0, face: int = 1, rate: int = 10
) -> Readings:
    times = np.arange(round(until_s * rate) + 1) / rate
    return track(*[(float(at_s), box) for at_s in times], face=face)


def overlay(
    *tracks: Readings,
    shown: frozenset[int] | None = None,
    hides_others: bool = True,
    doubtful: tuple[float, tuple[int, int, int, int]] | None = None,
    every_s: float = 0.1,
) -> Overlay:
    times = np.array([doubtful[0]] if doubtful else [], np.float64)
    boxes = np.array([doubtful[1]] if doubtful else [], np.float32).reshape(-1, 4)
    shares = boxes / np.tile(np.array(WH, np.float32), 2)
    readings = Readings.join(tracks or [made()])
    return Overlay(readings, times, shares, every_s=every_s, shown=shown, hides_others=hides_others)


NOTHING = overlay()
OTHERS = frozenset({99})
"""Faces are hidden, and none is shown."""


def inner(image: np.ndarray, box: tuple[int, int, int, int], margin: int = 12) -> np.ndarray:
    """What is inside of a box and its lines."""
    x1, y1, x2, y2 = box
    return image[y1 + margin : y2 - margin, x1 + margin : x2 - margin].astype(int)


def detail(image: np.ndarray, box: tuple[int, int, int, int]) -> float:
    """How much a pixel differs from the next one, on average."""
    part = inner(image, box)
    return float(np.abs(np.diff(part, axis=0)).mean() + np.abs(np.diff(part, axis=1)).mean())


def is_hidden(image: np.ndarray, box: tuple[int, int, int, int] = HERE) -> bool:
    """Whether the noise that every test puts there is gone."""
    there_was = detail(NOISE, box)
    assert there_was > 15
    found = detail(image, box)
    assert found < 0.3 * there_was or found > 0.7 * there_was, "neither hidden nor shown"
    return found < 0.3 * there_was


GREY = solid(40, WH)


def drawn(image: np.ndarray) -> tuple[int, int, int, int]:
    """From where to where there are lines and captions on a frame that was grey."""
    y, x = np.nonzero((image != 40).any(axis=2))
    return int(x.min()), int(y.min()), int(x.max()), int(y.max())


def has_colour(image: np.ndarray, expression: str) -> bool:
    rgb = [int(COLOURS[expression][n : n + 2], 16) for n in (1, 3, 5)]
    return bool((image == rgb).all(axis=2).any())


# What stands at which time.


def test_a_box_with_its_label_is_drawn_around_a_face() -> None:
    image = overlay(still(HERE)).drawn(GREY, 1.0)
    left, top, right, bottom = drawn(image)
    assert (left, bottom) == pytest.approx((40, 160), abs=2)
    assert right >= 98 and 70 < top < 98, "the caption stands above"
    assert has_colour(image, "happiness")
    np.testing.assert_array_equal(inner(image, HERE), inner(GREY, HERE))
    assert (GREY == 40).all(), "it is a copy"


def test_between_two_readings_a_face_moves_on_a_straight_line() -> None:
    moves = overlay(track((0.0, HERE), (1.0, THERE)))
    for at_s, left in ((0.0, 40), (0.25, 80), (0.5, 120), (0.999, 200), (1.0, 200)):
        assert drawn(moves.drawn(GREY, at_s))[0] == pytest.approx(left, abs=2)


@pytest.mark.parametrize(
    ("at_s", "is_drawn"),
    [(0.85, False), (0.95, True), (1.0, True), (2.0, True), (2.09, True), (2.15, False)],
    ids=str,
)
def test_no_box_is_drawn_where_a_face_was_not_read(at_s: float, is_drawn: bool) -> None:
    its = overlay(track((1.0, HERE), (2.0, HERE)))
    assert bool((its.drawn(GREY, at_s) != 40).any()) == is_drawn


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
def test_a_face_is_hidden_a_little_before_and_after_it_was_found(at_s: float, hidden: bool) -> None:
    its = overlay(track(*[(1 + n / 10, HERE) for n in range(11)]), shown=OTHERS)
    assert is_hidden(its.drawn(NOISE, at_s)) == hidden


def test_in_a_gap_no_longer_than_a_pause_a_face_stays_hidden() -> None:
    short = overlay(track((0.0, HERE), (GAP_S, HERE)), shown=OTHERS)
    assert all(is_hidden(short.drawn(NOISE, at_s)) for at_s in np.linspace(0, GAP_S, 7))


def test_in_a_longer_gap_it_is_hidden_around_its_readings_alone() -> None:
    gap = overlay(still(HERE, until_s=1), replace(track((6.0, HERE), (6.1, HERE))), shown=OTHERS)
    hidden = [is_hidden(gap.drawn(NOISE, at_s)) for at_s in (1.4, 1.6, 3.5, 5.4, 5.6)]
    assert hidden == [True, False, False, False, True]


@pytest.mark.parametrize("at_s", [2.5, 7.5, 12.5], ids=str)
def test_of_a_video_that_is_read_every_five_seconds_nobody_is_shown_in_between(at_s: float) -> None:
    """A face that was found at 0, 5 and 10 s, and not at 15 s, may be there until then."""
    known = track(*[(5.0 * n, THERE) for n in range(10)], face=1)
    stranger = track(*[(5.0 * n, HERE) for n in range(3)], face=2)
    image = overlay(known, stranger, shown=frozenset({1}), every_s=5).drawn(NOISE, at_s)
    assert is_hidden(image, HERE)


@pytest.mark.parametrize(("at_s", "there"), [(4.9, True), (5.1, False)], ids=str)
def test_a_face_that_was_found_once_is_hidden_until_the_next_look(at_s: float, there: bool) -> None:
    image = overlay(track((0.0, HERE), face=2), shown=OTHERS, every_s=5).drawn(NOISE, at_s)
    assert is_hidden(image, HERE) == there


def test_a_face_that_comes_back_after_a_minute_was_away() -> None:
    """Two readings tell nothing of what is usual."""
    its = overlay(track((0.0, HERE), (60.0, HERE), face=2), shown=OTHERS)
    assert [is_hidden(its.drawn(NOISE, at_s)) for at_s in (0, 30, 60)] == [True, False, True]


def test_chosen_faces_are_drawn_and_the_others_hidden() -> None:
    other = track((0.5, THERE), (1.5, THERE), face=2, expression="sadness")
    image = overlay(still(HERE), other, shown=frozenset({1})).drawn(NOISE, 1.0)
    assert is_hidden(image, THERE) and not is_hidden(image, HERE)
    assert has_colour(image, "happiness") and not has_colour(image, "sadness")
    np.testing.assert_array_equal(inner(image, HERE), inner(NOISE, HERE))


def test_where_nobody_was_chosen_all_are_drawn_and_nobody_is_hidden() -> None:
    its = overlay(still(HERE), still(THERE, face=2), doubtful=(1.0, (120, 20, 180, 80)))
    image = its.drawn(NOISE, 1.0)
    for box in (HERE, THERE, (120, 20, 180, 80)):
        np.testing.assert_array_equal(inner(image, box), inner(NOISE, box))
    for left in (HERE[0], THERE[0]):
        assert (image[110:150, left] != NOISE[110:150, left]).any(axis=1).all(), "a line"


def test_others_need_not_be_hidden() -> None:
    its = overlay(
        still(HERE), still(THERE, face=2), shown=frozenset({1}), hides_others=False
    ).drawn(NOISE, 1.0)
    np.testing.assert_array_equal(its[95:165, 195:265], NOISE[95:165, 195:265])


def test_where_no_face_is_to_be_shown_all_are_hidden() -> None:
    image = overlay(still(HERE), still(THERE, face=2), shown=frozenset()).drawn(NOISE, 1.0)
    assert is_hidden(image, HERE) and is_hidden(image, THERE)


@pytest.mark.parametrize(
    ("at_s", "hidden"), [(0.4, False), (0.6, True), (1.0, True), (1.4, True), (1.6, False)], ids=str
)
def test_what_may_be_a_face_is_hidden_around_its_time(at_s: float, hidden: bool) -> None:
    its = overlay(doubtful=(1.0, HERE), shown=OTHERS)
    assert is_hidden(its.drawn(NOISE, at_s)) == hidden


def test_what_may_be_a_face_and_is_the_chosen_one_is_not_hidden() -> None:
    near = (44, 102, 104, 162)
    its = overlay(still(HERE), shown=frozenset({1}), doubtful=(1.0, near))
    assert not is_hidden(its.drawn(NOISE, 1.0))


def test_another_face_close_to_the_chosen_one_is_hidden_all_the_same() -> None:
    """Two who kiss are two; where their boxes overlap, it is the stranger's that counts."""
    close = (70, 100, 130, 160)
    its = overlay(still(HERE), still(close, face=2), shown=frozenset({1}))
    assert is_hidden(its.drawn(NOISE, 1.0), (90, 100, 130, 160))


def test_a_face_in_the_corner_is_hidden_up_to_the_border() -> None:
    corner = (260, 180, 320, 240)
    image = overlay(still(corner), shown=OTHERS).drawn(NOISE, 1.0)
    part = image[190:, 270:].astype(int)
    assert (
        np.abs(np.diff(part, axis=1)).mean()
        < 0.3 * np.abs(np.diff(NOISE[190:, 270:].astype(int), axis=1)).mean()
    )


def test_readings_of_frames_of_two_sizes_agree() -> None:
    half = tuple(side // 2 for side in HERE)
    its = overlay(track((0.0, HERE), (0.1, HERE)), track((0.2, half), (0.3, half), wh=(160, 120)))
    lefts = [drawn(its.drawn(GREY, at_s))[0] for at_s in (0, 0.1, 0.15, 0.2, 0.3)]
    assert lefts == [lefts[0]] * 5
    twice = its.drawn(solid(40, (640, 480)), 0.1)
    assert drawn(twice)[0] == pytest.approx(80, abs=4)


@pytest.mark.parametrize("shown", [None, frozenset(), frozenset({1})], ids=str)
def test_without_readings_a_frame_stays_as_it_is(shown: frozenset[int] | None) -> None:
    np.testing.assert_array_equal(overlay(shown=shown).drawn(NOISE, 1.0), NOISE)


def test_a_label_holds_until_the_next_reading() -> None:
    changes = overlay(
        Readings.join(
            [track((0.0, HERE)), track((1.0, HERE), expression="sadness")],
        )
    )
    for at_s, expression in ((0.0, "happiness"), (0.9, "happiness"), (1.0, "sadness")):
        image = changes.drawn(GREY, at_s)
        for name in ("happiness", "sadness"):
            assert has_colour(image, name) == (name == expression)


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(lambda: overlay(), id="nothing"),
        pytest.param(lambda: overlay(still(HERE), still(THERE, face=2)), id="all shown"),
        pytest.param(
            lambda: overlay(still(HERE), still(THERE, face=2), shown=frozenset({2})), id="one shown"
        ),
        pytest.param(lambda: overlay(still(HERE), shown=frozenset()), id="none shown"),
        pytest.param(
            lambda: overlay(still(HERE), shown=frozenset({7}), hides_others=False), id="not hidden"
        ),
        pytest.param(
            lambda: overlay(still(HERE), shown=OTHERS, doubtful=(1.0, THERE)), id="doubtful"
        ),
        pytest.param(lambda: overlay(track((1.0, HERE), expression=None)), id="unsure"),
    ],
)
def test_a_plan_comes_back_as_it_was_saved(tmp_path: Path, plan: Callable[[], Overlay]) -> None:
    plan().save(tmp_path / "plan.npz")
    again = Overlay.load(tmp_path / "plan.npz")
    for at_s in (0.0, 0.95, 1.0, 2.4):
        np.testing.assert_array_equal(again.drawn(NOISE, at_s), plan().drawn(NOISE, at_s))


# The copy.


@pytest.fixture(autouse=True)
def _nothing_stays(tmp_path: Path) -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(2)  # of one that was told to end and is about to
        assert not thread.is_alive(), thread.name
    assert not list(tmp_path.rglob(".ferapp-*")), "a temporary folder"


def copied(source: Path, plan: Overlay = NOTHING, *, note: str = "") -> Path:
    out = source.parent / "copy.mp4"
    with AnnotatedCopy(source, plan, out) as copy:
        times = list(copy)
        assert copy.note.find(note) >= 0 if note else copy.note == ""
    assert all(a <= b for a, b in pairwise(times))
    assert not is_running(copy._child.pid)
    return out


@pytest.mark.parametrize(
    ("name", "traits"),
    [
        pytest.param("a.mp4", {}, id="MP4"),
        pytest.param("a.mkv", {"bframes": 2}, id="MKV"),
        pytest.param("a.webm", {}, id="WebM"),
        pytest.param("a.avi", {}, id="AVI"),
        pytest.param("a.ts", {"start_s": 10}, id="TS"),
        pytest.param("a.mp4", {"at_s": [0, 0.01, 0.4, 0.41, 3, 3.001, 3.1, 4]}, id="uneven"),
    ],
)
def test_a_copy_has_the_frames_and_times_of_its_source(
    tmp_path: Path, name: str, traits: dict[str, object]
) -> None:
    source = written(tmp_path / name, numbered(8), **traits)
    copy = copied(source)
    assert [number(image) for image in images_of(copy)] == list(range(8))
    assert times_of(copy) == pytest.approx(seen(source).at_s, abs=0.0005)
    with av.open(str(copy)) as container:
        video = container.streams.video[0].codec_context
        assert (container.format.name.split(",")[0], video.name) == ("mov", "h264")
        assert video.pix_fmt == "yuv420p", "what every browser plays"
        assert video.colorspace == 5, "of larger frames players would guess another one"


@pytest.mark.parametrize("name", ["a quarter to the right", "mirrored left to right"])
def test_a_copy_stands_upright_by_itself(tmp_path: Path, name: str) -> None:
    source = turned(written(tmp_path / "a.mp4", [quadrants()] * 3, pix_fmt="yuv444p"), EIGHT[name])
    for image in images_of(copied(source)):
        assert off_by(image, as_shown(quadrants(), EIGHT[name])) < LEVELS


def test_odd_sides_lose_a_row_and_a_column_at_most(tmp_path: Path) -> None:
    source = written(tmp_path / "a.mp4", [quadrants((97, 63))] * 2, pix_fmt="yuv444p")
    assert images_of(copied(source))[0].shape == (62, 96, 3)


def test_copies_of_large_videos_are_made_smaller(tmp_path: Path) -> None:
    source = written(tmp_path / "a.mp4", [solid(90, (2560, 1440))] * 2)
    assert images_of(copied(source))[0].shape == (1080, 1920, 3)


def test_colours_come_through(tmp_path: Path) -> None:
    images = [solid(rgb) for rgb in ((200, 60, 30), (30, 160, 60), (20, 40, 200), 128, 250)]
    source = written(tmp_path / "a.mp4", images)
    for image, original in zip(images_of(copied(source)), images, strict=True):
        assert off_by(image, original) < LEVELS


def test_of_a_hidden_face_nothing_can_be_read_and_the_chosen_one_is_untouched(
    tmp_path: Path,
) -> None:
    source = written(tmp_path / "a.mp4", [NOISE] * 12)
    plan = overlay(still(HERE), still(THERE, face=2), shown=frozenset({1}))
    copy = images_of(copied(source, plan))
    assert len(copy) == 12
    for image, original in zip(copy, images_of(source), strict=True):
        assert is_hidden(image, THERE) and not is_hidden(image, HERE)
        assert off_by(inner(image, HERE), inner(original, HERE)) < 2 * LEVELS


def test_sound_that_mp4_holds_is_kept_as_it_is(tmp_path: Path) -> None:
    source = written(tmp_path / "a.mp4", numbered(20), sound="aac")
    copy = copied(source)
    assert packets_of(copy, "audio") == packets_of(source, "audio")
    assert times_of(copy, "audio") == pytest.approx(times_of(source, "audio"), abs=0.001)


def test_mp3_is_kept_as_well(tmp_path: Path) -> None:
    source = written(tmp_path / "a.mp4", numbered(10), sound="libmp3lame")
    assert packets_of(copied(source), "audio") == packets_of(source, "audio")


SOUNDS = {
    "PCM in MOV": ("a.mov", "pcm_s16le"),
    "PCM in AVI": ("a.avi", "pcm_s16le"),
    "Opus in WebM": ("a.webm", "libopus"),
    "AAC in TS": ("a.ts", "aac"),
}


def heard(path: Path) -> tuple[np.ndarray, int]:
    """The samples of the left channel of an AAC track, and how many make a second."""
    with av.open(str(path)) as container:
        track = container.streams.audio[0]
        assert track.codec_context.name == "aac"
        return np.concatenate(
            [part.to_ndarray()[0] for part in container.decode(track)]
        ), track.rate


@pytest.mark.parametrize(("name", "sound"), SOUNDS.values(), ids=SOUNDS)
def test_any_sound_becomes_sound_that_browsers_play(tmp_path: Path, name: str, sound: str) -> None:
    source = written(tmp_path / name, numbered(20), sound=sound, start_s=3 * (name == "a.ts"))
    copy = copied(source)
    wave, rate = heard(copy)
    assert len(wave) / rate == pytest.approx(2, abs=0.1)
    middle = wave[rate // 2 : rate // 2 * 3]
    pitch = np.abs(np.fft.rfft(middle)).argmax() * rate / len(middle)
    assert pitch == pytest.approx(440, abs=2) and np.abs(middle).max() > 0.1
    assert len(images_of(copy)) == 20


def test_a_title_in_another_encoding_costs_no_sound(tmp_path: Path) -> None:
    source = written(tmp_path / "a.mkv", numbered(10), sound="aac", is_tagged=True)
    replaced(source, CANARY.encode(), b"\xfc" * len(CANARY))
    assert packets_of(copied(source), "audio")


@pytest.mark.parametrize(("name", "sound"), [("a.mkv", "pcm_s16le"), ("a.ts", "aac")], ids=str)
def test_sound_stays_with_its_picture(tmp_path: Path, name: str, sound: str) -> None:
    """Pictures that begin a second after the sound do so in the copy."""
    at_s = [1 + n / 10 for n in range(10)]
    source = written(tmp_path / name, numbered(10), at_s=at_s, sound=sound, sound_s=2, start_s=5)
    lead = [times_of(path)[0] - times_of(path, "audio")[0] for path in (source, copied(source))]
    assert lead[0] == pytest.approx(1, abs=0.05) and lead[1] == pytest.approx(lead[0], abs=0.03)


def test_a_gap_in_sound_that_is_encoded_anew_stays_a_gap(tmp_path: Path) -> None:
    first = written(tmp_path / "a.ts", numbered(10), sound="mp2")
    later = written(tmp_path / "b.ts", numbered(10), sound="mp2", start_s=3)
    (tmp_path / "c.ts").write_bytes(first.read_bytes() + later.read_bytes())
    wave, rate = heard(copied(tmp_path / "c.ts"))
    loud = [np.abs(wave[round(at * rate) :][: rate // 10]).max() > 0.1 for at in (0.5, 2, 3.5)]
    assert loud == [True, False, True]


def test_a_disk_without_room_for_the_sound_is_no_fault_of_the_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = written(tmp_path / "a.mp4", numbered(5), sound="aac")
    with Encoder(tmp_path / "picture.mp4", WH) as encoder:
        encoder.add(solid(40), 0.0)

    def refuse(*_: object, **__: object) -> None:
        raise av.error.OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("ferapp.media.encoder.heapq.merge", refuse)
    with source.open("rb") as file, pytest.raises(OSError, match="No space left"):
        add_sound(tmp_path / "picture.mp4", file, tmp_path / "out.mp4")


def test_sound_that_nobody_can_decode_is_left_out_and_it_is_told(tmp_path: Path) -> None:
    """As the spatial sound of new phones."""
    source = written(tmp_path / "a.mov", numbered(10), sound="pcm_s16le")
    copy = copied(replaced(source, b"sowt", b"zzzz"), note="The copy has none.")
    with av.open(str(copy)) as container:
        assert [stream.type for stream in container.streams] == ["video"]
    assert len(images_of(copy)) == 10


def test_of_sound_whose_clock_is_set_back_the_copy_is_whole_all_the_same(tmp_path: Path) -> None:
    once = written(tmp_path / "a.ts", numbered(10), sound="aac").read_bytes()
    (tmp_path / "b.ts").write_bytes(once * 2)
    with AnnotatedCopy(tmp_path / "b.ts", NOTHING, tmp_path / "copy.mp4") as copy:
        list(copy)
    out = tmp_path / "copy.mp4"
    assert [number(image) for image in images_of(out)] == [*range(10), *range(10)]
    assert copy.note.endswith("The copy has none.") or times_of(out, "audio")[-1] > 1.8


def test_a_damaged_source_is_copied_as_far_as_it_goes_and_it_is_told(tmp_path: Path) -> None:
    source = cut(written(tmp_path / "a.mp4", noisy(30), options=FRONT), 0.5)
    copy = copied(source, note="damaged")
    assert len(images_of(copy)) == len(seen(source).images) > 8


def test_the_size_may_change_on_the_way(tmp_path: Path) -> None:
    first = written(tmp_path / "a.ts", numbered(5))
    second = written(tmp_path / "b.ts", numbered(5, (128, 96)), start_s=0.5)
    (tmp_path / "c.ts").write_bytes(first.read_bytes() + second.read_bytes())
    images = images_of(copied(tmp_path / "c.ts"))
    assert {image.shape for image in images} == {(64, 96, 3)}
    assert [number(image) for image in images] == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]


def test_a_copy_says_nothing_that_its_source_says_of_itself(tmp_path: Path) -> None:
    source = written(tmp_path / "a.mp4", numbered(5), sound="aac", is_tagged=True)
    assert CANARY.encode() in source.read_bytes()
    copy = copied(source)
    assert CANARY.encode() not in copy.read_bytes()
    with av.open(str(copy)) as container:
        assert not {"title", "comment", "creation_time"} & set(container.metadata)


def long(folder: Path) -> Path:
    return written(folder / "a.mp4", numbered(60, (640, 480)), sound="aac")


@pytest.mark.parametrize("is_whole", [False, True], ids=["in the middle", "at the end"])
def test_what_stands_there_stays_until_the_copy_is_whole(tmp_path: Path, is_whole: bool) -> None:
    out = tmp_path / "out" / "copy.mp4"
    out.parent.mkdir()
    out.write_text("before")
    with AnnotatedCopy(long(tmp_path), NOTHING, out) as copy:
        for _ in copy:
            assert out.read_text() == "before"
            if not is_whole:
                break
    assert [path.name for path in out.parent.iterdir()] == ["copy.mp4"]
    if is_whole:
        assert len(images_of(out)) == 60
    else:
        assert out.read_text() == "before"


def test_stopping_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    source = long(tmp_path)
    with AnnotatedCopy(source, NOTHING, tmp_path / "copy.mp4") as copy:
        next(iter(copy))
        assert is_running(copy._child.pid)
    copy.close()
    assert not is_running(copy._child.pid)
    assert list(tmp_path.iterdir()) == [source]


def test_stopping_from_another_thread_ends_it_in_a_sentence(tmp_path: Path) -> None:
    source = long(tmp_path)
    with AnnotatedCopy(source, NOTHING, tmp_path / "copy.mp4") as copy:
        stop = threading.Thread(target=copy.close)
        with pytest.raises(VideoError):
            for count, _ in enumerate(copy):
                if not count:
                    stop.start()
                    stop.join()
    assert list(tmp_path.iterdir()) == [source]


def test_a_source_that_can_not_be_read_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"hello")
    with (
        pytest.raises(VideoError, match="not a video"),
        AnnotatedCopy(tmp_path / "a.mp4", NOTHING, tmp_path / "copy.mp4") as copy,
    ):
        list(copy)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_a_source_that_is_not_there_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="no file of that name"):
        AnnotatedCopy(tmp_path / "a.mp4", NOTHING, tmp_path / "copy.mp4")
    assert list(tmp_path.iterdir()) == []


def test_the_source_itself_may_be_replaced(tmp_path: Path) -> None:
    source = written(tmp_path / "a.mp4", numbered(5))
    with AnnotatedCopy(source, NOTHING, source) as copy:
        list(copy)
    assert [number(image) for image in images_of(source)] == [0, 1, 2, 3, 4]


def test_a_place_that_is_no_folder_is_told_in_words(tmp_path: Path) -> None:
    source = written(tmp_path / "a.mp4", numbered(2))
    with pytest.raises(UserError):
        AnnotatedCopy(source, NOTHING, tmp_path / "none" / "copy.mp4")


def test_a_place_where_a_folder_stands_is_told_in_words(tmp_path: Path) -> None:
    source = written(tmp_path / "a.mp4", numbered(2))
    (tmp_path / "copy.mp4").mkdir()
    with (
        pytest.raises(UserError),
        AnnotatedCopy(source, NOTHING, tmp_path / "copy.mp4") as copy,
    ):
        list(copy)


def test_a_disk_that_is_full_is_told_in_words(tmp_path: Path) -> None:
    """The process may write no file that is longer than this, which it inherits."""
    source = written(tmp_path / "a.mp4", noisy(30, WH))
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        copy = AnnotatedCopy(source, NOTHING, tmp_path / "copy.mp4")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    with copy, pytest.raises(UserError, match="could not be written"):
        list(copy)
    assert list(tmp_path.iterdir()) == [source]

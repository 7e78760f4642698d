"""The annotated copy of a video: its frames, its sound, and what a failure leaves."""

import errno
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from ferapp.errors import UserError, VideoError
from ferapp.media.encoder import Encoder, add_sound
from ferapp.pipeline.annotated_copy.copy import AnnotatedCopy
from ferapp.pipeline.annotated_copy.overlay import Overlay
from ferapp.sessions.session import Readings
from ferapp.settings import VideoPart
from tests.support.overlays import (
    LEFT_BOX,
    NOISE,
    NOTHING,
    RIGHT_BOX,
    WH,
    interior,
    is_hidden,
    overlay,
    still_track,
)
from tests.support.videos import (
    CANARY,
    COLOUR_TOLERANCE,
    FAST_START,
    ORIENTATIONS,
    apply_matrix,
    decode_video,
    frame_number,
    images_of,
    mean_difference,
    noisy_frames,
    numbered_frames,
    packets_of,
    quadrant_image,
    replace_bytes,
    set_track_matrix,
    solid_image,
    times_of,
    truncate,
    write_video,
)
from tests.support.waiting import is_running


@pytest.fixture(autouse=True)
def _nothing_stays(tmp_path: Path) -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(2)  # it is about to end
        assert not thread.is_alive(), thread.name
    assert not list(tmp_path.rglob(".ferapp-*")), "a temporary folder is left"


def make_copy(source: Path, plan: Overlay = NOTHING, *, note: str = "") -> Path:
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
    source = write_video(tmp_path / name, numbered_frames(8), **traits)
    copy = make_copy(source)
    assert [frame_number(image) for image in images_of(copy)] == list(range(8))
    assert times_of(copy) == pytest.approx(decode_video(source).at_s, abs=0.0005)
    with av.open(str(copy)) as container:
        video = container.streams.video[0].codec_context
        assert (container.format.name.split(",")[0], video.name) == ("mov", "h264")
        assert video.pix_fmt == "yuv420p", "what every browser plays"
        # Of a video that does not name all of them, browsers guess the matrix by its size.
        named = (video.colorspace, video.color_primaries, video.color_trc, video.color_range)
        assert named == (5, 1, 1, 1)


@pytest.mark.parametrize("name", ["a quarter to the right", "mirrored left to right"])
def test_a_copy_is_upright_without_rotation_metadata(tmp_path: Path, name: str) -> None:
    source = set_track_matrix(
        write_video(tmp_path / "a.mp4", [quadrant_image()] * 3, pix_fmt="yuv444p"),
        ORIENTATIONS[name],
    )
    for image in images_of(make_copy(source)):
        assert (
            mean_difference(image, apply_matrix(quadrant_image(), ORIENTATIONS[name]))
            < COLOUR_TOLERANCE
        )


def test_odd_sides_lose_at_most_a_row_and_a_column(tmp_path: Path) -> None:
    source = write_video(tmp_path / "a.mp4", [quadrant_image((97, 63))] * 2, pix_fmt="yuv444p")
    assert images_of(make_copy(source))[0].shape == (62, 96, 3)


def test_copies_of_large_videos_are_scaled_down(tmp_path: Path) -> None:
    source = write_video(tmp_path / "a.mp4", [solid_image(90, (2560, 1440))] * 2)
    assert images_of(make_copy(source))[0].shape == (1080, 1920, 3)


def test_colours_are_kept(tmp_path: Path) -> None:
    images = [solid_image(rgb) for rgb in ((200, 60, 30), (30, 160, 60), (20, 40, 200), 128, 250)]
    source = write_video(tmp_path / "a.mp4", images)
    for image, original in zip(images_of(make_copy(source)), images, strict=True):
        assert mean_difference(image, original) < COLOUR_TOLERANCE


def test_a_hidden_face_is_unreadable_and_the_chosen_one_untouched(
    tmp_path: Path,
) -> None:
    source = write_video(tmp_path / "a.mp4", [NOISE] * 12)
    plan = overlay(still_track(LEFT_BOX), still_track(RIGHT_BOX, face=2), shown=frozenset({1}))
    copy = images_of(make_copy(source, plan))
    assert len(copy) == 12
    for image, original in zip(copy, images_of(source), strict=True):
        assert is_hidden(image, RIGHT_BOX) and not is_hidden(image, LEFT_BOX)
        assert (
            mean_difference(interior(image, LEFT_BOX), interior(original, LEFT_BOX))
            < 2 * COLOUR_TOLERANCE
        )


def test_sound_that_mp4_supports_is_copied_unchanged(tmp_path: Path) -> None:
    source = write_video(tmp_path / "a.mp4", numbered_frames(20), sound="aac")
    copy = make_copy(source)
    assert packets_of(copy, "audio") == packets_of(source, "audio")
    assert times_of(copy, "audio") == pytest.approx(times_of(source, "audio"), abs=0.001)


def test_mp3_sound_is_copied_unchanged(tmp_path: Path) -> None:
    source = write_video(tmp_path / "a.mp4", numbered_frames(10), sound="libmp3lame")
    assert packets_of(make_copy(source), "audio") == packets_of(source, "audio")


SOUNDS = {
    "PCM in MOV": ("a.mov", "pcm_s16le"),
    "PCM in AVI": ("a.avi", "pcm_s16le"),
    "Opus in WebM": ("a.webm", "libopus"),
    "AAC in TS": ("a.ts", "aac"),
}


def heard(path: Path) -> tuple[np.ndarray, int]:
    """The samples of the left channel of an AAC track, and the sample rate."""
    with av.open(str(path)) as container:
        track = container.streams.audio[0]
        assert track.codec_context.name == "aac"
        return np.concatenate(
            [part.to_ndarray()[0] for part in container.decode(track)]
        ), track.rate


@pytest.mark.parametrize(("name", "sound"), SOUNDS.values(), ids=SOUNDS)
def test_other_sound_is_converted_for_browsers(tmp_path: Path, name: str, sound: str) -> None:
    source = write_video(
        tmp_path / name, numbered_frames(20), sound=sound, start_s=3 * (name == "a.ts")
    )
    copy = make_copy(source)
    wave, rate = heard(copy)
    assert len(wave) / rate == pytest.approx(2, abs=0.1)
    middle = wave[rate // 2 : rate // 2 * 3]
    pitch = np.abs(np.fft.rfft(middle)).argmax() * rate / len(middle)
    assert pitch == pytest.approx(440, abs=2) and np.abs(middle).max() > 0.1
    assert len(images_of(copy)) == 20


def test_a_title_in_another_encoding_does_not_lose_the_sound(tmp_path: Path) -> None:
    source = write_video(tmp_path / "a.mkv", numbered_frames(10), sound="aac", is_tagged=True)
    replace_bytes(source, CANARY.encode(), b"\xfc" * len(CANARY))
    assert packets_of(make_copy(source), "audio")


@pytest.mark.parametrize(("name", "sound"), [("a.mkv", "pcm_s16le"), ("a.ts", "aac")], ids=str)
def test_sound_stays_in_sync(tmp_path: Path, name: str, sound: str) -> None:
    """Frames that begin a second after the sound do so in the copy."""
    at_s = [1 + n / 10 for n in range(10)]
    source = write_video(
        tmp_path / name, numbered_frames(10), at_s=at_s, sound=sound, sound_s=2, start_s=5
    )
    lead = [times_of(path)[0] - times_of(path, "audio")[0] for path in (source, make_copy(source))]
    assert lead[0] == pytest.approx(1, abs=0.05) and lead[1] == pytest.approx(lead[0], abs=0.03)


def test_a_gap_in_converted_sound_stays_a_gap(tmp_path: Path) -> None:
    first = write_video(tmp_path / "a.ts", numbered_frames(10), sound="mp2")
    later = write_video(tmp_path / "b.ts", numbered_frames(10), sound="mp2", start_s=3)
    (tmp_path / "c.ts").write_bytes(first.read_bytes() + later.read_bytes())
    wave, rate = heard(make_copy(tmp_path / "c.ts"))
    loud = [np.abs(wave[round(at * rate) :][: rate // 10]).max() > 0.1 for at in (0.5, 2, 3.5)]
    assert loud == [True, False, True]


def test_a_full_disk_is_not_reported_as_unreadable_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_video(tmp_path / "a.mp4", numbered_frames(5), sound="aac")
    with Encoder(tmp_path / "picture.mp4", WH) as encoder:
        encoder.add(solid_image(40), 0.0)

    def refuse(*_: object, **__: object) -> None:
        raise av.error.OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("ferapp.media.encoder.heapq.merge", refuse)
    with source.open("rb") as file, pytest.raises(OSError, match="No space left"):
        add_sound(tmp_path / "picture.mp4", file, tmp_path / "out.mp4")


def test_undecodable_sound_is_left_out_and_noted(tmp_path: Path) -> None:
    """Such as the spatial sound of new phones."""
    source = write_video(tmp_path / "a.mov", numbered_frames(10), sound="pcm_s16le")
    copy = make_copy(replace_bytes(source, b"sowt", b"zzzz"), note="The copy has none.")
    with av.open(str(copy)) as container:
        assert [stream.type for stream in container.streams] == ["video"]
    assert len(images_of(copy)) == 10


def test_copy_keeps_all_frames_when_audio_timestamps_jump_back(tmp_path: Path) -> None:
    once = write_video(tmp_path / "a.ts", numbered_frames(10), sound="aac").read_bytes()
    (tmp_path / "b.ts").write_bytes(once * 2)
    with AnnotatedCopy(tmp_path / "b.ts", NOTHING, tmp_path / "copy.mp4") as copy:
        list(copy)
    out = tmp_path / "copy.mp4"
    assert [frame_number(image) for image in images_of(out)] == [*range(10), *range(10)]
    assert copy.note.endswith("The copy has none.") or times_of(out, "audio")[-1] > 1.8


def test_the_readable_part_of_a_damaged_source_is_copied_and_noted(tmp_path: Path) -> None:
    source = truncate(write_video(tmp_path / "a.mp4", noisy_frames(30), options=FAST_START), 0.5)
    copy = make_copy(source, note="damaged")
    assert len(images_of(copy)) == len(decode_video(source).images) > 8


def test_the_frame_size_may_change_within_a_video(tmp_path: Path) -> None:
    first = write_video(tmp_path / "a.ts", numbered_frames(5))
    second = write_video(tmp_path / "b.ts", numbered_frames(5, (192, 128)), start_s=0.5)
    (tmp_path / "c.ts").write_bytes(first.read_bytes() + second.read_bytes())
    images = images_of(make_copy(tmp_path / "c.ts"))
    assert {image.shape for image in images} == {(64, 96, 3)}
    assert [frame_number(image) for image in images] == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]


def test_a_copy_has_no_metadata_of_its_source(tmp_path: Path) -> None:
    source = write_video(tmp_path / "a.mp4", numbered_frames(5), sound="aac", is_tagged=True)
    assert CANARY.encode() in source.read_bytes()
    copy = make_copy(source)
    assert CANARY.encode() not in copy.read_bytes()
    with av.open(str(copy)) as container:
        assert not {"title", "comment", "creation_time"} & set(container.metadata)


def long(folder: Path) -> Path:
    return write_video(folder / "a.mp4", numbered_frames(60, (640, 480)), sound="aac")


@pytest.mark.parametrize("is_whole", [False, True], ids=["in the middle", "at the end"])
def test_an_existing_file_stays_until_the_copy_is_complete(tmp_path: Path, is_whole: bool) -> None:
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


def test_closing_from_another_thread_raises_a_video_error(tmp_path: Path) -> None:
    source = long(tmp_path)
    with AnnotatedCopy(source, NOTHING, tmp_path / "copy.mp4") as copy:
        stop = threading.Thread(target=copy.close)
        with pytest.raises(VideoError):
            for count, _ in enumerate(copy):
                if not count:
                    stop.start()
                    stop.join()
    assert list(tmp_path.iterdir()) == [source]


def test_an_unreadable_source_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"hello")
    with (
        pytest.raises(VideoError, match="not a video"),
        AnnotatedCopy(tmp_path / "a.mp4", NOTHING, tmp_path / "copy.mp4") as copy,
    ):
        list(copy)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_a_missing_source_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="no file of that name"):
        AnnotatedCopy(tmp_path / "a.mp4", NOTHING, tmp_path / "copy.mp4")
    assert list(tmp_path.iterdir()) == []


def test_the_source_itself_may_be_replaced(tmp_path: Path) -> None:
    source = write_video(tmp_path / "a.mp4", numbered_frames(5))
    with AnnotatedCopy(source, NOTHING, source) as copy:
        list(copy)
    assert [frame_number(image) for image in images_of(source)] == [0, 1, 2, 3, 4]


def test_a_missing_target_folder_is_a_user_error(tmp_path: Path) -> None:
    source = write_video(tmp_path / "a.mp4", numbered_frames(2))
    with pytest.raises(UserError):
        AnnotatedCopy(source, NOTHING, tmp_path / "none" / "copy.mp4")


def test_a_target_that_is_a_folder_is_a_user_error(tmp_path: Path) -> None:
    source = write_video(tmp_path / "a.mp4", numbered_frames(2))
    (tmp_path / "copy.mp4").mkdir()
    with (
        pytest.raises(UserError),
        AnnotatedCopy(source, NOTHING, tmp_path / "copy.mp4") as copy,
    ):
        list(copy)


def test_a_full_disk_is_a_user_error(tmp_path: Path) -> None:
    """The child inherits a limit on the size of files."""
    source = write_video(tmp_path / "a.mp4", noisy_frames(30, WH))
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


@pytest.mark.parametrize(
    ("name", "sound"), [("a.mp4", "aac"), ("a.mkv", "flac"), ("a.ts", "aac")], ids=str
)
def test_a_copy_of_a_part_holds_nothing_else(tmp_path: Path, name: str, sound: str) -> None:
    start_s = 10 if name == "a.ts" else 0
    source = write_video(tmp_path / name, numbered_frames(40), sound=sound, start_s=start_s)
    first_s = decode_video(source).at_s[0]
    out = tmp_path / "copy.mp4"
    part = VideoPart(from_s=1.05 + first_s, to_s=2.05 + first_s)
    with AnnotatedCopy(source, NOTHING, out, part=part) as copy:
        times = list(copy)
    assert copy.note == "" and times[-1] == pytest.approx(0.95, abs=0.06)
    assert [frame_number(image) for image in images_of(out)] == list(range(11, 21))
    assert times_of(out)[0] == pytest.approx(0.05, abs=0.01)
    heard = times_of(out, "audio")
    assert heard[0] < 0.1 and heard[-1] == pytest.approx(1, abs=0.1), "the sound stays in step"


def test_the_picture_stays_whole_when_a_region_was_read(tmp_path: Path) -> None:
    source = write_video(tmp_path / "a.mp4", noisy_frames(3, WH))
    region = (0, 0, WH[0] // 2, WH[1])
    nothing = (Readings.empty(8), np.empty(0), np.empty((0, 4), np.float32))
    plan = Overlay(*nothing, region=region, size_wh=WH)
    out = tmp_path / "copy.mp4"
    part = VideoPart(region=region)
    with AnnotatedCopy(source, plan, out, part=part) as copy:
        list(copy)
    image = images_of(out)[0]
    assert image.shape == (WH[1], WH[0], 3)
    left, right = image[:, : WH[0] // 2 - 8], image[:, WH[0] // 2 + 8 :]
    assert right.std() < 0.5 * left.std()


@pytest.mark.parametrize("sound", ["", "aac"], ids=["silent", "with sound"])
@pytest.mark.parametrize(("every_s", "count"), [(0.04, 40), (2.0, 5), (10.0, 4)])
def test_the_last_frame_of_a_copy_lasts_as_long_as_that_of_the_video(
    tmp_path: Path, every_s: float, count: int, sound: str
) -> None:
    times = [every_s * number for number in range(count)]
    source = write_video(
        tmp_path / "a.mkv", numbered_frames(count), at_s=times, rate=25, sound=sound, sound_s=0.5
    )
    expected = decode_video(source).end_s
    copied = decode_video(make_copy(source))
    assert copied.end_s == pytest.approx(expected, abs=0.002) and copied.damage == ""
    assert copied.at_s == pytest.approx(times, abs=0.001)

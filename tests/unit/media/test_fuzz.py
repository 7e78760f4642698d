"""Hundreds of thousands of damaged files, and those that once did harm."""

import io
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ferapp.errors import ImageError, VideoError
from ferapp.media.decoder import Decoder
from ferapp.media.images import read_image
from stress.fuzz import Worker, file_of, look, originals, run
from stress.mutants import File
from tests.support.places import ROOT

CORPUS = ROOT / "tests" / "corpus"
MUTANTS = 4000
"""A sample; `make fuzz` tries a million, `make hold` 300,000."""


def test_every_damaged_file_is_read_or_refused_at_once() -> None:
    outcome = run(mutants=MUTANTS)
    assert outcome.faults == ()
    assert outcome.pictures >= 3800 and outcome.videos >= 100
    assert outcome.decoded + outcome.refused == MUTANTS
    # Otherwise no code behind the first check would be met, or none of what refuses.
    assert MUTANTS / 5 < outcome.decoded < MUTANTS * 4 / 5
    assert outcome.peak_mb > 30 or sys.platform != "linux"


@pytest.mark.parametrize("are_videos", [False, True], ids=["pictures", "videos"])
def test_undamaged_samples_are_read(are_videos: bool) -> None:
    files = originals(are_videos=are_videos)
    assert len(files) > 15 and all(map(look, files))


def test_seed_and_number_reproduce_a_mutant() -> None:
    before = [file_of(3, number) for number in range(100)]
    originals.cache_clear()
    assert [file_of(3, number) for number in range(100)] == before
    assert len({file.data for file in before}) == 100
    assert file_of(4, 0) != file_of(3, 0)


DEADLY, STUCK, RAISING, SLOW, SLOW_AT_FIRST = (file_of(0, number) for number in range(1, 6))


def work(seconds: float) -> None:
    """Keep the processor busy for some seconds."""
    end_s = time.process_time() + seconds
    while time.process_time() < end_s:
        pass


def harmed(file: File) -> bool:
    """Behaves as the code of the app would if it had such faults."""
    if file == DEADLY:
        os.abort()
    if file == STUCK:
        time.sleep(60)
    if file == RAISING:
        raise KeyError("undeclared")
    if file == SLOW:
        work(0.6)
    return True


def test_files_that_crash_hang_or_raise_are_named_and_the_rest_is_tried() -> None:
    with Worker(0, harmed, hangs_s=5.0) as worker:
        tried = list(worker.try_all(range(10)))
    assert [each.number for each in tried] == list(range(10))
    assert [each.number for each in tried if each.is_crash] == [1]
    assert [each.number for each in tried if each.is_slow] == [2, 4]
    assert [each.number for each in tried if "KeyError" in each.wrong] == [3]
    assert all(each.is_decoded for each in tried if each.number not in (1, 2, 3))


def sluggish(file: File) -> bool:
    """A file that is always slow, and one that is slow the first time."""
    once = Path(os.environ["SLOW_ONCE"])
    if file == SLOW or (file == SLOW_AT_FIRST and not once.exists()):
        once.touch()
        work(0.6)
    return True


def test_a_file_that_was_slow_only_once_is_not_called_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLOW_ONCE", str(tmp_path / "once"))
    outcome = run(mutants=10, look=sluggish)
    assert outcome.slow == 1 and outcome.slowest_ms > 600
    assert len(outcome.faults) == 1 and outcome.faults[0].startswith("mutant 4: 6")


def test_no_moment_longer_than_was_asked_for() -> None:
    outcome = run(mutants=10_000_000, seconds=0.1)
    assert outcome.pictures + outcome.videos < 100_000


@pytest.mark.parametrize("name", ["title-not-utf-8.mp4", "unknown-colours.ts"])
def test_videos_with_unknown_tags_are_read(name: str) -> None:
    with (CORPUS / name).open("rb") as file:
        decoder = Decoder(file)
        images = [frame.image for frame in decoder.frames()]
    assert len(images) >= 4 and all(image.std() > 20 for image in images)


def test_frames_that_repeat_the_one_before_are_no_damage() -> None:
    """Theora stores them as empty packets."""
    with (CORPUS / "repeated-frames.ogv").open("rb") as file:
        decoder = Decoder(file)
        times = [frame.at_s for frame in decoder.frames()]
    assert times == pytest.approx([0.0, 0.4]) and decoder.damage == ""


def test_a_decoder_that_does_not_open_is_not_used_again() -> None:
    with (CORPUS / "decoder-does-not-open.avi").open("rb") as file:
        with pytest.raises(VideoError, match=r"can be decoded \(rawvideo\)"):
            Decoder(file)


def test_a_video_that_begins_after_the_time_limit_is_refused() -> None:
    with (CORPUS / "first-picture-too-late.avi").open("rb") as file:
        decoder = Decoder(file)
        with pytest.raises(VideoError, match="comes after 24 hours"):
            next(decoder.frames())


@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_a_picture_too_large_for_its_bytes_is_refused(ending: str) -> None:
    start_s = time.process_time()
    with pytest.raises(ImageError, match="damaged or cut short"):
        read_image(CORPUS / f"too-short-for-its-size.{ending}")
    assert time.process_time() - start_s < 0.1, "17 megapixels of nothing take longer"


@pytest.mark.parametrize(
    ("mode", "kind", "options"),
    [
        pytest.param("RGB", "PNG", {"compress_level": 9}, id="PNG"),
        pytest.param("RGBA", "PNG", {"compress_level": 9}, id="PNG with transparency"),
        pytest.param("P", "PNG", {"compress_level": 9, "bits": 1}, id="PNG of one bit"),
        pytest.param("L", "JPEG", {"quality": 1, "optimize": True}, id="JPEG"),
        pytest.param(
            "L", "JPEG", {"quality": 1, "optimize": True, "progressive": True}, id="progressive"
        ),
    ],
)
def test_uniform_pictures_are_not_too_small_for_their_pixels(
    mode: str, kind: str, options: dict[str, Any]
) -> None:
    out = io.BytesIO()
    Image.new(mode, (3000, 2000)).save(out, kind, **options)
    assert read_image(out.getvalue()).shape == (2000, 3000, 3)

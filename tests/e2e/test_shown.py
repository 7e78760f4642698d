"""What is analysed has the pixels that the browser shows: orientation, colours, transparency."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from ferapp.media.encoder import Encoder
from ferapp.media.video import Video
from tests.e2e.conftest import sync_api
from tests.support.decoding import decode
from tests.support.shown import shown_frame, shown_picture
from tests.support.shown_pictures import SOURCES, shown_pictures
from tests.support.shown_videos import named_videos, portrait, turned_videos, unnamed_videos

pytestmark = pytest.mark.e2e

REFUSED = {
    "PNG: cICP of a matrix": "PNG has no matrix; the rest can be read",
    "AVIF: profile of greys": "the pixels can be read without it",
    "AVIF: profile that is none": "the pixels can be read without it",
}
"""Files that Chromium does not show, and why they are read."""
OTHERWISE = {
    "JPEG: CMYK, not Adobe's, profile": "darker inks come out brown, unlike the profile",
    "JPEG: CMYK, Adobe's, profile": "the same",
    "JPEG: CMYK, YCCK, profile": "the same",
    "PNG: cICP of PQ": "white becomes grey, to leave room for highlights",
    "PNG: cICP of HLG": "the same",
    "PNG: 16 bits, cICP of PQ": "the same",
    "AVIF: PQ": "the same",
    "AVIF: HLG": "the same",
    "AVIF: alpha": "the opacity is read as if it had a narrow range",
    "AVIF: animated": "the levels are read as if they had a narrow range",
}
"""Files that Chromium shows in other colours, and what it does."""
TOLERANCE = 2

MATRIX_ALONE = {"matrix 1 alone, 480 lines", "matrix 6 alone, 720 lines"}
"""Chromium ignores a matrix without primaries and a curve."""
OTHER_MATRIX = {"libvpx-vp9, 720 lines", "libsvtav1, 720 lines"}
"""Chromium's decoders of VP9 and AV1 take BT.601 for HD that names no matrix, unlike its others."""
VIDEO_TOLERANCE = 2
"""On average over a frame; browsers interpolate colours between pixels in another way."""


@pytest.fixture(scope="module")
def blank(browser: "sync_api.Browser") -> Iterator["sync_api.Page"]:
    page = browser.new_page()
    yield page
    page.close()


def difference(image: np.ndarray, shown: np.ndarray | None) -> str:
    """What a person would see, in a few words; empty if that is nothing."""
    if shown is None:
        return "not shown"
    if shown.shape != image.shape:
        return f"turned: {shown.shape} for {image.shape}"
    greatest = int(np.abs(shown.astype(int) - image).max())
    return f"{greatest} levels" if greatest > TOLERANCE else ""


@pytest.mark.parametrize("kind", SOURCES)
def test_pictures_are_read_as_the_browser_shows_them(blank: "sync_api.Page", kind: str) -> None:
    differences = {
        name: difference(decode(data), shown_picture(blank, data))
        for name, data in shown_pictures(kind).items()
    }
    known = {name for name in (*REFUSED, *OTHERWISE) if name.startswith(kind)}
    assert {name: text for name, text in differences.items() if text and name not in known} == {}
    assert known <= {name for name, text in differences.items() if text}, "it shows them now"
    refused = {name for name, text in differences.items() if text == "not shown"}
    assert refused == known & set(REFUSED)


@pytest.mark.parametrize("videos", [unnamed_videos, named_videos, turned_videos])
def test_frames_are_read_as_the_browser_shows_them(
    blank: "sync_api.Page", videos: Callable[[Path], Iterator[tuple[str, Path]]], tmp_path: Path
) -> None:
    off = {}
    for name, path in videos(tmp_path):
        with Video(path, max_side_px=2000) as video:
            image = next(iter(video.frames())).image
        shown = shown_frame(blank, path.read_bytes())
        assert shown is not None and shown.shape == image.shape, name
        levels = np.abs((shown.astype(float) - image).mean(axis=(0, 1))).max()
        if levels > VIDEO_TOLERANCE:
            off[name] = levels
    known = {unnamed_videos: OTHER_MATRIX, named_videos: MATRIX_ALONE}
    assert set(off) == known.get(videos, set()), off


@pytest.mark.parametrize("wh", [(640, 480), (1280, 720), (720, 1280)])
def test_the_browser_shows_a_copy_in_the_colours_of_its_frames(
    blank: "sync_api.Page", wh: tuple[int, int], tmp_path: Path
) -> None:
    image = portrait(wh)
    with Encoder(tmp_path / "a.mp4", wh) as encoder:
        for n in range(5):
            encoder.add(image, n / 10)
    shown = shown_frame(blank, (tmp_path / "a.mp4").read_bytes())
    assert shown is not None and shown.shape == image.shape
    assert np.abs((shown.astype(float) - image).mean(axis=(0, 1))).max() < 1

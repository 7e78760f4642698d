"""When a file says that it was recorded."""

import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from ferapp.media.content_dates import container_date, picture_date
from ferapp.media.video import Video
from tests.support.heic import heic
from tests.support.made_pictures import encoded
from tests.support.videos import noisy_frames

MOMENT = datetime(2021, 3, 4, 5, 6, 7)
BERLIN = timezone(timedelta(hours=2))


def exif(original: str = "2021:03:04 05:06:07", offset: str | None = None) -> bytes:
    whole = Image.Exif()
    whole[34665] = {36867: original} | ({36881: offset} if offset else {})
    return whole.tobytes()


def picture(form: str, data: bytes) -> bytes:
    if form == "HEIC":
        return heic(np.zeros((32, 32, 3), np.uint8), exif=data)
    return encoded(Image.new("RGB", (32, 32)), form, exif=data)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "HEIC"])
def test_a_picture_says_when_it_was_taken(form: str) -> None:
    assert picture_date(picture(form, exif())) == MOMENT
    assert picture_date(picture(form, exif(offset="+02:00"))) == MOMENT.replace(tzinfo=BERLIN)


def test_a_tiff_says_when_it_was_taken() -> None:
    tags = Image.Exif()
    tags[34665] = {36867: "2021:03:04 05:06:07"}
    # A TIFF file is its own Exif block.
    assert picture_date(tags.tobytes().removeprefix(b"Exif\0\0")) == MOMENT


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(picture("JPEG", b""), id="no Exif"),
        pytest.param(picture("JPEG", exif("0000:00:00 00:00:00")), id="zeros"),
        pytest.param(picture("JPEG", exif("    :  :     :  :  ")), id="blanks"),
        pytest.param(picture("JPEG", exif("2021:03:04")), id="no time"),
        pytest.param(picture("JPEG", exif("1970:01:01 00:00:00")), id="clock never set"),
        pytest.param(picture("JPEG", exif("2021:13:04 05:06:07")), id="month 13"),
        pytest.param(picture("JPEG", exif("yesterday")), id="words"),
        pytest.param(picture("JPEG", exif())[:40], id="cut"),
        pytest.param(b"Exif\0\0II*\0\xff\xff\xff\xff", id="damaged"),
        pytest.param(b"", id="empty"),
    ],
)
def test_a_picture_without_a_date_has_none(data: bytes) -> None:
    assert picture_date(data) is None


def test_an_offset_that_is_none_leaves_the_time() -> None:
    assert picture_date(picture("JPEG", exif(offset="   :  "))) == MOMENT


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        pytest.param({}, None, id="none"),
        pytest.param(
            {"creation_time": "2021-03-04T05:06:07.000000Z"}, MOMENT.replace(tzinfo=UTC), id="MP4"
        ),
        pytest.param(
            {
                "creation_time": "2021-03-04T09:00:00.000000Z",
                "com.apple.quicktime.creationdate": "2021-03-04T05:06:07+0200",
            },
            MOMENT.replace(tzinfo=BERLIN),
            id="the phone's own",
        ),
        pytest.param({"DATE_RECORDED": "2021-03-04 05:06:07"}, MOMENT, id="Matroska's tag"),
        pytest.param({"creation_time": "1970-01-01T00:00:00.000000Z"}, None, id="Unix's zero"),
        pytest.param({"creation_time": "1904-01-01T00:00:00.000000Z"}, None, id="MP4's zero"),
        pytest.param({"creation_time": "0001-01-01T00:00:00+14:00"}, None, id="before all dates"),
        pytest.param({"date": "2021"}, None, id="a year"),
        pytest.param({"date": "2021-03-04"}, None, id="a day"),
        pytest.param({"creation_time": "junk"}, None, id="junk"),
    ],
)
def test_a_container_says_when_it_was_recorded(
    tags: dict[str, str], expected: datetime | None
) -> None:
    found = container_date(tags)
    assert found == expected
    assert found is None or found.utcoffset() == (expected and expected.utcoffset())


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.webm"])
@pytest.mark.parametrize("date", ["2021-03-04T05:06:07Z", ""])
def test_a_video_says_when_it_was_recorded_and_not_when_it_was_copied(
    tmp_path: Path, name: str, date: str
) -> None:
    path = tmp_path / name
    with av.open(str(path), "w") as container:
        if date:
            container.metadata["creation_time"] = date
        stream = container.add_stream("vp9" if name.endswith("webm") else "mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for image in noisy_frames(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    os.utime(path, (0, 0))
    with Video(path) as video:
        assert video.info.content_date == (MOMENT.replace(tzinfo=UTC) if date else None)

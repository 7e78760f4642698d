"""Formats whose parsers are not trusted are decoded in a child process, which may break down."""

import os
import time
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ferapp.errors import ImageError
from ferapp.media import images
from ferapp.media.images import read_image
from ferapp.system.child import Child, ChildError
from tests.support.made_pictures import FORMATS, encoded, made
from tests.support.profiles import DISPLAY_P3, matrix_profile
from tests.support.videos import quadrant_image
from tests.support.waiting import is_running


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[Child]:
    """Every child process that decodes a picture."""
    started: list[Child] = []

    class Noted(Child):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            started.append(self)

    monkeypatch.setattr(images, "Child", Noted)
    return started


@pytest.mark.parametrize("kind", FORMATS)
def test_only_jpg_and_png_are_decoded_in_this_process(
    kind: str, children: list[Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind not in ("JPG", "PNG"):
        monkeypatch.setattr(images, "opened", None)
    assert read_image(made(kind, quadrant_image())).shape == (64, 96, 3)
    assert bool(children) == (kind not in ("JPG", "PNG"))
    assert not [child for child in children if is_running(child.pid)]


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_foreign_profile_is_not_read_in_this_process(
    kind: str, children: list[Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "rgb_of", None)
    picture = Image.fromarray(quadrant_image())
    read_image(encoded(picture, kind, icc_profile=matrix_profile(DISPLAY_P3)))
    assert len(children) == 1


def test_a_file_larger_than_a_pipe_is_read(children: list[Child]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1200, 1000, 3), np.uint8)
    data = made("BMP", noise)
    assert len(data) > 3_000_000
    np.testing.assert_array_equal(read_image(data), noise)
    assert len(children) == 1


@pytest.fixture
def _broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "_DECODER", "tests.support.broken_decoder")


@pytest.mark.usefixtures("_broken")
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("crash", "The decoder of the picture has crashed; the file may be damaged."),
        ("memory", "Decoding the picture needs more memory than is allowed."),
        ("hang", "The picture was given up: its decoder did nothing for 1.5 s."),
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="the limits are those of POSIX")
def test_a_decoder_that_breaks_down_costs_one_picture(
    fault: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault == "hang":
        monkeypatch.setattr(images, "_LIMIT_S", 1.5)
    data = b"RIFF\0\0\0\0WEBP" + fault.encode()
    before_s = time.monotonic()
    with pytest.raises(ImageError) as refusal:
        read_image(data)
    assert str(refusal.value) == message and time.monotonic() - before_s < 10


def test_a_child_that_ends_before_it_has_read_its_input_is_no_error_here() -> None:
    with Child(
        "tests.support.sleeper", bytes(1 << 24), ['{"a": 1}\n'], work="test", subject="test"
    ) as child:
        assert child.message()[0] == {"a": 1}
        with pytest.raises(ChildError):
            child.message()

"""Drawing boxes and captions, and hiding faces."""

import numpy as np
import pytest

from ferapp.emotions import COLOURS, EXPRESSIONS
from ferapp.labels import UNSURE_COLOUR
from ferapp.types import Faces, FrameAnalysis
from ferapp.vision.annotate import (
    annotate,
    captions,
    colours,
    hide_faces,
    mark_landmarks,
    percent,
)
from tests.support.landmarked import face_points

BOX = np.array([[20, 30, 60, 70]], np.float32)


@pytest.mark.parametrize(
    "box",
    [
        pytest.param((20, 30, 60, 70), id="inside"),
        pytest.param((0, 0, 100, 80), id="whole picture"),
        pytest.param((-5, -9, 3, 4), id="past the corner"),
        pytest.param((95, 75, 130, 110), id="past the other corner"),
    ],
)
def test_drawing_does_not_change_the_original(box: tuple[float, ...]) -> None:
    image = np.full((80, 100, 3), 90, np.uint8)
    out = annotate(image, np.array([box], np.float32), ["1 happiness 72 %"], ["#e0a100"])
    assert (image == 90).all()
    assert out.shape == image.shape and (out == (0xE0, 0xA1, 0)).all(axis=2).any()


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (500, 1, 3)], ids=str)
def test_drawing_on_the_thinnest_picture(shape: tuple[int, int, int]) -> None:
    image = np.zeros(shape, np.uint8)
    box = np.array([[0, 0, shape[1], shape[0]]], np.float32)
    assert annotate(image, box, ["1 fear"], ["#8a4fc7"]).shape == shape


def test_landmarks_are_dots_where_they_lie_and_a_face_without_has_none() -> None:
    image = np.full((300, 400, 3), 90, np.uint8)
    points = face_points((100, 150), 120)
    faces = np.stack([points, np.full((68, 2), np.nan, np.float32)])
    out = mark_landmarks(image, faces)
    assert (image == 90).all()
    x, y = np.rint(points).astype(int).T
    assert (out[y, x] > 200).all() and (out[:, 250:] == 90).all()
    outside = mark_landmarks(image, (points + np.float32(300))[None])
    assert outside.shape == image.shape


def test_nothing_to_draw_gives_a_copy() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    out = annotate(image, np.empty((0, 4), np.float32), [], [])
    assert out is not image and (out == image).all()


def test_a_hidden_face_keeps_no_detail(rng: np.random.Generator) -> None:
    image = np.repeat(rng.integers(0, 2, (80, 100, 1)) * 255, 3, axis=2).astype(np.uint8)
    out = hide_faces(image, BOX)
    face = out[30:70, 20:60].astype(int)
    assert face.std() < 25, "the noise is averaged away"
    outside = np.ones(image.shape[:2], bool)
    outside[24:76, 14:66] = False
    assert (out[outside] == image[outside]).all()


@pytest.mark.parametrize("side", [2, 4, 6, 8, 12, 30])
def test_a_hidden_face_of_any_size_keeps_no_detail(side: int, rng: np.random.Generator) -> None:
    image = np.repeat(rng.integers(0, 256, (60, 60, 1)), 3, axis=2).astype(np.uint8)
    box = np.array([[20, 20, 20 + side, 20 + side]], np.float32)
    before = image[20 : 20 + side, 20 : 20 + side].astype(float)
    after = hide_faces(image, box)[20 : 20 + side, 20 : 20 + side].astype(float)
    assert after.std() < 0.6 * before.std()


def test_captions_of_small_faces_do_not_cover_their_neighbours() -> None:
    image = np.zeros((800, 1200, 3), np.uint8)
    small = np.array([[100, 100, 130, 130]], np.float32)
    columns = annotate(image, small, ["7 happiness 72 %"], ["#e0a100"]).any(axis=(0, 2))
    assert np.ptp(np.flatnonzero(columns)) < 2.5 * 30
    assert hide_faces(image, np.array([[200, 200, 300, 300]], np.float32)).shape == image.shape


def test_an_unsure_face_is_labelled_unsure() -> None:
    shares = np.array([[0.9] + [0.1 / 7] * 7, [0.2] + [0.8 / 7] * 7], np.float32)
    analysis = FrameAnalysis(
        (100, 80), Faces(np.tile(BOX, (2, 1)), np.ones(2, np.float32)), EXPRESSIONS, shares, 0.5
    )
    assert captions(analysis) == ["1 neutral 90 %", "2 unsure"]
    assert colours(analysis) == [COLOURS["neutral"], UNSURE_COLOUR]


@pytest.mark.parametrize(
    ("probability", "message"),
    [(1.0, "> 99 %"), (0.996, "> 99 %"), (0.994, "99 %"), (0.5, "50 %"), (0.004, "< 1 %")],
)
def test_no_probability_is_shown_as_certain(probability: float, message: str) -> None:
    assert percent(probability) == message

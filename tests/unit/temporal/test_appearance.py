"""What a tracker remembers of a head: alike for one person, unlike for two."""

import numpy as np

from benchmarks.made_clips import Person, Scene, background, sample_people
from ferapp.temporal.appearance import AGREES, appearances, similarities


def look(person: Person, wall: int, x: float) -> np.ndarray:
    """Of a person before a wall, (1, d)."""
    scene = Scene(background(np.random.default_rng(wall)))
    scene.put(person, 0, x, 170)
    image, truths = scene.frame(np.random.default_rng(wall))
    return appearances(image, truths[0].xyxy[None])


def test_a_head_looks_like_itself_before_another_wall() -> None:
    for person in sample_people():
        assert similarities(look(person, 1, 150), look(person, 2, 450))[0, 0] >= AGREES


def test_two_people_before_the_same_wall_differ() -> None:
    looks = np.concatenate([look(person, 1, 320) for person in sample_people()])
    others = similarities(looks, looks)[~np.eye(len(looks), dtype=bool)]
    others = others[others < 0.95]  # the samples show somebody twice
    assert len(others) >= 20
    assert others.max() < AGREES


def test_a_face_across_the_border_and_one_of_no_size_have_a_look() -> None:
    image = background(np.random.default_rng(0))
    boxes = np.array([[-40, -40, 30, 50], [600, 300, 700, 420], [9, 9, 9, 9]], np.float32)
    looks = appearances(image, boxes)
    assert looks.shape[0] == 3
    assert np.isfinite(looks).all()
    assert appearances(image, boxes[:0]).shape == (0, looks.shape[1])

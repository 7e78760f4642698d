"""Clips that are put together from faces of known people, with what each frame shows.

The people come from a folder of photos, one person a file, or from the samples of ferapp.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from benchmarks.machine import ROOT
from ferapp.inference.registry import load_detector
from ferapp.media.images import read_image
from ferapp.settings import DetectionSettings
from ferapp.vision.crops import region

SIZE_WH = (640, 360)
HEAD_PX = 90
"""Longer side of a face's box."""

SECONDS = 4.0
REACH = np.array([-0.9, -0.9, 0.9, 1.1], np.float32)
"""Of the patch around a face, in longer sides of its box from its centre."""

MOST_HIDDEN = 0.5
"""A face of which more is hidden need not be found."""


@dataclass(frozen=True, eq=False)
class Person:
    """A head with shoulders, (h, w, 3) RGB, and the box of its face in it, (4,) px."""

    patch: np.ndarray
    xyxy: np.ndarray


@dataclass(frozen=True)
class Truth:
    """A face of a frame.

    Attributes:
        person: Which; another number after a cut, where nobody can know that it is the same.
        xyxy: Box, (4,), px.
        hidden: Which share of it is covered.
    """

    person: int
    xyxy: np.ndarray
    hidden: float = 0.0


Frame = tuple[np.ndarray, list[Truth]]


@cache
def sample_people() -> tuple[Person, ...]:
    """The real people of the samples, each alone and beside the others."""
    folder = ROOT / "ferapp" / "samples"
    names = ("astronaut", "grace-hopper", "mona-lisa", "three-portraits")
    return tuple(people_in([folder / f"{name}.jpg" for name in names]))


def people_in(files: Sequence[Path], limit: int | None = None) -> list[Person]:
    """Every face in some pictures that is large enough, with head and shoulders."""
    detector, found = load_detector(threads=1), []
    for file in files:
        image = read_image(file)
        faces = detector.detect(image, DetectionSettings(confidence=0.8))
        found += [_person(image, xyxy) for xyxy in faces.xyxy if (xyxy[2] - xyxy[0]) >= 60]
        if limit and len(found) >= limit:
            return found[:limit]
    return found


def _person(image: np.ndarray, xyxy: np.ndarray) -> Person:
    centre, side = (xyxy[:2] + xyxy[2:]) / 2, (xyxy[2:] - xyxy[:2]).max()
    scale = HEAD_PX / side
    reach = np.tile(centre, 2) + side * REACH
    size_wh = tuple(np.round((reach[2:] - reach[:2]) * scale).astype(int))
    box = (xyxy - np.tile(reach[:2], 2)) * scale
    return Person(region(image, reach, size_wh), box.astype(np.float32))


class Scene:
    """A background on which people are put, back to front."""

    def __init__(self, background: np.ndarray) -> None:
        self.image = background.copy()
        self.truths: list[Truth] = []

    def put(self, person: Person, number: int, x: float, y: float, *, soft: bool = True) -> None:
        """A head with the centre of its face at (x, y) px."""
        height, width = person.patch.shape[:2]
        left = round(x - float(person.xyxy[[0, 2]].mean()))
        top = round(y - float(person.xyxy[[1, 3]].mean()))
        mask = _mask(width, height) if soft else np.ones((height, width, 1), np.float32)
        x1, y1 = max(left, 0), max(top, 0)
        x2, y2 = min(left + width, SIZE_WH[0]), min(top + height, SIZE_WH[1])
        if x1 < x2 and y1 < y2:
            part = np.s_[y1 - top : y2 - top, x1 - left : x2 - left]
            under = self.image[y1:y2, x1:x2]
            over = person.patch[part] * mask[part] + under * (1 - mask[part])
            self.image[y1:y2, x1:x2] = over.astype(np.uint8)
        box = person.xyxy + np.array([left, top, left, top], np.float32)
        self._hide_under(np.array([x1, y1, x2, y2], np.float32) if soft else box)
        outside = 1 - _shared(box, np.array([0, 0, *SIZE_WH], np.float32))
        self.truths.append(Truth(number, box, outside))

    def cover(self, xyxy: Sequence[int], grey: int) -> None:
        """Something in front of everybody that was put before."""
        x1, y1, x2, y2 = xyxy
        self.image[y1:y2, x1:x2] = grey
        self._hide_under(np.array(xyxy, np.float32))

    def frame(self, rng: np.random.Generator) -> Frame:
        """With the noise of a camera."""
        noisy = self.image + rng.normal(0, 3, self.image.shape)
        return np.clip(noisy, 0, 255).astype(np.uint8), self.truths

    def _hide_under(self, xyxy: np.ndarray) -> None:
        self.truths = [
            Truth(t.person, t.xyxy, min(t.hidden + _shared(t.xyxy, xyxy), 1.0)) for t in self.truths
        ]


@cache
def _mask(width: int, height: int) -> np.ndarray:
    """Head and shoulders, soft at the border."""
    mask = np.zeros((height, width), np.float32)
    centre = (width // 2, round(height * 0.45))
    cv2.ellipse(mask, centre, (round(width * 0.36), round(height * 0.42)), 0, 0, 360, 1.0, -1)
    cv2.ellipse(mask, (width // 2, height), (width // 2, round(height * 0.24)), 0, 0, 360, 1.0, -1)
    return cv2.GaussianBlur(mask, (0, 0), 3)[..., None]


def _shared(a: np.ndarray, b: np.ndarray) -> float:
    """The share of a that lies in b."""
    sides = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None)
    return float(sides.prod() / (a[2:] - a[:2]).prod())


def background(rng: np.random.Generator) -> np.ndarray:
    """A wall with things on it: rectangles and discs in colours, slightly blurred."""
    image = np.full((SIZE_WH[1], SIZE_WH[0], 3), rng.integers(60, 200, 3), np.uint8)
    for _ in range(25):
        colour = tuple(int(value) for value in rng.integers(30, 225, 3))
        x, y = rng.integers(0, SIZE_WH[0]), rng.integers(0, SIZE_WH[1])
        width, height = rng.integers(15, 160, 2)
        if rng.random() < 0.6:
            cv2.rectangle(image, (int(x), int(y)), (int(x + width), int(y + height)), colour, -1)
        else:
            cv2.circle(image, (int(x), int(y)), int(width // 2), colour, -1)
    return cv2.GaussianBlur(image, (0, 0), 1.5)


Make = Callable[[Sequence[Person], int, np.random.Generator], Iterator[Frame]]


def walking(people: Sequence[Person], fps: int, rng: np.random.Generator) -> Iterator[Frame]:
    """Three people who move as people do who talk."""
    wall, phase = background(rng), rng.uniform(0, 6, 6)
    for i in range(int(SECONDS * fps)):
        scene, t = Scene(wall), i / fps
        for k, person in enumerate(people[:3]):
            x = 120 + 200 * k + 45 * np.sin(2.2 * t + phase[k])
            scene.put(person, k, x, 170 + 30 * np.sin(1.7 * t + phase[3 + k]))
        yield scene.frame(rng)


def crossing(people: Sequence[Person], fps: int, rng: np.random.Generator) -> Iterator[Frame]:
    """Two people pass each other, one in front of the other."""
    wall = background(rng)
    for i in range(int(SECONDS * fps)):
        scene, share = Scene(wall), i / (SECONDS * fps)
        scene.put(people[0], 0, 90 + 460 * share, 160)
        scene.put(people[1], 1, 550 - 460 * share, 185)
        yield scene.frame(rng)


def hiding(people: Sequence[Person], fps: int, rng: np.random.Generator) -> Iterator[Frame]:
    """One walks past behind a column while another stays."""
    wall = background(rng)
    for i in range(int(SECONDS * fps)):
        scene, share = Scene(wall), i / (SECONDS * fps)
        scene.put(people[0], 0, 80 + 400 * share, 170)
        scene.cover((265, 0, 335, SIZE_WH[1]), 90)
        scene.put(people[1], 1, 560, 180)
        yield scene.frame(rng)


def leaving(people: Sequence[Person], fps: int, rng: np.random.Generator) -> Iterator[Frame]:
    """One goes; half a second later somebody else stands there."""
    wall = background(rng)
    for i in range(int(SECONDS * fps)):
        scene, t = Scene(wall), i / fps
        if t < 1.5:
            scene.put(people[0], 0, 320 + 5 * np.sin(2 * t), 170)
        elif t >= 2.0:
            scene.put(people[1], 1, 320 + 5 * np.sin(2 * t), 170)
        yield scene.frame(rng)


def returning(people: Sequence[Person], fps: int, rng: np.random.Generator) -> Iterator[Frame]:
    """One vanishes and is back after 0.6 s, at another place."""
    wall = background(rng)
    for i in range(int(SECONDS * fps)):
        scene, t = Scene(wall), i / fps
        scene.put(people[1], 1, 100, 180)
        if not 1.5 <= t < 2.1:
            scene.put(people[0], 0, 250 if t < 2 else 520, 170)
        yield scene.frame(rng)


def cutting(people: Sequence[Person], fps: int, rng: np.random.Generator) -> Iterator[Frame]:
    """Shot and reverse shot, the faces at the same place."""
    walls = [background(rng), background(rng)]
    for i in range(int(SECONDS * fps)):
        shot = int(i / fps / (SECONDS / 3))
        scene = Scene(walls[shot % 2])
        scene.put(people[shot % 2], shot, 320 + 4 * np.sin(i / fps), 175)
        yield scene.frame(rng)


def same_room(people: Sequence[Person], fps: int, rng: np.random.Generator) -> Iterator[Frame]:
    """The same wall, the same chair, another person."""
    wall = background(rng)
    for i in range(int(SECONDS * fps)):
        shot = int(i / fps / (SECONDS / 3))
        scene = Scene(wall)
        scene.put(people[shot % 2], shot, 320 + 4 * np.sin(i / fps), 175)
        yield scene.frame(rng)


def dissolving(people: Sequence[Person], fps: int, rng: np.random.Generator) -> Iterator[Frame]:
    """One face becomes another at the same place within half a second."""
    walls = [background(rng), background(rng)]
    for i in range(int(SECONDS * fps)):
        share = float(np.clip((i / fps - 1.75) / 0.5, 0, 1))
        scenes = []
        for k in range(2):
            scenes.append(Scene(walls[k]))
            scenes[k].put(people[k], k, 320, 175)
        image = scenes[0].image * (1 - share) + scenes[1].image * share
        mixed = Scene(image.astype(np.uint8))
        # In the middle it is both and neither.
        hidden = 0.0 if share < 0.25 or share > 0.75 else 1.0
        truth = scenes[int(share > 0.5)].truths[0]
        mixed.truths = [Truth(truth.person, truth.xyxy, hidden)]
        yield mixed.frame(rng)


TILES = [(160, 90), (480, 90), (160, 270), (480, 270)]


def swapping(people: Sequence[Person], fps: int, rng: np.random.Generator) -> Iterator[Frame]:
    """A video call of four: two tiles swap places, later another person comes into one."""
    rooms = [region(background(rng), np.array([0, 0, 320, 180], np.float32), (320, 180))]
    rooms += [region(background(rng), np.array([80, 60, 400, 240], np.float32), (320, 180))] * 4
    for i in range(int(SECONDS * fps)):
        t = i / fps
        order = [0, 1, 2, 3] if t < 1.3 else [1, 0, 2, 3] if t < 2.6 else [1, 0, 2, 4]
        scene = Scene(np.zeros((SIZE_WH[1], SIZE_WH[0], 3), np.uint8))
        for (x, y), k in zip(TILES, order, strict=True):
            scene.image[y - 90 : y + 90, x - 160 : x + 160] = rooms[k]
            scene.put(people[k], k, x + 6 * np.sin(2 * t + k), y - 5)
        yield scene.frame(rng)


KINDS: dict[str, Make] = {
    make.__name__: make
    for make in (
        walking,
        crossing,
        hiding,
        leaving,
        returning,
        cutting,
        same_room,
        dissolving,
        swapping,
    )
}
PEOPLE_IN_A_CLIP = 5

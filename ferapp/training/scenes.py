"""Training views for the face detector: crops and mosaics of photos, with their boxes."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset

from ferapp.evaluation.labelled_faces import read_picture
from ferapp.training.teachers import Scenes
from ferapp.types import Faces
from ferapp.vision import boxes
from ferapp.vision.crops import Image, region, resize
from ferapp.vision.preprocess import convert_colour


@dataclass(frozen=True)
class SceneAugmentation:
    """How training views are cut.

    Attributes:
        mosaic: Share of views that are mosaics of several photos.
        grids: Columns and rows of the mosaics; fine ones make crowds of small faces.
        zoom: Smallest and largest side of a crop, as a share of that of the photo; above 1 the
            border of the photo is repeated around it.
        mosaic_zoom: The same for the crops in a mosaic.
        again: Share of the crops in a fine mosaic that come from earlier coarse mosaics instead of
            photos: these have the smallest faces.
        stretch: The aspect ratio of a crop varies by up to this factor: the detector stretches
            pictures of every shape to its input.
        focus: Share of crops that are placed around a face instead of anywhere.
        grey: Share of crops without colour.
        gain: Contrast and brightness change by up to this share.
        tint: Each channel is scaled by up to this share.
        coarse: Share of crops with reduced detail.
    """

    mosaic: float = 0.6
    grids: tuple[tuple[int, int], ...] = ((2, 2), (3, 3), (4, 3), (6, 5), (8, 6))
    zoom: tuple[float, float] = (0.35, 1.6)
    mosaic_zoom: tuple[float, float] = (0.6, 1.8)
    again: float = 0.3
    stretch: float = 1.6
    focus: float = 0.4
    grey: float = 0.1
    gain: float = 0.4
    tint: float = 0.15
    coarse: float = 0.1


@dataclass(frozen=True, eq=False)
class View:
    """One training picture.

    Attributes:
        image: RGB, (h, w, 3) uint8.
        xyxy: Boxes, (n, 4) float32, px of the view.
        score: Scores of the teachers, (n,).
    """

    image: Image
    xyxy: NDArray[np.float32]
    score: NDArray[np.float32]


def crop_view(
    image: Image,
    faces: Faces,
    augmentation: SceneAugmentation,
    size_wh: tuple[int, int],
    rng: np.random.Generator,
    *,
    zoom: tuple[float, float] | None = None,
) -> View:
    """A random crop of a photo at a given size, recoloured, in half of the cases mirrored."""
    height, width = image.shape[:2]
    zoomed = np.exp(rng.uniform(*np.log(zoom or augmentation.zoom)))
    stretch = np.exp(rng.uniform(-1, 1) * np.log(augmentation.stretch))
    aspect = size_wh[0] / size_wh[1] * stretch
    # At zoom 1 the crop has about the same area as the photo.
    side = np.sqrt(width * height)
    crop = side * zoomed * np.array([np.sqrt(aspect), 1 / np.sqrt(aspect)])
    sure = np.flatnonzero(faces.score > 0.5)
    if sure.size and rng.random() < augmentation.focus:
        x1, y1, x2, y2 = faces.xyxy[rng.choice(sure)]
        centre = np.array([(x1 + x2) / 2, (y1 + y2) / 2]) + rng.uniform(-0.4, 0.4, 2) * crop
    else:
        centre = rng.uniform(0, 1, 2) * (width, height)
        inside = np.minimum(crop / 2, (width / 2, height / 2))
        centre = np.clip(centre, inside, np.array([width, height]) - inside)
    window = np.concatenate([centre - crop / 2, centre + crop / 2]).round().astype(np.float32)
    view = recolour(region(image, window, size_wh), augmentation, rng)
    scale = np.array(size_wh) / np.maximum(window[2:] - window[:2], 1)
    moved = (faces.xyxy - np.tile(window[:2], 2)) * np.tile(scale, 2)
    if rng.random() < 0.5:
        view = view[:, ::-1]
        moved = moved[:, [2, 1, 0, 3]] * (-1, 1, -1, 1) + (size_wh[0], 0, size_wh[0], 0)
    return _clip_faces(view, moved.astype(np.float32), faces.score)


def mosaic_view(
    parts: Sequence[tuple[Image, Faces]],
    grid: tuple[int, int],
    augmentation: SceneAugmentation,
    size_wh: tuple[int, int],
    rng: np.random.Generator,
) -> View:
    """Crops of several photos in one picture, in a grid of (columns, rows)."""
    canvas = np.empty((size_wh[1], size_wh[0], 3), np.uint8)
    xyxy, score = [], []
    xs = np.linspace(0, size_wh[0], grid[0] + 1).round().astype(int)
    ys = np.linspace(0, size_wh[1], grid[1] + 1).round().astype(int)
    for index, (image, faces) in enumerate(parts):
        row, column = divmod(index, grid[0])
        left, right = xs[column], xs[column + 1]
        top, bottom = ys[row], ys[row + 1]
        size = (int(right - left), int(bottom - top))
        view = crop_view(image, faces, augmentation, size, rng, zoom=augmentation.mosaic_zoom)
        canvas[top:bottom, left:right] = view.image
        xyxy.append(view.xyxy + np.array([left, top, left, top], np.float32))
        score.append(view.score)
    return View(canvas, np.concatenate(xyxy), np.concatenate(score))


def recolour(image: Image, augmentation: SceneAugmentation, rng: np.random.Generator) -> Image:
    """Change light and colour at random, sometimes to grey, sometimes with reduced detail."""
    height, width = image.shape[:2]
    if rng.random() < augmentation.coarse:
        share = rng.uniform(0.4, 0.8)
        small = resize(image, (max(int(width * share), 1), max(int(height * share), 1)))
        image = resize(small, (width, height))
    if rng.random() < augmentation.grey:
        image = np.repeat(convert_colour(image, "grey"), 3, axis=2)
    # One table per channel: light and colour change in one look-up per pixel.
    levels = np.arange(256)[:, None] * (1 + rng.uniform(-1, 1, 3) * augmentation.tint)
    gain, offset = 1 + rng.uniform(-1, 1, 2) * (augmentation.gain, augmentation.gain / 2)
    tables = (levels - 128) * gain + 128 * offset
    return np.stack([t[image[..., c]] for c, t in enumerate(_to_bytes(tables).T)], axis=-1)


def _to_bytes(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    return values.clip(0, 255).astype(np.uint8)


def _clip_faces(image: Image, xyxy: NDArray[np.float32], score: NDArray[np.float32]) -> View:
    """Clip boxes to the picture; a face less than 60 % visible becomes an unsure one."""
    height, width = image.shape[:2]
    cut = boxes.clip_to(xyxy, width=width, height=height)
    visible = boxes.areas(cut) / np.maximum(boxes.areas(xyxy), 1e-6)
    keep = visible > 0.15
    return View(
        image,
        cut[keep],
        np.where(visible < 0.6, np.minimum(score, 0.3), score)[keep].astype(np.float32),
    )


class SceneViews(IterableDataset[View]):
    """An endless stream of training views; each worker has its own random numbers.

    Args:
        folder: Folder of the photos; all are held in memory.
        scenes: Their names and faces.
        augmentation: How views are cut.
        size_wh: Size of the views, px.
        seed: Random seed; use another one to resume a run.
    """

    def __init__(
        self,
        folder: Path,
        scenes: Scenes,
        augmentation: SceneAugmentation,
        size_wh: tuple[int, int],
        seed: int,
    ) -> None:
        self._images = [read_picture(folder / name, name) for name in scenes.names]
        self._faces = scenes.faces
        # Small tiles are cut from photos of half the size, which takes a quarter of the time.
        self._halves = [resize(i, (i.shape[1] // 2, i.shape[0] // 2)) for i in self._images]
        self._augmentation, self._size_wh, self._seed = augmentation, size_wh, seed
        # Photos without a face teach little, so they are drawn less often.
        has_face = np.array([bool((f.score > 0.5).any()) for f in scenes.faces])
        self._cumulative = np.cumsum(np.where(has_face, 1.0, 0.4))

    def __iter__(self) -> Iterator[View]:
        """Yield views without end."""
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self._seed, worker.id if worker else 0])
        earlier: deque[View] = deque(maxlen=50)
        while True:
            if rng.random() >= self._augmentation.mosaic:
                yield crop_view(*self._draw_photo(rng), self._augmentation, self._size_wh, rng)
                continue
            grid = self._augmentation.grids[rng.integers(len(self._augmentation.grids))]
            parts = [self._draw_photo(rng, half=grid[0] > 2) for _ in range(grid[0] * grid[1])]
            if grid[0] > 4:
                # Only mosaics of photos are reused, or faces would shrink without end.
                for index in np.flatnonzero(rng.random(len(parts)) < self._augmentation.again):
                    if earlier:
                        view = earlier[rng.integers(len(earlier))]
                        parts[index] = view.image, Faces(view.xyxy, view.score)
                yield mosaic_view(parts, grid, self._augmentation, self._size_wh, rng)
            else:
                view = mosaic_view(parts, grid, self._augmentation, self._size_wh, rng)
                earlier.append(view)
                yield view

    def _draw_photo(self, rng: np.random.Generator, *, half: bool = False) -> tuple[Image, Faces]:
        chance = rng.random() * self._cumulative[-1]
        index = int(np.searchsorted(self._cumulative, chance, side="right"))
        faces = self._faces[index]
        if half:
            return self._halves[index], Faces((faces.xyxy / 2).astype(np.float32), faces.score)
        return self._images[index], faces


def collate(views: list[View]) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """Combine views to a batch: images (n, 3, h, w) uint8, and boxes and scores of each."""
    images = np.stack([v.image.transpose(2, 0, 1) for v in views])
    return (
        torch.from_numpy(images),
        [torch.from_numpy(v.xyxy) for v in views],
        [torch.from_numpy(v.score) for v in views],
    )

"""Drawn faces with 68 points: one by one, as turned heads, and data sets of them."""

import math
from pathlib import Path

import cv2
import numpy as np

from ferapp.evaluation.landmarked_faces import part_of
from ferapp.vision.head_pose import _HEAD


def people(part: str, count: int) -> list[str]:
    """Names of people who are in a part."""
    names = (f"Person{chr(65 + i // 26)}{chr(65 + i % 26)}" for i in range(26 * 26))
    return [name for name in names if part_of(f"{name}_00.jpg") == part][:count]


def face_points(centre: tuple[float, float], size: float) -> np.ndarray:
    """Sixty-eight points that lie about where those of a face from the front do, (68, 2)."""
    across = np.linspace(-1, 1, 17)
    jaw = np.stack([across, 0.9 - 1.1 * across**2], 1)
    brows = np.stack([np.r_[-0.75:-0.2:5j, 0.2:0.75:5j], np.full(10, -0.45)], 1)
    nose = np.concatenate(
        [
            np.stack([np.zeros(4), np.linspace(-0.25, 0.15, 4)], 1),
            np.stack([np.linspace(-0.2, 0.2, 5), np.full(5, 0.25)], 1),
        ]
    )
    eye = moved(_oval(6, 0.2, 0.08), (0, -0.2))
    mouth = [moved(_oval(12, 0.35, 0.14), (0, 0.52)), moved(_oval(8, 0.25, 0.05), (0, 0.52))]
    parts = [jaw, brows, nose, moved(eye, (-0.42, 0)), moved(eye, (0.42, 0)), *mouth]
    return moved(np.concatenate(parts) * size / 2, centre).astype(np.float32)


def _oval(count: int, across: float, along: float) -> np.ndarray:
    """Points around an oval as iBUG counts them: from the left, over the top, (count, 2)."""
    angles = np.pi + np.arange(count) * 2 * np.pi / count
    return np.stack([across * np.cos(angles), along * np.sin(angles)], 1)


def moved(points: np.ndarray, by: tuple[float, float]) -> np.ndarray:
    """Points, (n, 2), somewhere else."""
    return points + np.array(by)


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Of a head that faces the camera: raised, then turned right, then tilted clockwise."""
    y, p, r = (math.radians(v) for v in (-yaw, -pitch, roll))
    about_x = np.array([[1, 0, 0], [0, math.cos(p), -math.sin(p)], [0, math.sin(p), math.cos(p)]])
    about_y = np.array([[math.cos(y), 0, math.sin(y)], [0, 1, 0], [-math.sin(y), 0, math.cos(y)]])
    about_z = np.array([[math.cos(r), -math.sin(r), 0], [math.sin(r), math.cos(r), 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def photographed(yaw: float, pitch: float, roll: float, *, away: float = 10.0) -> np.ndarray:
    """A head with the drawn face's mouth and brows, (68, 2) px, eyes 80 px apart from the front."""
    flat = face_points((0, 0), 1).astype(np.float64)
    flat = (flat - (flat[36] + flat[45]) / 2) / (flat[45, 0] - flat[36, 0])
    solid = np.concatenate([flat, np.zeros((68, 1))], axis=1)
    for index, place in _HEAD.items():
        solid[index] = place
    turned = solid @ rotation(yaw, pitch, roll).T
    return ((turned[:, :2] * away / (turned[:, 2:] + away)) * 80 + [300, 200]).astype(np.float32)


def write_landmarked(folder: Path, each: int = 2) -> Path:
    """Pictures of a few people of each part, in both tables."""
    rng = np.random.default_rng(0)
    header = ",".join(["image", *(f"{axis}{i}" for i in range(68) for axis in "xy")])
    for table in ("training", "test"):
        (folder / table).mkdir(parents=True)
        lines = [header]
        for part in ("train", "valid", "test"):
            for person in people(part, each):
                points = face_points((100 + rng.uniform(-9, 9), 105), rng.uniform(60, 90))
                image = np.full((200, 200, 3), rng.integers(60, 200), np.uint8)
                for x, y in points:
                    cv2.circle(image, (round(float(x)), round(float(y))), 2, (20, 20, 20), -1)
                name = f"{person}_{table == 'test':d}0.jpg"
                cv2.imwrite(str(folder / table / name), image)
                lines.append(",".join([name, *(f"{v:.1f}" for v in points.ravel())]))
        (folder / f"{table}.csv").write_text("\n".join(lines))
    return folder

"""Labelled pictures in the layout of FER+."""

import csv
import io
from pathlib import Path

import numpy as np
from PIL import Image

# neutral, happiness, surprise, sadness, anger, disgust, fear, contempt, unknown, not a face
HAPPY = [1, 8, 1, 0, 0, 0, 0, 0, 0, 0]
FEAR = [0, 0, 3, 0, 0, 0, 7, 0, 0, 0]


def png(value: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((48, 48), value, np.uint8)).save(out, "PNG")
    return out.getvalue()


def write_split(root: Path, split: str, rows: list[list[int]]) -> Path:
    folder = root / f"FER2013{split}"
    folder.mkdir(parents=True)
    with (folder / "label.csv").open("w", newline="") as file:
        for index, votes in enumerate(rows):
            csv.writer(file).writerow([f"fer{index}.png", "(0, 0, 48, 48)", *votes])
            (folder / f"fer{index}.png").write_bytes(png(index * 10))
    return folder

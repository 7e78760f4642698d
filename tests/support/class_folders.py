"""Face pictures in folders of classes, archives of them, and tables of their pixels."""

import tarfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from ferapp.evaluation.data_sets import load_split
from ferapp.evaluation.labelled_faces import LabelledFaces
from tests.support.labelled import png
from tests.support.made_pictures import encoded

FER2013 = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def load(source: Path, split: str = "Test", **options: object) -> LabelledFaces:
    """A split, or all of a data set without splits."""
    return load_split(source, split, majority_only=True, may_lack_splits=True, **options)


def left_out(faces: LabelledFaces) -> dict[str, tuple[int, str]]:
    """How many pictures were left out and why, by what they are."""
    return {one.what: (one.count, one.reason) for one in faces.left_out}


def put(folder: Path, count: int = 1, value: int = 90) -> Path:
    """Some pictures, named by number, of one grey value."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"{number}.png").write_bytes(png(value))
    return folder


def picture(kind: str, value: int = 90) -> bytes:
    """A grey picture in one of Pillow's formats."""
    return encoded(Image.fromarray(np.full((48, 48, 3), value, np.uint8)), kind)


def fer2013_folders(root: Path, splits: tuple[str, ...] = ("train", "test")) -> Path:
    """FER2013 as Kaggle has it: folders by split and class; the grey value is 10 per class."""
    for split in splits:
        for place, name in enumerate(FER2013):
            put(root / split / name, 1, 10 * place)
    return root


def zipped(folder: Path) -> Path:
    """The folder in a zip, under a folder of its name, as a Mac packs it."""
    path = folder.parent / f"{folder.name}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, Path(folder.name) / file.relative_to(folder))
        archive.writestr("__MACOSX/._x.png", b"litter")
    return path


def tarred(folder: Path, mode: str = "w:gz") -> Path:
    """The folder in a tar archive, under a folder of its name."""
    path = folder.parent / f"{folder.name}.tar"
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        archive.add(folder, folder.name)
    return path


def pixel_row(emotion: object, usage: str, value: int = 90, side: int = 48) -> str:
    return f"{emotion},{' '.join([str(value)] * side**2)},{usage}"


def pixel_table(path: Path, *rows: str, header: str = "emotion,pixels,Usage") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path

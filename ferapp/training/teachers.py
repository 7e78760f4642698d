"""Boxes for unlabelled photos, made once by the public detectors and kept as a file.

Each teacher looks at the picture and at its mirror image; boxes that overlap are fused. The
student is then trained on these boxes as they move along with the augmentation, which costs
nothing per view, while a teacher that looks at each view takes as long as the student.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ferapp.errors import DataError
from ferapp.evaluation.labelled_faces import SUFFIXES, read_picture
from ferapp.inference.detectors import Detector
from ferapp.settings import DetectionSettings
from ferapp.types import Faces, ProgressCallback, no_report
from ferapp.vision import boxes
from ferapp.vision.crops import Image


@dataclass(frozen=True, eq=False)
class Scenes:
    """Photos with the faces that the teachers saw.

    Attributes:
        names: File of each photo, relative to its folder.
        faces: Boxes and scores of each, the scores fused over the teachers.
    """

    names: list[str]
    faces: list[Faces]

    @property
    def sha256(self) -> str:
        """Hash over names and boxes, to tell sets apart."""
        digest = hashlib.sha256("\n".join(self.names).encode())
        for faces in self.faces:
            digest.update(faces.xyxy.tobytes() + faces.score.tobytes())
        return digest.hexdigest()

    def at(self, indices: Sequence[int]) -> "Scenes":
        """Some of the photos."""
        return Scenes([self.names[i] for i in indices], [self.faces[i] for i in indices])

    def save(self, path: Path) -> None:
        """Write the boxes to one ``.npz`` file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        counts = [len(f) for f in self.faces]
        temporary = path.with_suffix(".part.npz")
        np.savez_compressed(
            temporary,
            names=np.array(self.names),
            counts=np.array(counts),
            xyxy=np.concatenate([f.xyxy for f in self.faces]),
            score=np.concatenate([f.score for f in self.faces]),
        )
        temporary.replace(path)

    @classmethod
    def load(cls, path: Path) -> "Scenes":
        """Read what `save` wrote.

        Raises:
            DataError: The file is missing or another one.
        """
        try:
            with np.load(path) as file:
                ends = np.cumsum(file["counts"])[:-1]
                xyxy, score = np.split(file["xyxy"], ends), np.split(file["score"], ends)
                names = [str(n) for n in file["names"]]
        except (OSError, ValueError, KeyError) as exc:
            raise DataError(f"{path}: expected what `ferapp train label` wrote: {exc}.") from exc
        return cls(names, [Faces(b, s) for b, s in zip(xyxy, score, strict=True)])


def pictures_below(folder: Path) -> list[str]:
    """Every JPG and PNG below a folder, as sorted relative names.

    Raises:
        DataError: There is none.
    """
    names = sorted(
        p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES
    )
    if not names:
        raise DataError(f"{folder}: expected JPG or PNG photos below it, found none.")
    return names


def label_scenes(
    folder: Path, teachers: Sequence[Detector], *, report: ProgressCallback = no_report
) -> Scenes:
    """Let the teachers find the faces of every photo below a folder.

    Raises:
        DataError: There is no photo, or one can't be read.
    """
    names = pictures_below(folder)
    faces = []
    for done, name in enumerate(names, 1):
        image = read_picture(folder / name, name)
        faces.append(fuse([opinion(image, teacher) for teacher in teachers]))
        report(done, len(names))
    return Scenes(names, faces)


def opinion(image_rgb: Image, teacher: Detector, *, floor: float = 0.1) -> Faces:
    """What one teacher sees in a picture and in its mirror image; scores are means of the two."""
    settings = DetectionSettings(confidence=floor, iou=0.4, max_faces=500)
    plain = teacher.detect(image_rgb, settings)
    mirrored = teacher.detect(np.ascontiguousarray(image_rgb[:, ::-1]), settings)
    width = image_rgb.shape[1]
    xyxy = mirrored.xyxy[:, [2, 1, 0, 3]] * np.array([-1, 1, -1, 1], np.float32)
    xyxy = xyxy + np.array([width, 0, width, 0], np.float32)
    return fuse([Faces(plain.xyxy, plain.score), Faces(xyxy, mirrored.score)])


def fuse(views: Sequence[Faces], *, iou_threshold: float = 0.5) -> Faces:
    """One set of faces out of several views of the same picture.

    Boxes that overlap the best one of their group count as the same face: its box is their mean,
    weighted by score, its score the sum of each view's best one over the number of views, so that
    a face that one of two views misses has at most half (Solovyev et al., 2021, "Weighted boxes
    fusion").
    """
    xyxy = np.concatenate([v.xyxy for v in views])
    score = np.concatenate([v.score for v in views])
    view = np.concatenate([np.full(len(v), i) for i, v in enumerate(views)])
    fused_boxes: list[NDArray[np.float32]] = []
    fused_scores: list[float] = []
    order = np.argsort(-score, kind="stable")
    while order.size:
        same = boxes.iou(xyxy[order[:1]], xyxy[order])[0] >= iou_threshold
        same[0] = True  # a box without area overlaps nothing, not even itself
        group, order = order[same], order[~same]
        fused_boxes.append(np.average(xyxy[group], axis=0, weights=score[group] + 1e-6))
        best = [score[group][view[group] == i].max(initial=0) for i in range(len(views))]
        fused_scores.append(float(np.mean(best)))
    if not fused_boxes:
        return Faces.empty()
    ranking = np.argsort(-np.array(fused_scores), kind="stable")
    return Faces(
        np.array(fused_boxes, np.float32)[ranking], np.array(fused_scores, np.float32)[ranking]
    )

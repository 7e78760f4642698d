"""Boxes for unlabelled photos, detected once by the public detectors and saved to a file.

Each teacher reads the picture and its mirror image, and overlapping boxes are fused. The student is
then trained on these boxes, which the augmentation moves along at no cost; running a teacher on
each view would take as long as the student itself.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ferapp.errors import DataError
from ferapp.evaluation.labelled_faces import read_picture
from ferapp.inference.detectors import Detector
from ferapp.media.pictures.formats import ENDINGS
from ferapp.settings import DetectionSettings
from ferapp.system.files import whole_file
from ferapp.types import Faces, ProgressCallback, no_report
from ferapp.vision import boxes
from ferapp.vision.crops import Image


@dataclass(frozen=True, eq=False)
class Scenes:
    """Photos with the faces that the teachers found.

    Attributes:
        names: File of each photo, relative to the folder.
        faces: Boxes and scores of each photo, fused over the teachers.
    """

    names: list[str]
    faces: list[Faces]

    @property
    def sha256(self) -> str:
        """Hash of names and boxes, which identifies the set."""
        digest = hashlib.sha256("\n".join(self.names).encode())
        for faces in self.faces:
            digest.update(faces.xyxy.tobytes() + faces.score.tobytes())
        return digest.hexdigest()

    def at(self, indices: Sequence[int]) -> "Scenes":
        """The photos at some indices."""
        return Scenes([self.names[i] for i in indices], [self.faces[i] for i in indices])

    def save(self, path: Path) -> None:
        """Write the boxes to one ``.npz`` file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        counts = [len(f) for f in self.faces]
        with whole_file(path) as file:
            np.savez_compressed(
                file,
                names=np.array(self.names),
                counts=np.array(counts),
                xyxy=np.concatenate([f.xyxy for f in self.faces]),
                score=np.concatenate([f.score for f in self.faces]),
            )

    @classmethod
    def load(cls, path: Path) -> "Scenes":
        """Read what `save` wrote.

        Raises:
            DataError: The file is missing or not one of these.
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
    """All pictures below a folder, as sorted relative names.

    Raises:
        DataError: There is none.
    """
    names = sorted(
        p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.suffix.lower() in ENDINGS
    )
    if not names:
        raise DataError(f"{folder}: expected photos below it, found none.")
    return names


def label_scenes(
    folder: Path, teachers: Sequence[Detector], *, report: ProgressCallback = no_report
) -> Scenes:
    """Let the teachers find the faces in all photos below a folder.

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
    """The faces that a teacher finds in a picture and its mirror image; scores are averaged."""
    settings = DetectionSettings(confidence=floor, iou=0.4, max_faces=500)
    plain = teacher.detect(image_rgb, settings)
    mirrored = teacher.detect(np.ascontiguousarray(image_rgb[:, ::-1]), settings)
    width = image_rgb.shape[1]
    xyxy = mirrored.xyxy[:, [2, 1, 0, 3]] * np.array([-1, 1, -1, 1], np.float32)
    xyxy = xyxy + np.array([width, 0, width, 0], np.float32)
    return fuse([Faces(plain.xyxy, plain.score), Faces(xyxy, mirrored.score)])


def fuse(views: Sequence[Faces], *, iou_threshold: float = 0.5) -> Faces:
    """Fuse several detections of the same picture into one set of faces.

    Boxes that overlap the best one of their group belong to one face. Its box is their mean,
    weighted by score. Its score is the mean over the views of the best score of each, so that a
    face which one of two views misses has at most 0.5 (Solovyev et al., 2021, "Weighted boxes
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

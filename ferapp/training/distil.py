"""Train the face detector on boxes that the public detectors found in unlabelled photos.

Read it from top to bottom: the recipe, the targets of the priors, the loss, the run.
"""

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader

from ferapp.errors import DataError
from ferapp.evaluation.labelled_faces import read_picture
from ferapp.evaluation.metrics import LabelledBoxes, average_precision
from ferapp.inference.detectors import Detector, faces_of
from ferapp.settings import DetectionSettings
from ferapp.training.learner import Learner, Schedule
from ferapp.training.networks import FaceNet, FaceNetOutputs
from ferapp.training.runs import (
    AveragedWeights,
    Run,
    channels_last,
    description,
    has_bfloat16,
    is_best,
    parameter_groups,
)
from ferapp.training.scenes import SceneAugmentation, SceneViews, collate
from ferapp.training.teachers import Scenes
from ferapp.types import Faces, ProgressCallback, no_report
from ferapp.vision.crops import Image
from ferapp.vision.preprocess import InputSpec, batch


@dataclass(frozen=True)
class FaceRecipe:
    """Everything that determines a trained face detector.

    Attributes:
        size_wh: Width and height of the input, px.
        views: Total number of training pictures.
        batch_size: Pictures per step.
        round_views: Pictures between two evaluations on the held-out photos.
        learning_rate: The maximum; it rises for 500 steps and falls as a cosine.
        weight_decay: Applied to weights, not to biases or batch norm.
        average: Decay of the averaged weights, which are evaluated and saved.
        match_iou: A prior is matched to a face if their IoU is at least this; each face is matched
            to at least its best prior.
        sure: Boxes with at least this score of the teachers are learnt as faces.
        unsure: Boxes between this and ``sure`` count neither as faces nor as background.
        smallest_px: Faces whose longer side in a view is shorter than this count as unsure, px.
        hold_out: Every n-th photo is held out to select the best checkpoint.
        box_weight: Weight of the box loss.
        augmentation: How views are cut and recoloured.
        seed: Random seed of weights, order and augmentation.
    """

    size_wh: tuple[int, int] = (320, 240)
    views: int = 320_000
    batch_size: int = 32
    round_views: int = 20_000
    learning_rate: float = 2e-3
    weight_decay: float = 5e-3
    average: float = 0.998
    match_iou: float = 0.35
    sure: float = 0.4
    unsure: float = 0.2
    smallest_px: float = 4.0
    hold_out: int = 25
    box_weight: float = 2.0
    augmentation: SceneAugmentation = field(default_factory=SceneAugmentation)
    seed: int = 0

    @property
    def spec(self) -> InputSpec:
        """The input of the network: that of the Ultra-Light detectors."""
        return InputSpec(size_wh=self.size_wh, colour="rgb", mean=127.0, std=128.0)

    def split(self, scenes: Scenes) -> tuple[Scenes, Scenes]:
        """The photos to train on, and those held out."""
        places = range(len(scenes.names))
        return (
            scenes.at([i for i in places if i % self.hold_out]),
            scenes.at([i for i in places if i % self.hold_out == 0]),
        )


RECIPES: Final = {
    "base": FaceRecipe(),
    # To continue from a checkpoint of "base": fewer close faces, more crowds, small steps.
    "crowds": FaceRecipe(
        views=40_000,
        round_views=10_000,
        learning_rate=4e-4,
        augmentation=SceneAugmentation(mosaic=0.85, again=0.5),
    ),
}


@dataclass(frozen=True, eq=False)
class Targets:
    """The target of each prior of a view.

    Attributes:
        score: 0 for background, else the teachers' score of its face, (priors,).
        is_ignored: Priors that are left out of the loss, (priors,).
        corners: The box of its face, xyxy as shares, (priors, 4); valid if score is above 0.
    """

    score: Tensor
    is_ignored: Tensor
    corners: Tensor


def assign_targets(
    prior_corners: Tensor, xyxy: Tensor, score: Tensor, recipe: FaceRecipe
) -> Targets:
    """Match priors to the faces of one view (Liu et al., 2016, SSD, section 2.2).

    Args:
        prior_corners: Priors as corners in px, (priors, 4).
        xyxy: Faces, (n, 4), px.
        score: Scores of the teachers, (n,).
        recipe: Its thresholds.
    """
    count = len(prior_corners)
    targets = Targets(
        torch.zeros(count), torch.zeros(count, dtype=torch.bool), torch.zeros(count, 4)
    )
    if not len(xyxy):
        return targets
    sides = (xyxy[:, 2:] - xyxy[:, :2]).amax(dim=1)
    is_sure = (score >= recipe.sure) & (sides >= recipe.smallest_px)
    unsure, faces = xyxy[~is_sure & (score >= recipe.unsure)], xyxy[is_sure]
    if len(unsure):
        overlap = _iou(prior_corners, unsure)
        targets.is_ignored[:] = overlap.amax(dim=1) > 0.2
        # Faces smaller than the smallest prior never have such an IoU.
        targets.is_ignored[overlap.argmax(dim=0)] = True
    if len(faces):
        overlap = _iou(prior_corners, faces)
        # A face always gets its best prior, however small the IoU is.
        overlap[overlap.argmax(dim=0), torch.arange(len(faces))] = 2.0
        best, face = overlap.max(dim=1)
        mine = best >= recipe.match_iou
        scale = torch.tensor([*recipe.size_wh, *recipe.size_wh])
        targets.score[mine] = score[is_sure][face[mine]]
        targets.corners[mine] = faces[face[mine]] / scale
        targets.is_ignored[mine] = False
    return targets


def loss_of(logits: Tensor, corners: Tensor, targets: list[Targets], recipe: FaceRecipe) -> Tensor:
    """Quality focal loss of the scores plus generalised IoU loss of the boxes of faces.

    Li et al., 2020, "Generalized Focal Loss", equation 2; Rezatofighi et al., 2019, "Generalized
    Intersection over Union".

    Args:
        logits: (n, priors).
        corners: Boxes as shares, (n, priors, 4).
        targets: One per picture.
        recipe: Its weight of the box loss.
    """
    score = torch.stack([t.score for t in targets])
    counts = ~torch.stack([t.is_ignored for t in targets])
    is_face = score > 0
    distance = (score - torch.sigmoid(logits)).abs() ** 2
    entropy = F.binary_cross_entropy_with_logits(logits, score, reduction="none")
    faces = is_face.sum().clamp_min(1)
    focal = (distance * entropy * counts).sum() / faces
    true_corners = torch.stack([t.corners for t in targets])[is_face]
    return focal + recipe.box_weight * (1 - _giou(corners[is_face], true_corners)).sum() / faces


def train_faces(
    data: str | Path,
    out: str | Path,
    recipe: FaceRecipe = FaceRecipe(),
    *,
    scenes: Scenes,
    start: Path | None = None,
    report: ProgressCallback = no_report,
) -> Path:
    """Train on photos and their boxes, select on held-out photos; a killed run is resumed.

    Args:
        data: Folder of the photos.
        out: The folder of the run.
        recipe: The recipe.
        scenes: The boxes, from `ferapp.training.teachers.label_scenes`.
        start: A checkpoint whose averaged weights are the initial weights, instead of random ones.
        report: Called after each step with the number of steps done and in total.

    Returns:
        The best checkpoint, by the average precision of the averaged weights on held-out photos.

    Raises:
        DataError: A photo can't be read, or the folder holds a run of another recipe.
    """
    folder = Path(data)
    train, held_out = recipe.split(scenes)
    if not any((f.score >= recipe.sure).any() for f in held_out.faces):
        raise DataError(
            f"None of the {len(held_out.names)} held-out photos (every {recipe.hold_out}th) has a "
            "face of which the teachers are sure; add photos with faces."
        )
    torch.manual_seed(recipe.seed)
    network = channels_last(FaceNet(recipe.size_wh))
    if start is not None:
        network.load_state_dict(torch.load(start, weights_only=True)["weights"])
    optimizer = torch.optim.AdamW(
        parameter_groups(network, recipe.weight_decay), lr=recipe.learning_rate
    )
    average = AveragedWeights(network, recipe.average)
    rng = torch.Generator().manual_seed(recipe.seed)
    learner = Learner(network, optimizer, average, rng, max_gradient_norm=10.0)
    run = Run(Path(out), description("faces", recipe, ("background", "face"), scenes.sha256))
    first = learner.resume(run)

    views = SceneViews(folder, train, recipe.augmentation, recipe.size_wh, recipe.seed + first)
    loader = iter(
        DataLoader(views, recipe.batch_size, collate_fn=collate, num_workers=1, prefetch_factor=4)
    )
    rounds = math.ceil(recipe.views / recipe.round_views)
    steps = math.ceil(recipe.views / rounds / recipe.batch_size)
    warmup = min(500, rounds * steps // 10 or 1)
    schedule = Schedule(rounds, steps, recipe.learning_rate, warmup)
    for index in range(first, schedule.rounds):
        started = time.monotonic()
        losses = _losses(network, islice(loader, steps), recipe)
        loss, rate = learner.train_round(index, losses, schedule, report)
        detector = NetworkDetector(average.state, recipe)
        run.log(
            {
                "views": (index + 1) * steps * recipe.batch_size,
                "loss": loss,
                "held_out_ap": held_out_ap(detector, folder, held_out, recipe),
                "learning_rate": rate,
                "seconds": time.monotonic() - started,
            }
        )
        run.save(learner.state(index + 1), is_best=is_best(run.history, "held_out_ap"))
    return run.folder / "best.pt"


def _losses(
    network: FaceNet,
    batches: Iterable[tuple[Tensor, list[Tensor], list[Tensor]]],
    recipe: FaceRecipe,
) -> Iterator[Tensor]:
    """The loss of each batch, one at a time.

    Args:
        network: In training mode.
        batches: Views, (n, 3, h, w) uint8, with the boxes and scores of each.
        recipe: The recipe.
    """
    spec = recipe.spec
    scale = torch.tensor([*recipe.size_wh, *recipe.size_wh])
    prior_corners = network.corners(torch.zeros(1, len(network.prior), 4))[0] * scale
    for pixels, xyxy, score in batches:
        inputs = (pixels.float() - spec.mean) / spec.std
        with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
            logits, offsets = network(inputs.contiguous(memory_format=torch.channels_last))
        targets = [
            assign_targets(prior_corners, b, s, recipe) for b, s in zip(xyxy, score, strict=True)
        ]
        yield loss_of(logits.float(), network.corners(offsets.float()), targets, recipe)


class NetworkDetector:
    """The averaged weights of a run as a detector, to evaluate them on held-out photos.

    Args:
        weights: Weights of a `FaceNet`.
        recipe: The recipe of the run.
    """

    def __init__(self, weights: dict[str, Tensor], recipe: FaceRecipe) -> None:
        network = FaceNet(recipe.size_wh)
        network.load_state_dict(weights)
        self._outputs = channels_last(FaceNetOutputs(network).eval())
        self._spec = recipe.spec

    @torch.no_grad()
    def detect(self, image_rgb: Image, settings: DetectionSettings) -> Faces:
        """See `ferapp.inference.detectors.Detector.detect`."""
        inputs = torch.from_numpy(batch([image_rgb], self._spec))
        with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
            outputs = self._outputs(inputs.contiguous(memory_format=torch.channels_last))
        scores, corners = (o.float().numpy() for o in outputs)
        return faces_of(corners[0], scores[0], image_rgb, settings)


def held_out_ap(detector: Detector, folder: Path, scenes: Scenes, recipe: FaceRecipe) -> float:
    """Average precision at IoU 0.5 against the teachers' sure boxes; unsure ones are ignored."""
    settings = DetectionSettings(confidence=0.02, iou=0.4, max_faces=200)
    detections, labels = [], []
    for name, faces in zip(scenes.names, scenes.faces, strict=True):
        detections.append(detector.detect(read_picture(folder / name, name), settings))
        kept_faces = faces.at(np.flatnonzero(faces.score >= recipe.unsure))
        labels.append(LabelledBoxes(kept_faces.xyxy, kept_faces.score >= recipe.sure))
    return average_precision(detections, labels)


def _iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of each pair of boxes, (len(a), len(b))."""
    sides = torch.minimum(a[:, None, 2:], b[:, 2:]) - torch.maximum(a[:, None, :2], b[:, :2])
    shared = sides.clamp_min(0).prod(dim=2)
    area_a, area_b = (a[:, 2:] - a[:, :2]).prod(dim=1), (b[:, 2:] - b[:, :2]).prod(dim=1)
    return shared / (area_a[:, None] + area_b - shared).clamp_min(1e-6)


def _giou(a: Tensor, b: Tensor) -> Tensor:
    """Generalised intersection over union of corresponding boxes, (n,)."""
    shared = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp_min(0)
    shared = shared.prod(dim=1)
    union = (a[:, 2:] - a[:, :2]).prod(dim=1) + (b[:, 2:] - b[:, :2]).prod(dim=1) - shared
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(dim=1)
    return shared / union.clamp_min(1e-9) - (hull - union) / hull.clamp_min(1e-9)

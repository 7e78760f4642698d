"""Train the landmark network on faces with 68 labelled points.

Read it from top to bottom: the recipe, the faces, the views, the loss, the run.
"""

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ferapp.errors import InvalidValue
from ferapp.evaluation.landmarked_faces import LandmarkedFaces, load_landmarked
from ferapp.training.augmentation import erase, uniform
from ferapp.training.camera import Camera, seen_by_camera
from ferapp.training.learner import Learner, Schedule
from ferapp.training.networks import LandmarkNet
from ferapp.training.runs import (
    AveragedWeights,
    Run,
    channels_last,
    description,
    has_bfloat16,
    is_best,
    parameter_groups,
)
from ferapp.types import ProgressCallback, no_report
from ferapp.vision.boxes import squares
from ferapp.vision.crops import region
from ferapp.vision.landmarks import COUNT, MIRRORED, detector_boxes, errors
from ferapp.vision.preprocess import InputSpec, batch, convert_colour

# A larger square than the network sees, so that it can be turned and moved without a border.
_REACH: Final = 2.5
_STORED_PX: Final = 192


@dataclass(frozen=True)
class LandmarkRecipe:
    """Everything that determines a trained landmark network.

    Attributes:
        side: Of the input, px; a multiple of 32.
        padding: How much longer the side of the square is than that of the detector's box, as a
            share of the latter, so that the jaw of a tilted head lies inside.
        views: Total number of training pictures.
        round_views: Pictures between two measurements on the held-out people.
        batch_size: Pictures per step.
        learning_rate: The maximum; it rises for 200 steps and falls as a cosine.
        weight_decay: Applied to weights, not to biases or batch norm.
        average: Decay of the averaged weights, which are evaluated and saved.
        roll_deg: Most faces are turned in the picture by up to this, half of them by a third of it.
        any_roll: Share of faces turned by any angle. Where this is more than `learnt_roll_deg`, the
            network learns only that its points will be wrong.
        learnt_roll_deg: See `any_roll`.
        jitter: The square is moved by up to this share of its side, and as much smaller or larger.
        erased: Share of faces in which a rectangle is erased.
        camera: Light, noise and compression.
        wing_px: Where the loss turns from a logarithm to a line, px of the input (Feng et al.,
            2018, "Wing Loss for Robust Facial Landmark Localisation", equation 5: w).
        wing_curve_px: How sharp the logarithm is, px (there: epsilon).
        doubt_weight: Weight of the loss of the error to expect.
        seed: Random seed of weights, order and augmentation.
    """

    side: int = 96
    padding: float = 0.3
    views: int = 96_000
    round_views: int = 6_400
    batch_size: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    average: float = 0.998
    roll_deg: float = 60
    any_roll: float = 0.05
    learnt_roll_deg: float = 75
    jitter: float = 0.15
    erased: float = 0.3
    camera: Camera = field(default_factory=lambda: Camera(noise=0.3))
    wing_px: float = 6.0
    wing_curve_px: float = 1.0
    doubt_weight: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a side that can't be halved five times."""
        if self.side % 32:
            raise InvalidValue(f"the side has to be a multiple of 32: {self.side}")

    @property
    def spec(self) -> InputSpec:
        """The input of the network."""
        return InputSpec(size_wh=(self.side, self.side), colour="grey", mean=127.5, std=64.0)


@dataclass(frozen=True, eq=False)
class StoredFaces:
    """Faces with much of their surroundings, ready to be turned and moved.

    Attributes:
        pixels: (n, 1, 192, 192) uint8, grey: 2.5 times the square around the face.
        points: Of each, (n, 68, 2) float32; the square reaches from -1 to 1.
    """

    pixels: Tensor
    points: Tensor

    def __len__(self) -> int:
        """Number of faces."""
        return len(self.pixels)

    @classmethod
    def of(cls, faces: LandmarkedFaces) -> "StoredFaces":
        """Cut them from their pictures."""
        boxes = squares(detector_boxes(faces.points))
        centre, half = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2, _half_sides(boxes)
        wide = squares(boxes, padding=_REACH - 1)
        pixels = [
            convert_colour(region(image, square, (_STORED_PX, _STORED_PX)), "grey")
            for image, square in zip(faces.images_rgb, wide, strict=True)
        ]
        return cls(
            torch.from_numpy(np.stack(pixels).transpose(0, 3, 1, 2).copy()),
            torch.from_numpy((faces.points - centre) / half),
        )


def _half_sides(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    return (boxes[:, None, 2:3] - boxes[:, None, :1]) / 2


def views_of(
    faces: StoredFaces, indices: Tensor, recipe: LandmarkRecipe, rng: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Faces as the network sees them in training, each turned, moved, mirrored and lit at random.

    Args:
        faces: The faces.
        indices: Which of them, (n,).
        recipe: How much.
        rng: Random number generator.

    Returns:
        Pixels, (n, 1, side, side) in [0, 1]; points, (n, 68, 2), as shares of the side; whether the
        points of each are to be learnt, (n,).
    """
    n = len(indices)
    widest = torch.where(torch.rand(n, generator=rng) < 0.5, recipe.roll_deg / 3, recipe.roll_deg)
    widest = torch.where(torch.rand(n, generator=rng) < recipe.any_roll, 180.0, widest)
    angle = uniform(rng, n) * widest
    is_mirrored = torch.rand(n, generator=rng) < 0.5
    scale = (1 + recipe.padding) * torch.exp(uniform(rng, n) * math.log1p(recipe.jitter))
    shift = uniform(rng, n, 2) * 2 * recipe.jitter
    flip = torch.where(is_mirrored, -1.0, 1.0)
    cos, sin = torch.cos(angle.deg2rad()) * scale, torch.sin(angle.deg2rad()) * scale
    # From places in the view, -1 to 1, to places around the face: turned, scaled, moved, mirrored.
    rows = torch.stack([torch.stack([flip * cos, flip * -sin], 1), torch.stack([sin, cos], 1)], 1)
    moved = torch.stack([flip * shift[:, 0], shift[:, 1]], dim=1)
    theta = torch.cat([rows, moved[:, :, None]], dim=2) / _REACH
    grid = F.affine_grid(theta, [n, 1, recipe.side, recipe.side], align_corners=False)
    pixels = F.grid_sample(
        faces.pixels[indices].float() / 255, grid, padding_mode="border", align_corners=False
    )
    back = torch.linalg.inv(rows)
    points = (faces.points[indices] - moved[:, None]) @ back.transpose(1, 2)
    points = torch.where(is_mirrored[:, None, None], points[:, list(MIRRORED)], points)
    pixels = erase(seen_by_camera(pixels, recipe.camera, rng), recipe.erased, rng)
    return pixels, (points + 1) / 2, angle.abs() <= recipe.learnt_roll_deg


def landmark_loss(
    found: tuple[Tensor, Tensor], true: Tensor, is_learnt: Tensor, recipe: LandmarkRecipe
) -> Tensor:
    """Wing loss of the points, and how well the network knows its errors.

    The latter is the negative logarithm of a Laplace distribution of the distances (Kendall and
    Gal, 2017, "What Uncertainties Do We Need", section 3.2), which does not move the points.
    """
    points, log_error = found
    w, curve = recipe.wing_px, recipe.wing_curve_px
    gap = (points - true).abs() * recipe.side
    offset = w - w * math.log1p(w / curve)
    wing = torch.where(gap < w, w * torch.log1p(gap / curve), gap - offset)
    per_face = wing.mean(dim=(1, 2)) * is_learnt
    distance = (points.detach() - true).norm(dim=2) * recipe.side
    log_px = log_error + math.log(recipe.side)
    doubt = (distance * torch.exp(-log_px) + log_px).mean()
    return per_face.sum() / is_learnt.sum().clamp_min(1) + recipe.doubt_weight * doubt


def train_landmarks(
    data: Path,
    out: Path,
    recipe: LandmarkRecipe = LandmarkRecipe(),
    *,
    report: ProgressCallback = no_report,
) -> Path:
    """Train on people of one part, select on others; a killed run is resumed.

    Args:
        data: See `ferapp.evaluation.landmarked_faces.load_landmarked`.
        out: The folder of the run.
        recipe: The recipe.
        report: Called after each step with the number of steps done and in total.

    Returns:
        The best checkpoint, by the normalised mean error of the averaged weights.

    Raises:
        DataError: The layout of the data is wrong, or the folder holds a run of another recipe.
    """
    train, valid = load_landmarked(data, "train"), load_landmarked(data, "valid")
    faces = StoredFaces.of(train)
    torch.manual_seed(recipe.seed)
    network = channels_last(LandmarkNet(COUNT))
    optimizer = torch.optim.AdamW(parameter_groups(network, recipe.weight_decay))
    average = AveragedWeights(network, recipe.average)
    rng = torch.Generator().manual_seed(recipe.seed)
    learner = Learner(network, optimizer, average, rng, max_gradient_norm=20.0)
    labels = [str(i) for i in range(COUNT)]
    run = Run(out, description("landmarks", recipe, labels, train.sha256))
    steps = recipe.round_views // recipe.batch_size
    schedule = Schedule(recipe.views // recipe.round_views, steps, recipe.learning_rate, 200)
    for index in range(learner.resume(run), schedule.rounds):
        started = time.monotonic()
        losses = _losses(network, faces, recipe, steps, rng)
        loss, rate = learner.train_round(index, losses, schedule, report)
        gaps = errors(predicted(average.state, valid, recipe), valid.points).mean(axis=1)
        row = {
            "round": index + 1,
            "loss": loss,
            "valid_nme": float(gaps.mean()),
            "valid_within_10_percent": float((gaps < 0.1).mean()),
            "learning_rate": rate,
            "seconds": time.monotonic() - started,
        }
        run.log({**row, "valid_score": 1 - row["valid_nme"]})
        run.save(learner.state(index + 1), is_best=is_best(run.history, "valid_score"))
    return run.folder / "best.pt"


def _losses(
    network: LandmarkNet,
    faces: StoredFaces,
    recipe: LandmarkRecipe,
    steps: int,
    rng: torch.Generator,
) -> Iterator[Tensor]:
    """The loss of each step, one at a time."""
    spec = recipe.spec
    for _ in range(steps):
        indices = torch.randint(len(faces), (recipe.batch_size,), generator=rng)
        pixels, points, is_learnt = views_of(faces, indices, recipe, rng)
        inputs = ((pixels * 255 - spec.mean) / spec.std).contiguous(
            memory_format=torch.channels_last
        )
        with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
            found = network(inputs)
        yield landmark_loss(found, points, is_learnt, recipe)


def landmark_network(weights: Mapping[str, Any]) -> LandmarkNet:
    """A trained network, ready to be used."""
    network = LandmarkNet(COUNT)
    network.load_state_dict(weights)
    return network.eval()


@torch.no_grad()
def predicted(
    weights: Mapping[str, Tensor], faces: LandmarkedFaces, recipe: LandmarkRecipe
) -> NDArray[np.float32]:
    """Points that a network finds in faces around which a detector would draw its boxes.

    Returns:
        (n, 68, 2), px of the pictures.
    """
    network = channels_last(landmark_network(weights))
    boxes = squares(detector_boxes(faces.points), padding=recipe.padding)
    crops = [
        region(image, square, recipe.spec.size_wh)
        for image, square in zip(faces.images_rgb, boxes, strict=True)
    ]
    parts = torch.split(torch.from_numpy(batch(crops, recipe.spec)), 128)
    shares = torch.cat([network(part)[0] for part in parts]).numpy()
    return np.asarray(boxes[:, None, :2] + shares * 2 * _half_sides(boxes), np.float32)

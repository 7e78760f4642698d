"""How a classifier does in other light, from afar and with a camera's noise."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ferapp.evaluation.evaluators import Comparison, compare, probabilities_of
from ferapp.evaluation.labelled_faces import LabelledFaces
from ferapp.evaluation.reports.figures import Figures, figures
from ferapp.inference.classifiers import ExpressionClassifier
from ferapp.types import ProgressCallback, no_report
from ferapp.vision.crops import Image, resize, size_of

_Levels = NDArray[np.floating]
_Change = Callable[[_Levels, np.random.Generator], _Levels]

_SEEN_PX: Final = 24


@dataclass(frozen=True)
class Corruption:
    """One change of a face at the size of the network's input.

    Attributes:
        name: What it is, for people.
        change: Takes a face, (h, w, 3) floating point, in levels of 0 to 255, and random numbers.
    """

    name: str
    change: _Change


def _darker(share: float) -> _Change:
    return lambda face, rng: face * share


def _noisy(sigma: float, share: float = 1.0) -> _Change:
    """Noise of the brightness; the same for all three colours."""
    return lambda face, rng: face * share + rng.normal(0, sigma, (*face.shape[:2], 1))


def _less_contrast(face: _Levels, rng: np.random.Generator) -> _Levels:
    mean = float(face.mean())
    return (face - mean) * 0.4 + mean


def _from_one_side(face: _Levels, rng: np.random.Generator) -> _Levels:
    return face * np.linspace(0.2, 1.2, face.shape[1], dtype=np.float32)[None, :, None]


def _seen_small(face: _Levels, rng: np.random.Generator) -> _Levels:
    small = resize(face.astype(np.uint8), (_SEEN_PX, _SEEN_PX))
    return resize(small, size_of(face.astype(np.uint8))).astype(np.float32)


CORRUPTIONS: Final = (
    Corruption("none", lambda face, rng: face),
    Corruption("half as bright", _darker(0.5)),
    Corruption("dim (× 0.3)", _darker(0.3)),
    Corruption("dark (× 0.15)", _darker(0.15)),
    Corruption("gamma 2.2", lambda face, rng: 255 * (face / 255) ** 2.2),
    Corruption("too bright (× 1.6, clipped)", _darker(1.6)),
    Corruption("contrast × 0.4", _less_contrast),
    Corruption("light from one side (0.2 to 1.2)", _from_one_side),
    Corruption(f"seen at {_SEEN_PX} px", _seen_small),
    Corruption("noise (15 levels)", _noisy(15)),
    Corruption("dim room (× 0.3, noise of 6 levels)", _noisy(6, 0.3)),
)
"""Those of every table, in its order."""


def corrupted(image_rgb: Image, size_wh: tuple[int, int], how: Corruption, seed: int) -> Image:
    """A face at the size of the network's input, changed; the same for the same seed.

    Args:
        image_rgb: (h, w, 3) RGB uint8.
        size_wh: Width and height of the input, px.
        how: The change.
        seed: Number of the face.
    """
    face = image_rgb if size_of(image_rgb) == size_wh else resize(image_rgb, size_wh)
    changed = how.change(face.astype(np.float32), np.random.default_rng(seed))
    return np.asarray(np.rint(changed).clip(0, 255), np.uint8)


def evaluate_corrupted(
    faces: LabelledFaces,
    classifier: ExpressionClassifier,
    *,
    report: ProgressCallback = no_report,
) -> dict[str, Figures]:
    """Figures of the same faces under each of `CORRUPTIONS`, by its name.

    Args:
        faces: The faces.
        classifier: The classifier.
        report: Called with the number of faces done and in total, for each change anew.

    Raises:
        DataError: No face has a class that the classifier knows.
    """
    compared = compare(faces, classifier.labels)
    return {
        how.name: figures(
            compared.classes,
            probabilities_of(_changed(compared, classifier, how), classifier, report=report),
            unsure_below=classifier.unsure_below,
        )
        for how in CORRUPTIONS
    }


def _changed(compared: Comparison, classifier: ExpressionClassifier, how: Corruption) -> Comparison:
    images: list[Any] = [
        corrupted(image, classifier.size_wh, how, seed)
        for seed, image in enumerate(compared.faces.images_rgb)
    ]
    return replace(compared, faces=replace(compared.faces, images_rgb=images))

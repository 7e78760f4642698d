"""How a classifier does in other light, from afar and with a camera's noise."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferapp.evaluation.evaluators import Comparison, probabilities_of
from ferapp.evaluation.metrics import Probabilities, unsure_threshold
from ferapp.evaluation.reports.figures import Figures, figures
from ferapp.inference.classifiers import ExpressionClassifier
from ferapp.types import ProgressCallback, no_report
from ferapp.vision.crops import Image, resize, size_of
from ferapp.vision.quality import CHECKED_WH, crop_flaw

_Levels = NDArray[np.floating]
_Change = Callable[[_Levels, np.random.Generator], _Levels]

_SEEN_PX: Final = 24

RIGHT_IN_NOISE: Final = 0.85
"""Share of the labels that must be right over all changes of light and noise."""


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


UNCHANGED: Final = "none"
"""Name of the faces as they are."""

CORRUPTIONS: Final = (
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
"""Those of every table, in its order, after the faces as they are."""


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
    compared: Comparison,
    classifier: ExpressionClassifier,
    plain: Probabilities,
    *,
    report: ProgressCallback = no_report,
) -> dict[str, Figures]:
    """Figures of the same faces as they are and under each of `CORRUPTIONS`, by its name.

    As in the app, a face that is too dark, too bright, too blurred or too noisy gets no label.

    Args:
        compared: The faces.
        classifier: The classifier that they were matched with.
        plain: What it says about them as they are, from `probabilities_of`.
        report: Called with the number of faces done and in total, for each change anew.
    """
    out = {UNCHANGED: _figures(compared, compared.faces.images_rgb, plain, classifier)}
    for how in CORRUPTIONS:
        images, shares = _changed(compared, classifier, how, report)
        out[how.name] = _figures(compared, images, shares, classifier)
    return out


def threshold_in_light_and_noise(compared: Comparison, classifier: ExpressionClassifier) -> float:
    """The lowest threshold for "unsure" at which enough labels are right over all changes.

    Faces with a flaw don't count, because they get no label.

    Args:
        compared: Faces that were not trained on, never those of the test set.
        classifier: The classifier that they were matched with, calibrated.

    Returns:
        A multiple of 0.01; 0 if no face is readable.
    """
    classes, parts = [], []
    for how in CORRUPTIONS:
        images, shares = _changed(compared, classifier, how, no_report)
        is_readable = _are_readable(images)
        classes.append(compared.classes[is_readable])
        parts.append(shares[is_readable])
    truth = np.concatenate(classes)
    if not len(truth):
        return 0.0
    found, _ = unsure_threshold(truth, np.concatenate(parts), least_accuracy=RIGHT_IN_NOISE)
    return found


def _changed(
    compared: Comparison,
    classifier: ExpressionClassifier,
    how: Corruption,
    report: ProgressCallback,
) -> tuple[list[Image], Probabilities]:
    """The faces after a change, and what the classifier says about them."""
    images = [
        corrupted(image, classifier.size_wh, how, seed)
        for seed, image in enumerate(compared.faces.images_rgb)
    ]
    changed = replace(compared, faces=replace(compared.faces, images_rgb=images))
    return images, probabilities_of(changed, classifier, report=report)


def _are_readable(images_rgb: Sequence[Image]) -> NDArray[np.bool_]:
    """Whether each face is without a flaw of light, sharpness or noise, (n,)."""
    return np.array([crop_flaw(resize(image, CHECKED_WH)) is None for image in images_rgb])


def _figures(
    compared: Comparison,
    images_rgb: Sequence[Image],
    shares: Probabilities,
    classifier: ExpressionClassifier,
) -> Figures:
    return figures(
        compared.classes,
        shares,
        unsure_below=classifier.unsure_below,
        is_readable=_are_readable(images_rgb),
    )

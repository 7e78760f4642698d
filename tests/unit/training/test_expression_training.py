"""Training data of the expression classifier: augmented and mixed faces."""

import pytest

torch = pytest.importorskip("torch", reason="needs the extra: train")

from ferapp.training.augmentation import FaceAugmentation, augment, mix  # noqa: E402
from ferapp.training.networks import (  # noqa: E402
    ExpressionNet,
)


@pytest.mark.parametrize("size", [32, 48, 56])
def test_the_classifier_takes_any_size(size: int) -> None:
    assert ExpressionNet(8).eval()(torch.zeros(2, 1, size, size)).shape == (2, 8)


def test_augmentation_keeps_shape_and_range() -> None:
    rng = torch.Generator().manual_seed(0)
    faces = torch.rand(8, 1, 48, 48, generator=rng)
    out = augment(faces, 32, FaceAugmentation(low_resolution=1, erase=1), rng)
    assert out.shape == (8, 1, 32, 32)
    assert float(out.min()) >= 0 and float(out.max()) <= 1


def test_no_augmentation_is_the_face_or_its_mirror() -> None:
    rng = torch.Generator().manual_seed(0)
    faces = torch.rand(8, 1, 48, 48, generator=rng)
    out = augment(faces, 48, FaceAugmentation(0, 0, 0, 0, 0, 0, 0, 0), rng)
    same = (out - faces).abs().amax(dim=(1, 2, 3)) < 1e-4
    flipped = (out - faces.flip(3)).abs().amax(dim=(1, 2, 3)) < 1e-4
    assert bool((same ^ flipped).all()) and same.any() and flipped.any()


@pytest.mark.parametrize("cutmix", [0.0, 1.0], ids=["mixup", "cutmix"])
def test_mixed_targets_still_sum_to_one(cutmix: float) -> None:
    rng = torch.Generator().manual_seed(0)
    how = FaceAugmentation(mix=1, cutmix=cutmix, mixup_alpha=1)
    is_mixed = False
    for _ in range(5):
        faces, shares = mix(torch.eye(8)[:, None, None] * torch.ones(16, 1), torch.eye(8), how, rng)
        torch.testing.assert_close(shares.sum(dim=1), torch.ones(8))
        # Each row of each face is its one-hot target, so that the mean pixel tells the mixture.
        is_mixed |= bool((shares > 0).sum() > 8)
        if not cutmix:
            torch.testing.assert_close(faces.mean(dim=(1, 2)), shares)
    assert is_mixed

"""Training data of the face detector: views of photos, boxes of teachers, targets of priors."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra: train")

from ferapp.errors import DataError  # noqa: E402
from ferapp.training.distil import FaceRecipe, assign_targets, loss_of  # noqa: E402
from ferapp.training.networks import (  # noqa: E402
    FaceNet,
    FaceNetOutputs,
)
from ferapp.training.scenes import SceneAugmentation, crop_view, mosaic_view  # noqa: E402
from ferapp.training.teachers import Scenes, fuse, label_scenes, opinion  # noqa: E402
from ferapp.types import Faces  # noqa: E402
from ferapp.vision.priors import corners, priors  # noqa: E402
from tests.support.fakes import FakeDetector  # noqa: E402


def test_the_detector_decodes_like_the_runtime() -> None:
    network = FaceNet()
    offsets = torch.randn(1, 4420, 4, generator=torch.Generator().manual_seed(0))
    from ferapp.vision.priors import decode_offsets

    np.testing.assert_allclose(
        network.corners(offsets)[0].numpy(),
        decode_offsets(offsets[0].numpy(), priors((320, 240))),
        atol=1e-5,
    )
    with torch.no_grad():
        scores, _ = FaceNetOutputs(network).eval()(torch.zeros(1, 3, 240, 320))
    assert float(scores[0, :, 1].max()) < 0.05, "an untrained detector sees no face"


def assign(*rows: tuple[float, ...]):
    """Targets for rows of x1, y1, x2, y2, score in a 320 x 240 view."""
    values = torch.tensor(rows, dtype=torch.float32).reshape(-1, 5)
    px = torch.from_numpy(corners(priors((320, 240)))) * torch.tensor([320.0, 240, 320, 240])
    return assign_targets(px, values[:, :4], values[:, 4], FaceRecipe())


def test_no_face_makes_every_prior_background() -> None:
    targets = assign()
    assert not targets.score.any() and not targets.is_ignored.any()


def test_every_face_has_a_prior_however_small_the_overlap() -> None:
    targets = assign((100, 100, 106, 105, 0.9))
    assert (targets.score > 0).sum() >= 1
    box = targets.corners[targets.score > 0][0] * torch.tensor([320, 240, 320, 240])
    torch.testing.assert_close(box, torch.tensor([100.0, 100, 106, 105]))


def test_unsure_and_tiny_faces_are_neither_face_nor_background() -> None:
    for row in ((50, 50, 120, 120, 0.3), (100, 100, 103, 103, 0.9)):
        targets = assign(row)
        assert not targets.score.any()
        assert targets.is_ignored.any()
    assert not assign((50, 50, 120, 120, 0.05)).is_ignored.any()


def test_ignored_priors_cost_nothing() -> None:
    targets = assign((50, 50, 120, 120, 0.3))
    logits = torch.full((1, 4420), -20.0)
    logits[0, targets.is_ignored] = 20.0
    loss = loss_of(logits, torch.rand(1, 4420, 4), [targets], FaceRecipe())
    assert float(loss) < 1e-3


def test_boxes_move_with_the_crop(rng: np.random.Generator) -> None:
    """A bright square stays inside its box through crops, mirrors and mosaics."""
    image = np.zeros((120, 160, 3), np.uint8)
    image[40:70, 60:100] = 255
    face = Faces(np.array([[60, 40, 100, 70]], np.float32), np.array([0.9], np.float32))
    how = SceneAugmentation(gain=0, tint=0, grey=0, coarse=0)
    views = [crop_view(image, face, how, (96, 72), rng) for _ in range(30)]
    views += [mosaic_view([(image, face)] * 4, (2, 2), how, (96, 72), rng) for _ in range(10)]
    seen = 0
    for view in views:
        mask = np.zeros(view.image.shape[:2], bool)
        for x1, y1, x2, y2 in view.xyxy:
            mask[int(y1) : int(np.ceil(y2)) + 1, int(x1) : int(np.ceil(x2)) + 1] = True
            seen += 1
        bright = view.image[..., 0] > 200
        assert (bright & ~mask).mean() < 0.03, "a box misses its face"
        assert (mask & ~bright).mean() < 0.1, "a box is larger than its face"
    assert seen > 20


def test_a_face_cut_by_the_border_is_unsure(rng: np.random.Generator) -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    face = Faces(np.array([[-60, 0, 40, 100]], np.float32), np.array([0.9], np.float32))
    view = crop_view(image, face, SceneAugmentation(zoom=(1, 1.01), stretch=1), (96, 72), rng)
    assert (view.score < FaceRecipe().sure).all()


def test_overlapping_boxes_of_views_are_fused() -> None:
    a = Faces(np.array([[0, 0, 10, 10]], np.float32), np.array([0.8], np.float32))
    b = Faces(np.array([[1, 0, 11, 10], [50, 50, 60, 60]], np.float32), np.float32([0.4, 0.6]))
    both = fuse([a, b])
    np.testing.assert_allclose(both.score, [0.6, 0.3])
    np.testing.assert_allclose(both.xyxy[0], [1 / 3, 0, 10 + 1 / 3, 10], atol=1e-4)
    assert len(fuse([Faces.empty(), Faces.empty()])) == 0


def test_teachers_read_the_mirror_image_too(photo: np.ndarray) -> None:
    """A teacher that always finds the left edge finds the right one in the mirror image."""
    left = Faces(np.array([[0, 0, 10, 10]], np.float32), np.array([0.8], np.float32))
    seen = opinion(photo, FakeDetector(left))
    assert sorted(seen.xyxy[:, 0].tolist()) == [0, photo.shape[1] - 10]
    np.testing.assert_allclose(seen.score, 0.4)


def test_labels_survive_the_file(photos: tuple[Path, Scenes], tmp_path: Path) -> None:
    folder, _ = photos
    face = Faces(np.array([[4, 4, 20, 20]], np.float32), np.array([0.8], np.float32))
    scenes = label_scenes(folder, [FakeDetector(face)])
    scenes.save(tmp_path / "boxes.npz")
    again = Scenes.load(tmp_path / "boxes.npz")
    assert again.names == scenes.names and again.sha256 == scenes.sha256
    with pytest.raises(DataError, match="found none"):
        label_scenes(tmp_path / "run", [FakeDetector(face)])

"""Light, noise and compression in training, and that each of them does what it is called."""

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="needs the extra: train")

from ferapp.training.camera import Camera, compressed, seen_by_camera  # noqa: E402

NOTHING = Camera(gain=0, curve=0, side=0, distance=0, noise=0, compression=0)


def grey(value: float = 0.5, count: int = 64, side: int = 48) -> torch.Tensor:
    return torch.full((count, 1, side, side), value)


def seen(faces: torch.Tensor, **shares: float) -> torch.Tensor:
    rng = torch.Generator().manual_seed(0)
    return seen_by_camera(faces, replace(NOTHING, **shares), rng)


@pytest.mark.parametrize("side", [16, 24, 32, 48])
def test_faces_keep_their_shape_and_range(side: int) -> None:
    rng = torch.Generator().manual_seed(0)
    faces = torch.rand(16, 1, side, side, generator=rng)
    for _ in range(8):
        out = seen_by_camera(faces, Camera(), rng)
        assert out.shape == faces.shape and float(out.min()) >= 0 and float(out.max()) <= 1
        torch.testing.assert_close((out * 255).round(), out * 255, atol=1e-3, rtol=0)


def test_without_any_change_faces_stay_as_they_are() -> None:
    faces = (torch.rand(8, 1, 48, 48) * 255).round() / 255
    torch.testing.assert_close(seen(faces), faces)


def test_noise_is_stronger_in_light_but_hides_more_in_the_dark() -> None:
    """A room a tenth as bright has a third of the noise, for a tenth of the signal."""
    bright, dark = (
        float(seen(grey(value, 400), noise=1, read_noise=0).std()) for value in (0.5, 0.05)
    )
    assert dark < 0.6 * bright and dark / 0.05 > 2 * bright / 0.5


def test_noise_of_reading_does_not_depend_on_light() -> None:
    bright, dark = (
        float(seen(grey(value, 400), noise=1, shot_noise=0).std()) for value in (0.7, 0.3)
    )
    assert dark == pytest.approx(bright, rel=0.02) and bright > 0.01


def test_rooms_are_darker_and_lighter_within_the_limits() -> None:
    means = seen(grey(0.5, 2000, 8), gain=1).mean(dim=(1, 2, 3)) / 0.5
    assert 0.11 < float(means.min()) < 0.15 and 1.6 < float(means.max()) <= 1.71


def test_light_from_one_side_leaves_the_other_one_darker() -> None:
    out = seen(grey(), side=1)
    corners = out[:, 0, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert float((corners.amax(dim=1) - corners.amin(dim=1)).min()) > 0.1


def test_a_distant_face_loses_its_finest_detail() -> None:
    stripes = torch.arange(48).remainder(2).float().expand(4, 1, 48, 48)
    assert float(seen(stripes, distance=1).std()) < 0.7 * float(stripes.std())


def test_low_quality_loses_more_than_high_quality() -> None:
    faces = torch.rand(8, 1, 48, 48, generator=torch.Generator().manual_seed(0))
    low, high = (float((compressed(faces, q) - faces).abs().mean()) for q in (15, 95))
    assert low > 5 * high > 0


def test_compression_gives_what_a_jpeg_file_gives() -> None:
    """The same picture written as JPEG by Pillow differs by a level or two."""
    import io

    import numpy as np
    from PIL import Image

    rows = np.linspace(40, 200, 48)[:, None] + 30 * np.sin(np.arange(48) / 3)[None]
    pixels = rows.round().astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=30)
    expected = np.asarray(Image.open(file)).astype(float)
    faces = torch.from_numpy(pixels)[None, None].float() / 255
    ours = compressed(faces, 30)[0, 0].numpy() * 255
    assert np.abs(ours - expected).max() < 3 < np.abs(ours - pixels).max()

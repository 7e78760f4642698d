import numpy as np

from ferapp.vision.priors import corners, decode_offsets, priors


def test_rfb_320_has_4420_priors_in_the_published_order() -> None:
    found = priors((320, 240))
    assert found.shape == (4420, 4)
    np.testing.assert_allclose(found[0], [4 / 320, 4 / 240, 10 / 320, 10 / 240], rtol=1e-6)
    np.testing.assert_allclose(found[2], [4 / 320, 4 / 240, 24 / 320, 24 / 240], rtol=1e-6)
    np.testing.assert_allclose(found[3], [12 / 320, 4 / 240, 10 / 320, 10 / 240], rtol=1e-6)
    np.testing.assert_allclose(found[-1], [288 / 320, 224 / 240, 256 / 320, 1], rtol=1e-6)


def test_no_offset_is_the_prior_itself() -> None:
    prior = priors((320, 240))
    np.testing.assert_allclose(
        decode_offsets(np.zeros((4420, 4), np.float32), prior), corners(prior), atol=1e-6
    )


def test_offsets_are_scaled_by_the_ssd_variances() -> None:
    prior = np.array([[0.5, 0.5, 0.2, 0.4]], np.float32)
    moved = decode_offsets(np.array([[1, 0, np.log(2) / 0.2, 0]], np.float32), prior)
    np.testing.assert_allclose(moved, [[0.52 - 0.2, 0.3, 0.52 + 0.2, 0.7]], atol=1e-6)

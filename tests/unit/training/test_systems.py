"""The systems of the laboratory: their features, and from training to a file that the app reads."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="needs the extra: train")
pytest.importorskip("sklearn", reason="needs the extra: lab")

from ferapp.errors import DataError  # noqa: E402
from ferapp.evaluation.laboratory import systems  # noqa: E402
from ferapp.inference.manifest import MODELS_FOLDER, read_manifest  # noqa: E402
from ferapp.inference.registry import open_classifier  # noqa: E402
from ferapp.training.systems import building  # noqa: E402
from ferapp.training.systems.catalogue import SYSTEMS  # noqa: E402
from ferapp.training.systems.descent import Descent  # noqa: E402
from ferapp.training.systems.eigenfaces import EigenfacesMean  # noqa: E402
from ferapp.training.systems.faces import outputs_of, read_system_data  # noqa: E402
from ferapp.training.systems.hog_svm import OrientedGradients  # noqa: E402
from ferapp.training.systems.lbph import (  # noqa: E402
    NearestHistograms,
    PatternHistograms,
    uniform_numbers,
)

SMALL = {
    "eigenfaces-mean": {"components": 4},
    "eigenfaces-svm": {"components": 4},
    "fisherfaces": {"components": 4},
    "lbph": {"clusters": 2},
    "hog-svm": {},
    "knn": {"components": 4, "neighbours": 3},
    "mlp": {"descent": Descent(epochs=8, batch_size=8)},
    "cnn-3": {"descent": Descent(epochs=8, batch_size=8)},
}
"""Configurations that learn from a few faces in seconds."""


@pytest.fixture(scope="module")
def stripes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes that any system can tell apart: bars across, and bars from top to bottom."""
    root, rng = tmp_path_factory.mktemp("stripes"), np.random.default_rng(0)
    bars = np.where(np.arange(48) // 6 % 2, 200, 60)
    across = np.repeat(bars[:, None], 48, axis=1)
    for split, count in (("Train", 24), ("Valid", 6), ("Test", 6)):
        for name, pattern in (("happiness", across), ("surprise", across.T)):
            (root / split / name).mkdir(parents=True)
            for number in range(count):
                noisy = np.clip(pattern + rng.normal(0, 12, (48, 48)), 0, 255).astype(np.uint8)
                Image.fromarray(noisy).save(root / split / name / f"{number}.png")
    return root


def test_every_system_can_be_trained_and_is_described() -> None:
    assert set(SYSTEMS) == set(systems.TRAINED) == set(SMALL)


@pytest.mark.parametrize("name", list(SYSTEMS))
def test_what_was_trained_is_a_classifier_of_the_app(
    name: str, stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(MODELS_FOLDER / "manifest.json", tmp_path)
    before = read_manifest(tmp_path / "manifest.json")
    monkeypatch.setitem(SYSTEMS, name, replace(SYSTEMS[name], **SMALL[name]))
    (row,) = building.build_systems(
        [name], stripes, tmp_path / "runs", tmp_path, trained_on="stripes", report=lambda _: None
    )
    after = read_manifest(tmp_path / "manifest.json")
    assert after.presets == before.presets and after.defaults == before.defaults
    entry = after.model(name, "classifier")
    data = (tmp_path / entry.file).read_bytes()
    assert row.bytes == len(data) == entry.bytes
    assert row.figures.accuracy == 1.0, "stripes are easy"
    assert row.training is not None and row.training.parameters > 0
    classifier = open_classifier(data, entry)
    crops = [
        np.asarray(Image.open(stripes / "Test" / c / "0.png").convert("RGB")) for c in entry.labels
    ]
    shares = classifier.classify(crops * 40)  # more than one batch
    half = crops[0].copy()
    half[:, :24] = 0
    assert np.isfinite(classifier.classify([np.zeros_like(half), half])).all(), "flat parts"
    assert [entry.labels[i] for i in shares[:2].argmax(axis=1)] == list(entry.labels)
    np.testing.assert_allclose(shares[-2:], shares[:2], atol=1e-5)


def test_the_first_seed_ships_whatever_the_others_give(
    stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(MODELS_FOLDER / "manifest.json", tmp_path)
    small = replace(SYSTEMS["mlp"], descent=Descent(epochs=1, batch_size=8))
    monkeypatch.setitem(SYSTEMS, "mlp", small)
    (row,) = building.build_systems(
        ["mlp"],
        stripes,
        tmp_path / "runs",
        tmp_path,
        trained_on="x",
        seeds=2,
        report=lambda _: None,
    )
    assert row.training is not None and row.training.seed == 0
    assert list(row.training.accuracy_by_seed) == ["0", "1"]
    assert row.training.accuracy_by_seed["0"] == pytest.approx(row.figures.accuracy)


def test_a_run_of_another_configuration_is_not_resumed(stripes: Path, tmp_path: Path) -> None:
    data = read_system_data(stripes, tmp_path)
    replace(SYSTEMS["mlp"], descent=Descent(epochs=1, batch_size=8)).fit(data)
    with pytest.raises(DataError, match="another config"):
        replace(SYSTEMS["mlp"], descent=Descent(epochs=2, batch_size=8)).fit(data)


def test_light_makes_no_difference_to_eigenfaces(stripes: Path, tmp_path: Path) -> None:
    data = read_system_data(stripes, tmp_path)
    network = EigenfacesMean(components=4).fit(data)
    dark = replace(data.valid, pixels=(data.valid.pixels // 2))
    np.testing.assert_allclose(
        outputs_of(network, dark), outputs_of(network, data.valid), atol=0.2, rtol=0.05
    )


def test_uniform_patterns_are_those_with_at_most_two_changes() -> None:
    numbers = uniform_numbers()
    assert sorted(set(numbers)) == list(range(59))
    assert numbers[0b00000000] < 58 and numbers[0b00111000] < 58 and numbers[0b10000011] < 58
    assert numbers[0b01010000] == 58


def test_pattern_histograms_are_those_of_the_definition(rng: np.random.Generator) -> None:
    image = rng.integers(0, 255, (14, 14))
    circle = [(-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1)]
    expected, numbers = np.zeros((4, 59)), uniform_numbers()
    for row in range(1, 13):
        for column in range(1, 13):
            code = sum(
                2**bit
                for bit, (down, right) in enumerate(circle)
                if image[row + down, column + right] >= image[row, column]
            )
            expected[(row - 1) // 6 * 2 + (column - 1) // 6, numbers[code]] += 1 / 36
    seen = PatternHistograms(2)(torch.from_numpy(image[None, None].astype(np.float32)))
    np.testing.assert_allclose(seen[0].numpy(), expected, atol=1e-6)


def test_the_nearest_histogram_is_nearest_by_chi_square() -> None:
    stored = torch.tensor([[[0.0, 1.0]], [[0.6, 0.4]], [[1.0, 0.0]]])
    network = NearestHistograms(torch.nn.Identity(), stored, torch.tensor([0, 1, 1]), count=2)
    with torch.no_grad():
        out = network(torch.tensor([[[0.5, 0.5]]])).numpy()
    chi_square = [0.25 / 0.5 + 0.25 / 1.5, 0.01 / 1.1 + 0.01 / 0.9]
    np.testing.assert_allclose(-out[0], chi_square, atol=1e-2)


@pytest.mark.parametrize(
    ("turned", "strongest"),
    [pytest.param(False, 4, id="bars across"), pytest.param(True, 0, id="bars from top to bottom")],
)
def test_gradients_are_counted_by_their_direction(turned: bool, strongest: int) -> None:
    bars = np.repeat(np.where(np.arange(48) // 6 % 2, 1.0, -1.0)[:, None], 48, axis=1)
    image = (bars.T if turned else bars).astype(np.float32)
    features = OrientedGradients(6, 9)(torch.from_numpy(np.ascontiguousarray(image))[None, None])
    assert features.shape == (1, 7 * 7 * 4 * 9)
    by_bin = features.reshape(4, 9, 49).sum(dim=(0, 2))
    assert int(by_bin.argmax()) == strongest
    assert float(by_bin[strongest] / by_bin.sum()) > 0.9


def test_gradients_do_not_depend_on_contrast(rng: np.random.Generator) -> None:
    face = torch.from_numpy(rng.normal(0, 1, (1, 1, 48, 48)).astype(np.float32))
    network = OrientedGradients(6, 9)
    torch.testing.assert_close(network(face * 0.3 + 1), network(face), atol=1e-3, rtol=1e-3)

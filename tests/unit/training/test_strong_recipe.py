"""The stronger recipe: mirror images, faces of other sources, and a network of another width."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra: train")

from ferapp.errors import DataError, InvalidValue  # noqa: E402
from ferapp.training.camera import Camera  # noqa: E402
from ferapp.training.expression_data import OtherData, training_data  # noqa: E402
from ferapp.training.networks import ExpressionNet  # noqa: E402
from ferapp.training.train import (  # noqa: E402
    RECIPES,
    _mirror_gap,
    expression_network,
    train_expressions,
)
from ferapp.vision.preprocess import InputSpec  # noqa: E402
from tests.support.labelled import png  # noqa: E402
from tests.support.training import TINY  # noqa: E402

TINY_STRONG = replace(
    TINY, channels=(8, 8, 8, 8), drop_path=0.1, mirror=1.0, camera=Camera(), unmixed=1
)


def source(folder: Path, *labels: str) -> OtherData:
    """Faces with a table, as those that are not FER+ come."""
    folder.mkdir()
    with (folder / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "label"])
        for index, label in enumerate(labels):
            (folder / f"{index}.png").write_bytes(png(index * 10))
            rows.writerow([f"{index}.png", label])
    return OtherData(folder)


def test_a_strong_run_resumes_and_is_exported(ferplus: Path, tmp_path: Path) -> None:
    """Its network is wider and has learnt a bias for the other source, which is left behind."""
    other = source(tmp_path / "press", *["happy", "fear"] * 4)
    best = train_expressions(ferplus, tmp_path / "run", TINY_STRONG, others=[other])
    again = train_expressions(ferplus, tmp_path / "run", TINY_STRONG, others=[other])
    assert best == again
    state = torch.load(best, weights_only=True)
    assert state["weights"]["source_bias"].abs().sum() > 0
    network = expression_network(state["about"])
    network.load_shipped(state["weights"])
    assert network.eval()(torch.zeros(1, 1, 24, 24)).shape == (1, 8)
    assert network.head.in_features == 8


def test_other_faces_make_another_data_set(ferplus: Path, tmp_path: Path) -> None:
    """A run does not resume with faces that it did not start with."""
    train_expressions(ferplus, tmp_path / "run", TINY_STRONG)
    other = source(tmp_path / "press", "happy", "fear")
    with pytest.raises(DataError, match="another data_sha256"):
        train_expressions(ferplus, tmp_path / "run", TINY_STRONG, others=[other])


def test_other_faces_have_the_columns_of_the_data_set(ferplus: Path, tmp_path: Path) -> None:
    other = source(tmp_path / "press", "fear", "joy", "fear")
    found = training_data(ferplus, [other])
    spec = InputSpec(size_wh=(48, 48), colour="grey", mean=0, std=1)
    faces = found.faces(spec, balance=0.5)
    assert len(faces) == len(found.train) + 3
    assert faces.sources.argmax(dim=1).tolist() == [0] * len(found.train) + [1] * 3
    labels = found.train.labels
    assert [labels[i] for i in faces.targets[-3:].argmax(dim=1)] == ["fear", "happiness", "fear"]
    # Rare classes are drawn more often, but a source as a whole is drawn by its size.
    assert faces.weights[-2] > faces.weights[-1]
    assert float(faces.weights[-3:].sum()) == pytest.approx(3)
    assert "Other source 1: 3 faces" in found.text()


def test_a_class_that_only_the_other_source_has_is_named(ferplus: Path, tmp_path: Path) -> None:
    other = source(tmp_path / "press", "boredom", "fear")
    with pytest.raises(DataError, match=r"boredom \(1 picture\): Train has no such class"):
        training_data(ferplus, [other])
    assert len(training_data(ferplus, [other], may_leave_out=True).others[0]) == 1


def test_each_source_has_its_own_bias() -> None:
    network = ExpressionNet(2, (8, 8, 8, 8), sources=2).eval()
    with torch.no_grad():
        network.source_bias.copy_(torch.tensor([[1.0, -1.0]]))
    faces = torch.zeros(3, 1, 16, 16)
    plain = network(faces)
    shares = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    added = network(faces, shares) - plain
    torch.testing.assert_close(added, torch.tensor([[0.0, 0.0], [1.0, -1.0], [0.5, -0.5]]))


def test_the_gap_is_none_for_equal_answers_and_grows_with_their_difference() -> None:
    a, b, c = (torch.tensor([row]) for row in ([2.0, 0.0], [1.0, 0.0], [0.0, 2.0]))
    assert float(_mirror_gap(torch.cat([a, a]))) == 0
    small, large = (float(_mirror_gap(torch.cat([a, other]))) for other in (b, c))
    assert 0 < small < large


def test_sizes_that_jpeg_has_no_blocks_for_are_refused() -> None:
    with pytest.raises(InvalidValue, match="multiples of 8"):
        replace(RECIPES["strong"], sizes=((20, 1),))

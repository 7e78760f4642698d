"""Training that goes on from a finished classifier."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra: train")

from ferapp.errors import DataError, InvalidValue, UnknownModel  # noqa: E402
from ferapp.inference.manifest import manifest  # noqa: E402
from ferapp.inference.onnx_model import OnnxModel  # noqa: E402
from ferapp.inference.weights import read  # noqa: E402
from ferapp.training import train  # noqa: E402
from ferapp.training.camera import Camera  # noqa: E402
from ferapp.training.expression_data import TrainingFaces, training_data  # noqa: E402
from ferapp.training.networks import expression_network  # noqa: E402
from ferapp.training.starts import Start, read_start  # noqa: E402
from ferapp.training.train import RECIPES, train_expressions  # noqa: E402
from tests.support.training import TINY  # noqa: E402

SHIPPED = "seresnet-48"
TINY_REFINE = replace(RECIPES["refine"], sizes=((24, 2),), batch_size=4, epoch_share=0.5, unmixed=2)


@pytest.fixture(scope="module")
def shipped() -> Start:
    return read_start(SHIPPED)


def faces(count: int = 3, side: int = 48) -> torch.Tensor:
    return torch.randn(count, 1, side, side, generator=torch.Generator().manual_seed(0))


def test_the_shipped_weights_give_the_same_logits_in_training(shipped: Start) -> None:
    """Read from the graph, they are the same function: nothing is lost before the first step."""
    network = replace(RECIPES["refine"], channels=shipped.channels).network(8).eval()
    network.load_state_dict(shipped.weights_for(shipped.labels))
    graph = OnnxModel(read(manifest().model(SHIPPED, "classifier"))[0], threads=1)
    ours = network(faces()).detach().numpy()
    np.testing.assert_allclose(ours, graph.run(faces().numpy())[0], atol=1e-4)


def test_a_checkpoint_gives_the_same_logits_without_its_batch_norms(
    ferplus: Path, tmp_path: Path
) -> None:
    best = train_expressions(ferplus, tmp_path / "run", TINY)
    state = torch.load(best, weights_only=True)
    before = expression_network(state["about"]).eval()
    before.load_shipped(state["weights"])
    start = read_start(str(best))
    after = TINY_REFINE.network(8).eval()
    after.load_state_dict(start.weights_for(start.labels))
    torch.testing.assert_close(after(faces(side=24)), before(faces(side=24)), atol=1e-4, rtol=0)


def test_outputs_are_found_by_their_meaning(shipped: Start) -> None:
    """Somebody's own classes have another order and other names, and some are new."""
    weights = shipped.weights_for(("boredom", "happy", "neutral"))
    place = shipped.labels.index("happiness")
    assert weights["head.weight"].shape[0] == 3 and not weights["head.weight"][0].any()
    assert torch.equal(weights["head.weight"][1], shipped.weights["head.weight"][place])
    assert torch.equal(weights["head.bias"][1], shipped.weights["head.bias"][place])


def test_a_classifier_of_other_classes_is_no_start(shipped: Start) -> None:
    with pytest.raises(DataError, match="none of the classes boredom"):
        shipped.weights_for(("boredom", "fatigue"))


def test_what_cannot_be_trained_on_is_refused() -> None:
    with pytest.raises(DataError, match="int8"):
        read_start("seresnet-48-int8")
    with pytest.raises(UnknownModel):
        read_start("runs/no-such-file.pt")


def test_a_refined_run_resumes_and_is_exported(
    ferplus: Path, tmp_path: Path, shipped: Start
) -> None:
    best = train_expressions(ferplus, tmp_path / "run", TINY_REFINE, start=shipped)
    assert best == train_expressions(ferplus, tmp_path / "run", TINY_REFINE, start=shipped)
    state = torch.load(best, weights_only=True)
    assert state["about"]["start"] == shipped.sha256
    network = expression_network(state["about"]).eval()
    network.load_shipped(state["weights"])
    changed = network(faces())
    network.load_state_dict(shipped.weights_for(shipped.labels))
    assert 0 < float((changed - network(faces())).detach().abs().max()) < 5
    assert read_start(str(best)).channels == shipped.channels


def test_a_recipe_and_a_start_have_to_go_together(
    ferplus: Path, tmp_path: Path, shipped: Start
) -> None:
    for recipe, start in ((TINY, shipped), (TINY_REFINE, None)):
        with pytest.raises(InvalidValue, match="finished classifier"):
            train_expressions(ferplus, tmp_path / "run", recipe, start=start)


def test_answers_of_the_finished_classifier_are_part_of_what_is_learnt(
    ferplus: Path, shipped: Start
) -> None:
    """With all of them kept, votes make no difference; with half of them, they do."""
    network = TINY_REFINE.network(8).eval()
    network.load_state_dict(shipped.weights_for(shipped.labels))
    found = training_data(ferplus).faces(TINY_REFINE.spec(), 0)
    swapped = replace(found, targets=found.targets.flip(1))

    def loss(which: TrainingFaces, keep: float) -> float:
        recipe = replace(TINY_REFINE, keep=keep)
        rng = torch.Generator().manual_seed(0)
        batches = [torch.arange(4)]
        (value,) = train._losses(network, which, batches, recipe, 24, rng, network, mixes=False)
        return float(value.detach())

    assert loss(found, 1.0) == pytest.approx(loss(swapped, 1.0))
    assert loss(found, 0.5) != pytest.approx(loss(swapped, 0.5))


def test_a_checkpoint_is_chosen_in_light_and_noise_too(
    ferplus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the one that is best on clean faces wins, which the first step is."""
    valid = training_data(ferplus).valid
    right = np.eye(len(valid.labels), dtype=np.float32)[valid.classes]

    def shares(*_: object, camera: Camera | None = None) -> np.ndarray:
        return right if camera is None else np.roll(right, 1, axis=1)

    monkeypatch.setattr(train, "probabilities", shares)
    judged = train._judged(TINY_REFINE, {}, valid, 24)
    assert judged["valid_accuracy"] == 1 and judged["valid_score"] == 0.5
    assert train._judged(replace(TINY_REFINE, camera=None), {}, valid, 24)["valid_score"] == 1

"""The training package from end to end on a few generated pictures, in seconds."""

import hashlib
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra: train")

from ferapp.errors import DataError  # noqa: E402
from ferapp.evaluation.labelled_faces import LabelledFaces  # noqa: E402
from ferapp.inference.classifiers import softmax  # noqa: E402
from ferapp.inference.manifest import manifest, read_manifest, write_manifest  # noqa: E402
from ferapp.inference.onnx_model import OnnxModel  # noqa: E402
from ferapp.training.augmentation import FaceAugmentation, augment, mix  # noqa: E402
from ferapp.training.distil import FaceRecipe, assign_targets, loss_of, train_faces  # noqa: E402
from ferapp.training.networks import (  # noqa: E402
    ExpressionNet,
    FaceNet,
    FaceNetOutputs,
)
from ferapp.training.runs import AveragedWeights, Run, average_checkpoints, cosine, is_best  # noqa: E402
from ferapp.training.scenes import SceneAugmentation, crop_view, mosaic_view  # noqa: E402
from ferapp.training.teachers import Scenes, fuse, label_scenes, opinion  # noqa: E402
from ferapp.training.train import ExpressionRecipe, train_expressions  # noqa: E402
from ferapp.types import Faces  # noqa: E402
from ferapp.vision.preprocess import InputSpec  # noqa: E402
from ferapp.vision.priors import corners, priors  # noqa: E402
from tests.support.fakes import FakeDetector  # noqa: E402
from tests.support.labelled import FEAR, HAPPY, png, write_split  # noqa: E402
from tests.support.places import ROOT  # noqa: E402

TINY = ExpressionRecipe(sizes=((16, 1), (24, 1)), batch_size=4, patience=9)
TINY_FACES = FaceRecipe(views=8, batch_size=2, round_views=4, hold_out=3)


@pytest.fixture
def ferplus(tmp_path: Path) -> Path:
    for split in ("Train", "Valid", "Test"):
        write_split(tmp_path / "ferplus", split, [HAPPY, FEAR] * 6)
    return tmp_path / "ferplus"


@pytest.fixture
def photos(tmp_path: Path) -> tuple[Path, Scenes]:
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(6):
        (folder / f"{index}.png").write_bytes(png(index * 40))
    face = Faces(np.array([[8, 8, 30, 32]], np.float32), np.array([0.9], np.float32))
    return folder, Scenes([f"{i}.png" for i in range(6)], [face] * 5 + [Faces.empty()])


class Killed(Exception):
    pass


def killed_after(steps: int):
    def report(done: int, total: int) -> None:
        if done == steps:
            raise Killed

    return report


def test_expressions_from_data_to_manifest(ferplus: Path, tmp_path: Path) -> None:
    """Train, export, calibrate, enter: what `ferapp train` does, and the app then reads."""
    from ferapp.training.export import Origin, default_of, export_expressions, export_into

    steps = []
    best = train_expressions(ferplus, tmp_path / "run", TINY, report=lambda d, t: steps.append(d))
    assert steps == [1, 2, 3, 4, 5, 6]
    assert {"curves.csv", "curves.png", "last.pt", "best.pt"} <= {
        p.name for p in best.parent.iterdir()
    }
    about = torch.load(best, weights_only=True)["about"]
    assert about["labels"] == list(manifest().model(None, "classifier").labels)
    assert about["config"]["sizes"] == [[16, 1], [24, 1]] and len(about["data_sha256"]) == 64

    models = tmp_path / "models"
    models.mkdir()
    write_manifest(manifest(), models / "manifest.json")
    origin = Origin("tiny", "made up")
    variants = export_into(
        models, lambda folder: export_expressions(best, ferplus, folder, origin), is_default=True
    )
    value = read_manifest(models / "manifest.json")
    assert value.defaults.classifier == default_of(*variants).model.name
    assert {p.name for p in models.iterdir()} == {"manifest.json", "tiny.onnx", "tiny-int8.onnx"}
    for name in ("tiny", "tiny-int8"):
        entry = value.find(name)
        assert entry.input.size_wh == (24, 24) and entry.calibration is not None
        assert {m.name for m in entry.metrics} >= {"test_accuracy", "valid_macro_recall"}
        data = (models / entry.file).read_bytes()
        assert hashlib.sha256(data).hexdigest() == entry.sha256
        assert OnnxModel(data, threads=1).output_names == ["logits"]


def test_a_killed_run_goes_on_to_the_same_end(ferplus: Path, tmp_path: Path) -> None:
    train_expressions(ferplus, tmp_path / "whole", TINY)
    with pytest.raises(Killed):
        train_expressions(ferplus, tmp_path / "killed", TINY, report=killed_after(5))
    train_expressions(ferplus, tmp_path / "killed", TINY)
    whole, again = (
        torch.load(tmp_path / name / "last.pt", weights_only=True) for name in ("whole", "killed")
    )
    assert [r["loss"] for r in again["history"]] == [r["loss"] for r in whole["history"]]
    for name, value in whole["weights"].items():
        torch.testing.assert_close(again["weights"][name], value, rtol=0, atol=0)


def test_another_recipe_does_not_go_on_in_the_same_folder(ferplus: Path, tmp_path: Path) -> None:
    train_expressions(ferplus, tmp_path / "run", TINY)
    with pytest.raises(DataError, match="holds a run with another config"):
        train_expressions(ferplus, tmp_path / "run", replace(TINY, learning_rate=0.5))


def test_an_export_that_fails_changes_nothing(tmp_path: Path) -> None:
    from ferapp.training.export import export_into

    write_manifest(manifest(), tmp_path / "manifest.json")

    def fails(folder: Path) -> list:
        (folder / "half.onnx").write_bytes(b"half")
        raise DataError("no data")

    before = (tmp_path / "manifest.json").read_bytes()
    with pytest.raises(DataError):
        export_into(tmp_path, fails, is_default=True)
    assert [p.name for p in tmp_path.iterdir()] == ["manifest.json"]
    assert (tmp_path / "manifest.json").read_bytes() == before


def test_the_temperature_makes_confidences_true(rng: np.random.Generator) -> None:
    """Logits three times too large: the temperature has to find the three."""
    from ferapp.training.export import calibrate

    true = rng.normal(0, 1.5, (4000, 4)).astype(np.float32)
    classes = np.array([rng.choice(4, p=p) for p in softmax(true)])
    faces = LabelledFaces([], np.eye(4, dtype=np.float32)[classes], ("a", "b", "c", "d"), "")
    calibration = calibrate(true * 3, faces, adjustment=0)
    assert calibration.temperature == pytest.approx(3, rel=0.05)
    assert calibration.bias == () and calibration.fitted_on == "Valid, n = 4000"


def test_the_adjustment_raises_rare_classes() -> None:
    from ferapp.training.export import calibrate

    classes = np.array([0] * 90 + [1] * 10)
    faces = LabelledFaces([], np.eye(2, dtype=np.float32)[classes], ("often", "rare"), "")
    often, rare = calibrate(np.zeros((100, 2), np.float32), faces, adjustment=0.5).bias
    assert rare - often == pytest.approx(0.5 * np.log(91 / 11), abs=1e-3)


@pytest.mark.parametrize(
    ("small_score", "small_ms", "wins"),
    [
        pytest.param(89.8, 1.0, True, id="faster, within 0.3 points"),
        pytest.param(89.6, 1.0, False, id="faster, but too much lost"),
        pytest.param(91.0, 3.0, False, id="better, but slower"),
    ],
)
def test_int8_is_the_default_only_where_it_pays(
    small_score: float, small_ms: float, wins: bool
) -> None:
    from ferapp.training.export import Variant, default_of

    model = manifest().models[0]
    plain, small = Variant(model, 90.0, 2.0), Variant(model, small_score, small_ms)
    assert default_of(plain, small) is (small if wins else plain)


def test_weights_stored_as_half_answer_alike(tmp_path: Path) -> None:
    from ferapp.training.graphs import store_as_half, to_onnx

    spec = InputSpec(size_wh=(24, 24), colour="grey", mean=0, std=1)
    path = tmp_path / "e.onnx"
    to_onnx(ExpressionNet(3).eval(), spec, path, ["logits"], any_batch=True)
    faces = np.random.default_rng(0).normal(size=(2, 1, 24, 24)).astype(np.float32)
    before, size = OnnxModel(path.read_bytes(), threads=1).run(faces)[0], path.stat().st_size
    store_as_half(path)
    after = OnnxModel(path.read_bytes(), threads=1).run(faces)[0]
    assert path.stat().st_size < 0.52 * size
    np.testing.assert_allclose(after, before, atol=5e-3)
    assert not np.array_equal(after, before)


@pytest.mark.parametrize("views", [1, 10, 47])
def test_any_number_of_views(photos: tuple[Path, Scenes], tmp_path: Path, views: int) -> None:
    recipe = replace(TINY_FACES, views=views, batch_size=8, round_views=40)
    folder, scenes = photos
    steps = []
    train_faces(
        folder, tmp_path / "run", recipe, scenes=scenes, report=lambda d, t: steps.append((d, t))
    )
    assert steps[-1][0] == steps[-1][1] >= views / 8


def test_held_out_photos_without_a_face_are_told(
    photos: tuple[Path, Scenes], tmp_path: Path
) -> None:
    folder, scenes = photos
    empty = Scenes(scenes.names, [Faces.empty()] * 6)
    with pytest.raises(DataError, match="None of the 2 held-out photos"):
        train_faces(folder, tmp_path / "run", TINY_FACES, scenes=empty)


def test_another_folder_per_class_in_valid_is_told(tmp_path: Path) -> None:
    for split, names in (("Train", ("joy", "fear")), ("Valid", ("happy", "fear"))):
        for name in names:
            (tmp_path / split / name).mkdir(parents=True)
            (tmp_path / split / name / "1.png").write_bytes(png(5))
    with pytest.raises(DataError, match=r"Unknown classes \['joy'\]"):
        train_expressions(tmp_path, tmp_path / "run", TINY)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        pytest.param([0.0], True, id="the first, whatever it is"),
        pytest.param([float("nan"), 0.0], True, id="better than nothing"),
        pytest.param([0.5, 0.5], False, id="no better"),
        pytest.param([0.5, float("nan")], False, id="NaN"),
    ],
)
def test_is_best(scores: list[float], expected: bool) -> None:
    assert is_best([{"score": s} for s in scores], "score") is expected


def test_fewer_classes(ferplus: Path, tmp_path: Path) -> None:
    recipe = replace(TINY, classes=("happiness", "fear"))
    state = torch.load(train_expressions(ferplus, tmp_path / "run", recipe), weights_only=True)
    assert state["about"]["labels"] == ["happiness", "fear"]
    assert state["weights"]["head.weight"].shape[0] == 2


def test_faces_from_photos_to_graph(photos: tuple[Path, Scenes], tmp_path: Path) -> None:
    from ferapp.training.export import Origin, export_faces

    folder, scenes = photos
    best = train_faces(folder, tmp_path / "run", TINY_FACES, scenes=scenes)
    assert torch.load(best, weights_only=True)["about"]["kind"] == "faces"
    variants = export_faces(best, folder, scenes, tmp_path, Origin("tiny", "made up"))
    for variant in variants:
        path = tmp_path / variant.model.file
        scores, boxes = OnnxModel(path.read_bytes(), threads=1).run(
            np.zeros((1, 3, 240, 320), np.float32)
        )
        assert scores.shape == (1, 4420, 2) and boxes.shape == (1, 4420, 4)
        np.testing.assert_allclose(scores.sum(axis=2), 1, atol=0.02)


def test_a_run_can_start_from_another_ones_weights(
    photos: tuple[Path, Scenes], tmp_path: Path
) -> None:
    folder, scenes = photos
    first = train_faces(folder, tmp_path / "first", TINY_FACES, scenes=scenes)
    still = replace(TINY_FACES, learning_rate=0.0)
    second = train_faces(folder, tmp_path / "second", still, scenes=scenes, start=first)
    name = "heads.0.weight"
    before, after = (torch.load(p, weights_only=True)["weights"][name] for p in (first, second))
    torch.testing.assert_close(after, before)


def test_the_mean_of_two_checkpoints(tmp_path: Path) -> None:
    about = {"kind": "faces", "labels": ["background", "face"]}
    for name, value in (("a", 1.0), ("b", 3.0)):
        weights = {"w": torch.full((2,), value), "steps": torch.tensor(int(value))}
        torch.save({"about": about, "weights": weights}, tmp_path / f"{name}.pt")
    average_checkpoints(tmp_path / "a.pt", tmp_path / "b.pt", tmp_path / "new" / "mean.pt")
    state = torch.load(tmp_path / "new" / "mean.pt", weights_only=True)
    assert state["weights"]["w"].tolist() == [2, 2] and int(state["weights"]["steps"]) == 3
    assert state["about"]["averaged_with"] == about

    torch.save({"about": {**about, "kind": "expressions"}, "weights": {}}, tmp_path / "c.pt")
    with pytest.raises(DataError, match="different kinds"):
        average_checkpoints(tmp_path / "a.pt", tmp_path / "c.pt", tmp_path / "no.pt")


def test_a_killed_face_run_goes_on(photos: tuple[Path, Scenes], tmp_path: Path) -> None:
    folder, scenes = photos
    with pytest.raises(Killed):
        train_faces(folder, tmp_path / "run", TINY_FACES, scenes=scenes, report=killed_after(3))
    steps = []
    train_faces(
        folder, tmp_path / "run", TINY_FACES, scenes=scenes, report=lambda d, t: steps.append(d)
    )
    assert steps == [3, 4]


def test_a_graph_that_answers_otherwise_is_refused(tmp_path: Path) -> None:
    """The parity check has to see a graph that computes something else than the network."""
    from ferapp.training.graphs import ParityError, to_onnx

    class Drifts(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean(dim=(1, 2, 3)) + (0.0 if torch.compiler.is_exporting() else 1.0)

    spec = InputSpec(size_wh=(8, 8), colour="grey", mean=0, std=1)
    with pytest.raises(ParityError, match="logits differs by 1"):
        to_onnx(Drifts().eval(), spec, tmp_path / "x.onnx", ["logits"], any_batch=False)


@pytest.mark.parametrize("size", [32, 48, 56])
def test_the_classifier_takes_any_size(size: int) -> None:
    assert ExpressionNet(8).eval()(torch.zeros(2, 1, size, size)).shape == (2, 8)


def test_the_command_trains_and_says_where_the_checkpoint_is(ferplus: Path, tmp_path: Path) -> None:
    """Through the restart with another allocator, which no other test takes."""
    command = [sys.executable, "-m", "ferapp", "train", "expressions", "--sizes", "16:1"]
    options = ["--data", str(ferplus), "--out", str(tmp_path / "run"), "--threads", "1"]
    run = subprocess.run([*command, *options], capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0, run.stderr
    assert "best checkpoint" in run.stdout and (tmp_path / "run" / "best.pt").is_file()


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


def test_views_that_agree_are_fused() -> None:
    a = Faces(np.array([[0, 0, 10, 10]], np.float32), np.array([0.8], np.float32))
    b = Faces(np.array([[1, 0, 11, 10], [50, 50, 60, 60]], np.float32), np.float32([0.4, 0.6]))
    both = fuse([a, b])
    np.testing.assert_allclose(both.score, [0.6, 0.3])
    np.testing.assert_allclose(both.xyxy[0], [1 / 3, 0, 10 + 1 / 3, 10], atol=1e-4)
    assert len(fuse([Faces.empty(), Faces.empty()])) == 0


def test_teachers_look_at_the_mirror_image_too(photo: np.ndarray) -> None:
    """A teacher that always says the left edge: its second opinion is the right one."""
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


def test_averaged_weights_follow_and_forget() -> None:
    network = torch.nn.Linear(1, 1)
    average = AveragedWeights(network, 0.9)
    with torch.no_grad():
        network.weight.fill_(5)
        for _ in range(200):
            average.update(network)
    assert float(average.state["weight"]) == pytest.approx(5, abs=1e-3)


@pytest.mark.parametrize(
    ("step", "expected"), [(0, 0.1), (9, 1.0), (10, 1.0), (55, 0.5), (100, 0.0)]
)
def test_cosine(step: int, expected: float) -> None:
    assert cosine(step, total=100, warmup=10) == pytest.approx(expected, abs=1e-9)


def test_a_kill_while_saving_leaves_a_checkpoint(tmp_path: Path) -> None:
    run = Run(tmp_path, {"config": 1})
    run.save({"epoch": 1}, is_best=True)
    with pytest.raises(Exception, match="pickle"):
        run.save({"epoch": lambda: 2}, is_best=True)
    state = Run(tmp_path, {"config": 1}).resume()
    assert state is not None and state["epoch"] == 1


def test_exporters_warnings_stay_inside(tmp_path: Path) -> None:
    from ferapp.training.graphs import to_onnx

    spec = InputSpec(size_wh=(24, 24), colour="grey", mean=0, std=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        to_onnx(ExpressionNet(3).eval(), spec, tmp_path / "e.onnx", ["logits"], any_batch=True)
    session = OnnxModel((tmp_path / "e.onnx").read_bytes(), threads=1)
    for count in (1, 2, 7):
        assert session.run(np.zeros((count, 1, 24, 24), np.float32))[0].shape == (count, 3)

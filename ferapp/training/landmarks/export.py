"""Exports checkpoints of the landmark network to files with manifest entries."""

from pathlib import Path
from typing import Final

import torch

from ferapp.evaluation.landmarked_faces import load_landmarked
from ferapp.evaluation.landmarks import evaluate_landmarks
from ferapp.inference.entry_parts import Metric
from ferapp.inference.landmarks.finder import LandmarkFinder
from ferapp.inference.onnx_model import OnnxModel
from ferapp.training.export import INT8_EXAMPLES, Origin, Variant, manifest_entry, median_ms
from ferapp.training.graphs import store_as_half, to_int8, to_onnx
from ferapp.training.landmarks.train import landmark_network
from ferapp.training.landmarks.views import StoredFaces, ViewRecipe, views_of

LANDMARK_RULE: Final = (
    "68 points, error over the distance of the outer eye corners; given boxes; failures above 10 %"
)


def export_landmarks(checkpoint: Path, data: Path, out: Path, origin: Origin) -> list[Variant]:
    """Export the checkpoint of a landmark network as fp32 and int8.

    Args:
        checkpoint: From `ferapp.training.landmarks.train.train_landmarks`.
        data: The data of its training: some faces give the int8 ranges, others the figures.
        out: Folder for the files.
        origin: Its origin, for the manifest.

    Returns:
        fp32, then int8.
    """
    state = torch.load(checkpoint, weights_only=True)
    about = state["about"]
    view = about["config"]["view"]
    recipe = ViewRecipe(side=view["side"], padding=view["padding"])
    plain, small = out / f"{origin.name}.onnx", out / f"{origin.name}-int8.onnx"
    network = landmark_network(state["weights"])
    to_onnx(network, recipe.spec, plain, ["points", "log_error", "peaks"], any_batch=True)
    rng = torch.Generator().manual_seed(0)
    faces = StoredFaces.of(load_landmarked(data, "train"))
    indices = torch.randperm(len(faces), generator=rng)[:INT8_EXAMPLES]
    pixels, _, _ = views_of(faces, indices, recipe, rng)
    to_int8(plain, small, ((pixels * 255 - recipe.spec.mean) / recipe.spec.std).numpy())
    for path in (plain, small):
        store_as_half(path)
    valid, test = load_landmarked(data, "valid"), load_landmarked(data, "test")
    variants = []
    for path in (plain, small):
        session = OnnxModel(path.read_bytes(), threads=1)
        finder = LandmarkFinder(session, recipe.spec, padding=recipe.padding)
        figures = evaluate_landmarks(test, finder)
        model = manifest_entry(
            path,
            recipe.spec,
            about,
            origin,
            kind="landmarks",
            family="places",
            padding=recipe.padding,
            labels=tuple(about["labels"]),
            metrics=[
                Metric(
                    name=f"test_{name}",
                    value=round(figures[name], 4),
                    n=figures["n"],
                    rule=LANDMARK_RULE,
                    data=f"{data.name}, people of whom no frame was used in training",
                )
                for name in ("nme", "failure_rate")
            ],
        )
        score = 100 * (1 - evaluate_landmarks(valid, finder)["nme"])
        variants.append(Variant(model, score, median_ms(session, recipe.spec)))
    return variants

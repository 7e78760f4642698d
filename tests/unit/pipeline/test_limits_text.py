"""The limits that pages and reports name have the figures of the model card."""

import re

from ferapp.inference.manifest import manifest
from ferapp.pipeline.limits import limits_text
from tests.support.places import ROOT


def test_figures_from_elsewhere_are_those_of_the_model_card() -> None:
    card = (ROOT / "models" / "README.md").read_text(encoding="utf-8")
    model = manifest().model(None, "classifier")
    outside = [metric for metric in model.metrics if metric.name == "outside_accuracy"]
    assert outside
    for metric in outside:
        assert re.search(rf"\| {metric.n:,} \(\d+\) \| {metric.value:.3f} ", card)
        assert f"{100 * metric.value:.0f} % of {metric.n:,} {metric.data}" in limits_text()

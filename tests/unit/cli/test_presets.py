"""What ``--preset`` stands for."""

import pytest
import typer

from ferapp.cli.options import chosen_detector
from ferapp.inference.manifest import manifest
from tests.support.cli import ferapp
from tests.support.places import SAMPLES


@pytest.mark.parametrize("preset", ["quick", "careful", "crowd"])
def test_a_preset_is_a_detector(preset: str) -> None:
    assert chosen_detector(preset, None) == manifest().presets[preset]


def test_without_a_preset_the_detector_counts() -> None:
    assert chosen_detector(None, "haar") == "haar" and chosen_detector(None, None) is None


@pytest.mark.parametrize(("preset", "detector"), [("careful", "haar"), ("thorough", None)])
def test_two_choices_and_an_unknown_preset_are_refused(preset: str, detector: str | None) -> None:
    with pytest.raises(typer.BadParameter, match=r"not both|expected quick, careful, crowd"):
        chosen_detector(preset, detector)


def test_analyze_with_a_preset_names_its_usage() -> None:
    run = ferapp("analyze", "--preset", "thorough", SAMPLES / "astronaut.jpg")
    assert run.returncode == 2 and "quick, careful, crowd" in run.stderr

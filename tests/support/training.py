"""Recipes of training runs that take seconds."""

import pytest

torch = pytest.importorskip("torch", reason="needs the extra: train")

from ferapp.training.distil import FaceRecipe  # noqa: E402
from ferapp.training.train import ExpressionRecipe  # noqa: E402

TINY = ExpressionRecipe(sizes=((16, 1), (24, 1)), batch_size=4, patience=9)
TINY_FACES = FaceRecipe(views=8, batch_size=2, round_views=4, hold_out=3)

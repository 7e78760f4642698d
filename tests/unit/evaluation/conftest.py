"""Fixtures for added models, as in the tests of inference."""

from tests.unit.inference.conftest import models_dir

__all__ = ["models_dir"]

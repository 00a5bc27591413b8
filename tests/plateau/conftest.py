"""The prepared project of the tests of training, with real clips and the tiny base."""

from tests.training.conftest import prepared, project, trained

__all__ = ["prepared", "project", "trained"]

"""The projects of other rooms: clips that were prepared for real, and one that fake children ran through."""

from tests.pipeline.conftest import _finished_once, finished
from tests.pipeline.conftest import project as declared
from tests.training.conftest import prepared, project, trained

__all__ = ["_finished_once", "declared", "finished", "prepared", "project", "trained"]

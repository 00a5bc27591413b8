"""What ships was trained by the pipeline: its projects serve here, too."""

from tests.pipeline.conftest import _finished_once, finished, project

__all__ = ["_finished_once", "finished", "project"]

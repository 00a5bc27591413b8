"""The projects of other rooms: clips that were prepared for real, and one that fake children ran through."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline.conftest import _finished_once, finished
from tests.pipeline.conftest import project as declared
from tests.training.conftest import prepared, project, trained
from tests.trials.postgres import running_postgresql
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.trials.storage import storage_url

__all__ = ["_finished_once", "declared", "finished", "prepared", "project", "trained"]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a real PostgreSQL."""
    with running_postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of either kind of database, as SQLAlchemy wants it."""
    url = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    return storage_url(RunFolder(tmp_path), url)

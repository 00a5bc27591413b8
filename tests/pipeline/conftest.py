"""Projects for the tests of the pipeline: fresh, and one that was run through."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.pipeline.project import Project, make_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A right declaration of which nothing was run."""
    return make_project(tmp_path)


@pytest.fixture(scope="session")
def _finished_once(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = make_project(tmp_path_factory.mktemp("finished") / "project")
    project.run()
    return project


@pytest.fixture
def finished(_finished_once: Project) -> Project:
    """A project that was run through; every test gets it as it was, in the same place."""
    folder = _finished_once.folder
    whole = folder.with_name("whole")
    if not whole.is_dir():
        shutil.copytree(folder, whole)
    shutil.rmtree(folder)
    # copytree keeps the times of change, which the data's fingerprint is made of.
    shutil.copytree(whole, folder)
    return _finished_once

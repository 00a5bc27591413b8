"""The project that the trials work on: the tiny base and made-up clips, its clips prepared and its base evaluated."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.soak_kills import run_to_the_end
from benchmarks.soak_project import PHASE, make_project
from tests.voices import make_clips
from xtts_finetune.xtts.base import BaseFiles


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory, tiny_base: BaseFiles) -> Path:
    """A project whose phase is to come; copy it, do not train in it."""
    folder = tmp_path_factory.mktemp("ready")
    make_clips(folder / "voice", 10)
    pipeline = (
        f"name: soak\nbase: '{tiny_base.folder.as_posix()}'\nlanguage: en\nvocoder: preview\nphases: [{PHASE}]\n"
        f"datasets: [{{name: voice, path: '{(folder / 'voice').as_posix()}', format: ljspeech}}]\n"
        "eval_set: {fraction: 0.2, at_least: 2}\n"
    )
    return make_project(folder / "project", pipeline)


@pytest.fixture(scope="session")
def untouched(ready: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same project after a run that nobody disturbed, on one thread: sums depend on how many there are."""
    folder = Path(shutil.copytree(ready, tmp_path_factory.mktemp("untouched") / "project"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        run_to_the_end(folder)
    return folder

"""The project that the trials work on: the tiny base and made-up clips, its clips prepared and its base evaluated."""

from __future__ import annotations

from pathlib import Path

import pytest

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

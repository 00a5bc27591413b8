"""The project that the trials work on: the tiny base and made-up clips, its clips prepared and its base evaluated."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from testbed.killing import PHASE, make_project, run_to_the_end
from tests.voices import make_clips
from xtts_finetune.xtts.base import BaseFiles

# Shorter than the soak's own: each of its saves is 100 MB, most of it a HiFi-GAN that is not trained.
SHORT_PHASE = """
learning_rate: 3.0e-4
schedule: {kind: cosine, warmup_steps: 4}
batch_size: 2
steps: 16
eval_every_steps: 8
checkpoint_every: {steps: 6, minutes: 0.05}
keep: {checkpoints: 2}
"""
# The phase is no candidate: nothing is spoken after it, which would take a second child at each end of a run.
MATRIX = "candidates: [base]\nrows: [{ship: base, verdict: not trained}]\n"


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory, tiny_base: BaseFiles) -> Path:
    """A project whose phase is to come; copy it, do not train in it."""
    folder = tmp_path_factory.mktemp("ready")
    make_clips(folder / "voice", 10)
    pipeline = (
        f"name: soak\nbase: '{tiny_base.folder.as_posix()}'\nlanguage: en\nvocoder: preview\nphases: [{PHASE}]\n"
        f"datasets: [{{name: voice, path: '{(folder / 'voice').as_posix()}', format: ljspeech}}]\n"
        "eval_set: {fraction: 0.2, at_least: 2}\ncheck_texts: off\n"
    )
    project = make_project(folder / "project", pipeline, SHORT_PHASE)
    (project / "eval" / "decision_matrix.yaml").write_text(MATRIX, encoding="utf-8")
    return project


@pytest.fixture(scope="session")
def untouched(ready: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same project after a run that nobody disturbed, on one thread: sums depend on how many there are."""
    folder = Path(shutil.copytree(ready, tmp_path_factory.mktemp("untouched") / "project"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        run_to_the_end(folder)
    return folder

"""A small project: the tiny base, ten made-up clips, two phases; its data is prepared once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.voices import make_clips
from xtts_finetune.records.job import Job
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.declaration import Declaration, load_declaration
from xtts_finetune.xtts.base import BaseFiles

if TYPE_CHECKING:
    from xtts_finetune.training.phase_trainer import PhaseTrainer

PHASE1 = """
learning_rate: 1.0e-3
steps: 6
eval_every_steps: 2
checkpoint_every: {steps: 3}
batch_size: 2
precision: fp32
success: {minimum: {mel_ce_of_start: 0.99}, target: {mel_ce_of_start: 0.001}}
"""
PHASE2 = """
resume_from: {phase: phase1, checkpoint: step 3, optimizer: keep}
learning_rate: 1.0e-4
schedule: {kind: cosine, warmup_steps: 1}
steps: 4
eval_every_steps: 2
batch_size: 2
accumulate: 2
precision: fp32
"""


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, tiny_base: BaseFiles) -> Path:
    """A project folder with prepared clips and nothing trained; copy it, do not train in it."""
    from xtts_finetune.data.prepare import prepare
    from xtts_finetune.xtts.encoder import AudioEncoder
    from xtts_finetune.xtts.tokenizer import Tokenizer

    folder = tmp_path_factory.mktemp("prepared")
    make_clips(folder / "voice", 10)
    shutil.copytree(tiny_base.folder, folder / "base")
    (folder / "phases").mkdir()
    (folder / "eval").mkdir()
    files = {
        "pipeline.yaml": "name: t\nbase: ./base\nlanguage: en\nvocoder: preview\nphases: [phase1, phase2]\n"
        "datasets: [{name: voice, path: voice, format: ljspeech}]\neval_set: {fraction: 0.2, at_least: 2}\n"
        "check_texts: off\n",
        "phases/phase1.yaml": PHASE1,
        "phases/phase2.yaml": PHASE2,
        "eval/utterances.yaml": "sentences: [{id: hello, text: Hello.}]\n",
        "eval/decision_matrix.yaml": "rows: [{mel_ce: {below: 9}, ship: phase2, verdict: improved}]\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    declaration = load_declaration(folder / "pipeline.yaml")
    base = BaseFiles(folder / "base")
    prepare(
        declaration,
        Tokenizer(base.vocab),
        AudioEncoder(base),
        RunFolder(declaration.run_folder),
        lambda *_: None,
    )
    return folder


@pytest.fixture
def project(prepared: Path, tmp_path: Path) -> Path:
    """A copy of the prepared project to train in."""
    return Path(shutil.copytree(prepared, tmp_path / "project"))


@pytest.fixture(scope="session")
def trained(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with both phases trained; read it, do not write to it."""
    folder = Path(shutil.copytree(prepared, tmp_path_factory.mktemp("trained") / "project"))
    for phase in ("phase1", "phase2"):
        train(folder, phase)
    return folder


def declaration_of(project: Path, *overrides: str) -> Declaration:
    return load_declaration(project / "pipeline.yaml", overrides)


def run_of(project: Path) -> RunFolder:
    return RunFolder(project / "run" / "t")


def job_of(project: Path, phase: str) -> Job:
    """What a child that trains the phase here is told."""
    run = run_of(project)
    return Job(
        declaration_file=project / "pipeline.yaml",
        overrides=(),
        run_folder=run.root,
        data_folder=run.data_root,
        device="cpu",
        events=run.job_events(phase),
        fingerprint="f",
        phase=phase,
        started="2026-01-01T00:00:00+00:00",
    )


def train(
    project: Path,
    phase: str,
    *overrides: str,
    stop_at: int | None = None,
    speech: Any = None,
    continued_at: int = 0,
) -> Stop:
    """Train a phase in this process and return why it stopped; with `stop_at`, interrupt it at that step."""
    from xtts_finetune.training.child import train_phase

    metrics = run_of(project).candidate(phase).metrics

    def interrupted() -> bool:
        steps = read_metrics(metrics).steps
        return stop_at is not None and bool(steps) and steps[-1].step >= stop_at

    job = replace(job_of(project, phase), continued_at=continued_at)
    stop = train_phase(declaration_of(project, *overrides), job, interrupted, speech)
    assert stop.reason.status != "failed" or stop.reason is Reason.BAD_START, stop.message
    return stop


def open_trainer(project: Path, phase: str, say: Callable[[str], None]) -> PhaseTrainer:
    """The trainer of a phase where it was left, before its next step."""
    from xtts_finetune.spec.sources import kept_steps
    from xtts_finetune.training.phase_data import PhaseData, PhaseJob
    from xtts_finetune.training.starting import start
    from xtts_finetune.xtts.base import find_base

    declaration, run = declaration_of(project), run_of(project)
    spec = declaration.phases[phase]
    data = PhaseData(run, find_base(declaration.pipeline.base), spec, declaration.pipeline.datasets)
    folder, needed = run.candidate(phase), kept_steps(declaration, phase)
    job = PhaseJob(folder, spec, data, data.planned.steps, needed)
    return start(declaration, run, job, say)

"""Candidates made of others: evaluated as any other, and a folder that stock tools load."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from TTS.tts.configs.xtts_config import XttsConfig
from TTS.tts.models.xtts import Xtts

from tests.training.conftest import declaration_of, run_of
from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.candidates import candidate_names, made_candidates, parts_of
from xtts_finetune.records.candidates.closing import read_model_info
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.training.untrained import evaluate_base, make_candidate
from xtts_finetune.xtts.base import find_base

MATRIX = """
candidates:
  - phase2
  - {name: mean, average: [phase1, phase2]}
  - {name: early, phase: phase1, checkpoint: step 3}
  - {name: same, average: [base, base]}
  - {name: late, phase: phase2, checkpoint: last}
  - {name: lost, phase: phase1, checkpoint: step 5}
  - {name: mine, checkpoint: ../mine.pth}
rows: [{mel_ce: {below: 9}, ship: phase2, verdict: improved}]
"""


@pytest.fixture(scope="module")
def project(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(shutil.copytree(trained, tmp_path_factory.mktemp("made") / "project"))
    shutil.copyfile(run_of(folder).candidate("phase1").best_model, folder / "mine.pth")
    (folder / "eval" / "decision_matrix.yaml").write_text(MATRIX, encoding="utf-8")
    return folder


def make(project: Path, name: str) -> None:
    declaration, run = declaration_of(project), run_of(project)
    base = find_base(declaration.pipeline.base).model
    parts = parts_of(made_candidates(declaration)[name], base, run)
    make_candidate(declaration, run, name, [(part.file, part.weight) for part in parts], "cpu", "print")


def mel_ce(project: Path, name: str) -> float:
    best = read_metrics(run_of(project).candidate(name).metrics).best
    assert best is not None
    return best.mel_ce


def test_the_declaration_says_which_candidates_there_are(project: Path) -> None:
    names = ("base", "phase2", "mean", "early", "same", "late", "lost", "mine")
    assert candidate_names(declaration_of(project)) == names


def test_an_average_lies_between_its_parts_and_stock_xtts_loads_it(project: Path) -> None:
    make(project, "mean")
    folder = run_of(project).candidate("mean")
    config = XttsConfig()
    config.load_json(str(folder.config))
    model = Xtts(config)
    paths = {"checkpoint_path": str(folder.best_model), "vocab_path": str(folder.vocab)}
    model.load_checkpoint(config, **paths, strict=True, eval=False)
    parts = [
        torch.load(run_of(project).candidate(name).best_model, weights_only=True)["model"]
        for name in ("phase1", "phase2")
    ]
    expected = sum(part["xtts.gpt.mel_head.weight"].double() for part in parts) / 2
    torch.testing.assert_close(model.gpt.mel_head.weight.double(), expected, rtol=0, atol=1e-7)
    info = read_model_info(folder)
    assert info is not None and info["status"] == "done" and info["fingerprint"] == "print"
    assert [Path(part["file"]).parent.name for part in info["made_of"]] == ["phase1", "phase2"]
    assert info["best"]["mel_ce"] == mel_ce(project, "mean")


def test_the_base_averaged_with_itself_is_evaluated_as_the_base(project: Path) -> None:
    evaluate_base(declaration_of(project), run_of(project), "cpu")
    make(project, "same")
    assert mel_ce(project, "same") == mel_ce(project, "base")


def test_a_named_checkpoint_is_evaluated_as_its_weights_are(project: Path) -> None:
    for name in ("late", "mine"):
        make(project, name)
    evals = {record.step: record.mel_ce for record in read_metrics(run_of(project).candidate("phase2").metrics).evals}
    assert mel_ce(project, "late") == pytest.approx(evals[max(evals)], abs=1e-6)
    assert mel_ce(project, "mine") == pytest.approx(mel_ce(project, "phase1"), abs=1e-6)


def test_the_checkpoint_of_a_candidate_is_kept_like_that_of_a_phase(project: Path) -> None:
    from xtts_finetune.spec.sources import kept_steps

    steps = [(kept.step, kept.with_optimizer) for kept in kept_steps(declaration_of(project), "phase1")]
    assert steps == [(3, True), (5, False)]


def test_a_checkpoint_that_was_not_kept_is_named_with_those_that_are(project: Path) -> None:
    with pytest.raises(UserError, match=r"lost: phase1 has no checkpoint of step 5; it has of steps: 3, 6\."):
        make(project, "lost")


def test_a_kill_while_it_is_made_leaves_no_closing_record(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(project, "early")
    folder = run_of(project).candidate("early")
    before = json.loads(folder.model_info.read_text(encoding="utf-8"))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("xtts_finetune.training.untrained.save_model", killed)
    with pytest.raises(KeyboardInterrupt):
        make(project, "early")
    assert before["status"] == "done" and not folder.model_info.exists()

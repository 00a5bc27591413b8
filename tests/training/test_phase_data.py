"""The batches of a phase from prepared clips: whole, in bounds, and the same whatever was asked before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.training.conftest import declaration_of, job_of, run_of
from xtts_finetune.data.batching import loader
from xtts_finetune.data.batching.index import ClipIndex
from xtts_finetune.errors import UserError
from xtts_finetune.records.job import RanWith
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.training.phase_data import EvalData, PhaseData
from xtts_finetune.training.recorder import evaluate
from xtts_finetune.xtts.base import BaseFiles


def opened(project: Path, **declared: object) -> PhaseData:
    phase = PhaseSpec.model_validate({"learning_rate": 1e-6, "epochs": 2, **declared})
    return PhaseData(run_of(project), BaseFiles(project / "base"), phase, declaration_of(project).pipeline.datasets)


def test_an_evaluation_is_the_same_whatever_its_batches_are(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from xtts_finetune.xtts.model import load_model

    gpt = load_model(BaseFiles(prepared / "base")).gpt
    data = EvalData(run_of(prepared))
    together = evaluate(gpt, data.batches(), 0)
    assert evaluate(gpt, data.batches(), 0).mel_ce == together.mel_ce
    assert [batch.clips for batch in data.batches()] == [2]
    monkeypatch.setattr(loader, "EVAL_CLIPS", 1)
    assert [batch.clips for batch in data.batches()] == [1, 1]
    alone = evaluate(gpt, data.batches(), 0)
    assert (alone.mel_tokens, alone.text_tokens) == (together.mel_tokens, together.text_tokens)
    for name in ("mel_ce", "text_ce", "stop_ce"):
        assert getattr(alone, name) == pytest.approx(getattr(together, name), rel=1e-5)


def test_batches_of_an_evaluation_keep_within_their_bounds(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_of(prepared)
    clips, cache = ClipIndex.read(run.clips, "train"), EvalData(run)._cache
    monkeypatch.setattr(loader, "collate_eval", lambda items: items)  # these clips are not of the eval set
    for tokens, most in ((1536, 8), (1536, 3), (300, 8), (1, 8)):
        monkeypatch.setattr(loader, "EVAL_TOKENS", tokens)
        monkeypatch.setattr(loader, "EVAL_CLIPS", most)
        batches = list(loader.eval_batches(clips, cache))
        assert sum(map(len, batches)) == len(clips) == 8
        for batch in batches:
            longest = max(len(item.text) for item in batch) + max(len(item.codes) for item in batch)
            assert len(batch) <= most and (len(batch) == 1 or (longest + 37) * len(batch) <= tokens)
        codes = [len(item.codes) for batch in batches for item in batch]
        assert codes == sorted(codes)


def test_max_tokens_bounds_what_the_gpt_is_given(prepared: Path) -> None:
    data = opened(prepared, max_tokens=250, accumulate=2)
    sizes = []
    for step in range(data.planned.steps):
        batches = data.train_batches(step)
        assert len(batches) == 2
        for batch in batches:
            sizes.append(batch.clips)
            positions = (batch.text.shape[1] + batch.codes.shape[1] + 37) * batch.clips
            assert batch.clips == 1 or positions <= 250
    data.close()
    assert 16 <= sum(sizes) < 24 and max(sizes) > 1
    assert data.epoch(data.planned.steps) >= 2


def test_a_clip_that_is_gone_from_the_cache_is_named(project: Path) -> None:
    run = run_of(project)
    clips = ClipIndex.read(run.clips, "train")
    gone = clips.record(5)
    (file,) = (run.cache / "sounds").rglob(f"{gone.sha256}.npy")
    file.unlink()
    data = opened(project, batch_size=8)
    with pytest.raises(UserError, match=rf"{gone.dataset}/{gone.id}.*prepare"):
        data.train_batches(0)
    data.close()


def test_smaller_batches_after_memory_ran_out_train_the_same_clips(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xtts_finetune.data.batching.loader import TrainingBatches
    from xtts_finetune.training.child import train_phase

    seen: dict[str, list[list[int]]] = {}

    def noted(self: TrainingBatches, step: int) -> None:
        clips = seen.setdefault(f"{self.plan.batch_size} / {self.plan.parts}", [])
        clips.extend(self.plan.clips_of(step) for step in range(6))
        raise RuntimeError("enough is known")

    monkeypatch.setattr(TrainingBatches, "__call__", noted)
    for ran_with in (None, RanWith(1, 2, 0, "out of memory")):
        job = replace(job_of(project, "phase1"), ran_with=ran_with)
        train_phase(declaration_of(project), job, lambda: False)
    assert seen["2 / 2"] == seen["2 / 1"]

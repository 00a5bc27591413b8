"""A phase from its first weights to its closing records, on Coqui's real GPT and Trainer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.training.conftest import declaration_of, run_of, train
from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.plan.disk import files_bytes, phase_disk, trained_sizes, weights_bytes
from xtts_finetune.records.metrics import EvalRecord, QualityRecord, StepRecord, read_metrics
from xtts_finetune.spec.sources import KeptStep


def timeless(record: StepRecord | EvalRecord) -> StepRecord | EvalRecord:
    if isinstance(record, EvalRecord):
        return replace(record, seconds=0.0)
    return replace(record, seconds=0.0, load_seconds=0.0)


def steps_of_phase1(steps: int) -> tuple[str, str]:
    """Overrides for a short first phase; phase 2 must not ask for a checkpoint beyond it."""
    return f"phase1.steps={steps}", "phase2.resume_from.checkpoint=last"


def weights(path: Path) -> dict[str, torch.Tensor]:
    return dict(torch.load(path, weights_only=True)["model"])


def test_a_phase_evaluates_at_start_at_every_mark_and_at_the_end(trained: Path) -> None:
    metrics = read_metrics(run_of(trained).candidate("phase1").metrics)
    assert [record.step for record in metrics.evals] == [0, 2, 4, 6]
    assert [record.step for record in metrics.steps] == [1, 2, 3, 4, 5, 6]
    assert metrics.evals[0].train_mel_ce is None
    assert metrics.evals[1].train_mel_ce == pytest.approx(sum(r.mel_ce for r in metrics.steps[:2]) / 2)
    assert metrics.evals[-1].mel_ce < metrics.evals[0].mel_ce
    assert all(record.grad_norm > 0 for record in metrics.steps)


def test_text_ce_is_in_coquis_unit_whatever_the_loss_weights(trained: Path, project: Path) -> None:
    train(project, "phase1", "phase1.text_loss_weight=0.5", *steps_of_phase1(1))
    start, other = (read_metrics(run_of(p).candidate("phase1").metrics).evals[0] for p in (trained, project))
    assert start.text_ce == pytest.approx(0.01 * start.text_ce_nats)
    assert (other.mel_ce, other.text_ce) == (start.mel_ce, start.text_ce)


def test_the_next_phase_starts_exactly_where_its_checkpoint_was(trained: Path, project: Path) -> None:
    run = run_of(trained)
    train(project, "phase1", "phase1.steps=3")
    at_step_3 = read_metrics(run_of(project).candidate("phase1").metrics).evals[-1]
    start = read_metrics(run.candidate("phase2").metrics).evals[0]
    assert at_step_3.step == 3
    assert start.mel_ce == pytest.approx(at_step_3.mel_ce, abs=1e-6)
    assert start.text_ce == pytest.approx(at_step_3.text_ce, abs=1e-6)


def test_the_best_model_is_slim_and_only_the_newest_checkpoint_resumes(trained: Path) -> None:
    folder = run_of(trained).candidate("phase1")
    best = read_metrics(folder.metrics).best
    assert best is not None
    assert [step for step, _ in folder.best_models()] == [best.step]
    assert folder.best_model.read_bytes() == folder.best_model_of(best.step).read_bytes()
    saved = torch.load(folder.best_model, weights_only=True)
    assert saved["optimizer"] is None
    assert not any("dvae" in key for key in saved["model"])
    # Step 3 stays whole because phase 2 resumes from it with its moments; step 6 is the newest.
    assert [step for step, _ in folder.checkpoints()] == [3, 6]
    assert all(torch.load(path, weights_only=True)["optimizer"] for _, path in folder.checkpoints())


def test_a_checkpoint_that_a_later_phase_needs_without_moments_is_slimmed(project: Path) -> None:
    train(project, "phase1", "phase2.resume_from.optimizer=reset", "phase1.steps=4")
    slim, newest = (path for _, path in run_of(project).candidate("phase1").checkpoints())
    assert torch.load(slim, weights_only=True)["optimizer"] is None
    assert torch.load(newest, weights_only=True)["optimizer"]


def test_an_interrupted_phase_goes_on_bit_for_bit(trained: Path, project: Path) -> None:
    train(project, "phase1", stop_at=3)
    info = json.loads(run_of(project).candidate("phase1").model_info.read_text(encoding="utf-8"))
    assert (info["status"], info["steps"]) == ("interrupted", 3)
    train(project, "phase1", stop_at=5)
    train(project, "phase1")
    ours, untouched = (run_of(folder).candidate("phase1") for folder in (project, trained))
    theirs = read_metrics(untouched.metrics)
    again = read_metrics(ours.metrics)
    assert list(map(timeless, again.steps)) == list(map(timeless, theirs.steps))
    assert list(map(timeless, again.evals)) == list(map(timeless, theirs.evals))
    final = weights(ours.checkpoint(6))
    assert all(torch.equal(final[key], value) for key, value in weights(untouched.checkpoint(6)).items())


def test_what_a_kill_left_of_a_save_is_no_checkpoint(project: Path) -> None:
    train(project, "phase1", stop_at=5)
    folder = run_of(project).candidate("phase1")
    folder.checkpoint(6).write_bytes(folder.checkpoint(5).read_bytes())  # its record was not written any more
    train(project, "phase1")
    assert [record.step for record in read_metrics(folder.metrics).steps] == [1, 2, 3, 4, 5, 6]


def test_accumulated_batches_are_averaged(trained: Path, project: Path) -> None:
    train(project, "phase1", "phase1.batch_size=1", "phase1.accumulate=2", *steps_of_phase1(1))
    split, whole = (read_metrics(run_of(p).candidate("phase1").metrics).steps[0] for p in (project, trained))
    # Means over batches of one differ a little from the mean over the tokens of both.
    assert split.loss == pytest.approx(whole.loss, rel=0.1)
    assert split.loss == pytest.approx(split.mel_ce + 0.01 * split.text_ce_nats)
    assert split.grad_norm == pytest.approx(whole.grad_norm, rel=0.5)


def test_the_clock_asks_for_checkpoints_too(project: Path) -> None:
    folder = run_of(project).candidate("phase1")
    seen: list[int] = []
    train(project, "phase1", "phase1.checkpoint_every={steps: 500, minutes: 0.000001}", stop_at=2)
    seen += folder.recorded_steps()
    train(project, "phase1", "phase1.checkpoint_every={steps: 500, minutes: null}", stop_at=4)
    assert [*seen, *folder.recorded_steps()] == [2, 3, 4]  # phase 2 starts from step 3


def test_a_step_that_ruins_the_weights_replaces_no_checkpoint(project: Path) -> None:
    train(project, "phase1", "phase1.learning_rate=1e30", "phase1.gradient_clip=null")
    folder = run_of(project).candidate("phase1")
    info = json.loads(folder.model_info.read_text(encoding="utf-8"))
    assert info["reason"]["name"] == "not_finite"
    for _, path in [*folder.checkpoints(), (0, folder.best_model)]:
        assert all(torch.isfinite(value).all() for value in weights(path).values() if value.is_floating_point())


def test_a_stop_rule_ends_the_phase_and_says_why(project: Path) -> None:
    train(project, "phase1", "phase1.stop_when=[{rule: text_ce_above, limit: 0.001}]")
    folder = run_of(project).candidate("phase1")
    info = json.loads(folder.model_info.read_text(encoding="utf-8"))
    assert (info["status"], info["reason"]["name"], info["steps"]) == ("done", "text_ce_above", 0)
    assert "above 0.001" in folder.stopping_reason.read_text(encoding="utf-8")
    assert folder.best_model.is_file()


def test_the_level_reached_is_named(trained: Path) -> None:
    info = json.loads(run_of(trained).candidate("phase1").model_info.read_text(encoding="utf-8"))
    assert info["level"] == "minimum"


def test_a_checkpoint_that_is_not_there_is_named_with_those_that_are(project: Path) -> None:
    train(project, "phase1", *steps_of_phase1(2))
    with pytest.raises(UserError, match=r"no checkpoint_1\.pth .*checkpoints there: 2"):
        train(project, "phase2", "phase2.resume_from.checkpoint=step 1", "phase1.steps=2")


def test_masking_the_prompt_changes_training_and_not_evaluation(trained: Path, project: Path) -> None:
    train(project, "phase1", "phase1.mask_prompt=true", *steps_of_phase1(1))
    unmasked, masked = (read_metrics(run_of(p).candidate("phase1").metrics) for p in (trained, project))
    assert masked.steps[0].mel_ce != unmasked.steps[0].mel_ce
    assert masked.evals[0].mel_ce == unmasked.evals[0].mel_ce


def test_bf16_trains_close_to_fp32(trained: Path, project: Path) -> None:
    train(project, "phase1", "phase1.precision=bf16")
    mixed, full = (read_metrics(run_of(p).candidate("phase1").metrics).evals[-1] for p in (project, trained))
    assert mixed.mel_ce != full.mel_ce
    assert mixed.mel_ce == pytest.approx(full.mel_ce, rel=0.05)


def test_layers_computed_twice_train_the_same(trained: Path, project: Path) -> None:
    train(project, "phase1", "phase1.gradient_checkpointing=true", *steps_of_phase1(2))
    twice, once = (read_metrics(run_of(p).candidate("phase1").metrics) for p in (project, trained))
    assert list(map(timeless, twice.steps)) == list(map(timeless, once.steps[:2]))


def test_compiled_layers_train_the_same(trained: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Processes that compile beside this one would first import torch, each for itself.
    monkeypatch.setattr("torch._inductor.config.compile_threads", 1)
    train(project, "phase1", "phase1.compile=true", *steps_of_phase1(1))
    compiled, plain = (read_metrics(run_of(p).candidate("phase1").metrics).steps[0] for p in (project, trained))
    # Compiled dropout draws other numbers: the same within what dropout does to one step.
    assert compiled.mel_ce == pytest.approx(plain.mel_ce, rel=0.02)
    assert compiled.grad_norm == pytest.approx(plain.grad_norm, rel=0.2)


def test_tensorboard_shows_each_step_of_a_resumed_phase_once(project: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = run_of(project).candidate("phase1")
    train(project, "phase1", stop_at=5)
    for suffix in ("pth", "json"):
        (folder.path / f"checkpoint_5.{suffix}").unlink()  # as if step 5 had not been saved
    train(project, "phase1")
    shown = EventAccumulator(str(folder.path)).Reload()
    name = next(tag for tag in shown.Tags()["scalars"] if tag.endswith("/mel_ce") and "Train" in tag)
    assert [event.step for event in shown.Scalars(name)] == [1, 2, 3, 4, 5, 6]


def test_the_model_speaks_at_every_so_many_evaluations_also_after_an_interruption(project: Path) -> None:
    asked: list[int] = []

    def maker(*_: object) -> object:
        def speak(model: object, step: int, interrupted: object) -> QualityRecord | None:
            asked.append(step)
            return None if asked.count(4) == 1 else QualityRecord(step, 3, 2, {"cut": 1}, 0.5)

        return speak

    declared = "phase1.utterances_every_evals=2"  # evaluations are at steps 0, 2, 4, 6
    train(project, "phase1", declared, speech=maker)
    folder = run_of(project).candidate("phase1")
    info = json.loads(folder.model_info.read_text(encoding="utf-8"))
    assert (info["status"], info["steps"], asked) == ("interrupted", 4, [0, 4])
    train(project, "phase1", declared, speech=maker)
    assert asked == [0, 4, 4]
    metrics = read_metrics(folder.metrics)
    assert [record.step for record in metrics.quality] == [0, 4]
    assert [record.step for record in metrics.evals] == [0, 2, 4, 6]


def test_a_clip_that_cannot_be_read_any_more_ends_the_phase_with_its_name(project: Path) -> None:
    train(project, "phase1", stop_at=3)
    run = run_of(project)
    for sound in (run.cache / "sounds").rglob("*.npy"):
        sound.write_bytes(sound.read_bytes()[:64])
    with pytest.raises(UserError, match="nothing whole is kept for clip voice/"):
        train(project, "phase1")
    folder = run.candidate("phase1")
    info = json.loads(folder.model_info.read_text(encoding="utf-8"))
    assert (info["status"], info["reason"]["name"]) == ("failed", "unreadable")
    assert "prepare the clips again" in folder.stopping_reason.read_text(encoding="utf-8")
    assert [step for step, _ in folder.checkpoints()] == [3]


def test_a_phase_takes_the_disk_that_the_plan_says(trained: Path) -> None:
    run = run_of(trained)
    weights = weights_bytes(trained / "base" / "model.pth")
    spec = declaration_of(trained).phases["phase1"]
    sizes = trained_sizes(weights, {}, spec.train)
    planned = phase_disk(sizes, spec, [KeptStep(3, with_optimizer=True)], 6)
    # The estimate has XTTS v2's HiFi-GAN in it, which is a little larger than a tiny base's.
    assert planned.stays == pytest.approx(files_bytes(run.candidate("phase1")), rel=0.15)

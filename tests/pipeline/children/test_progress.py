"""What the terminal shows while a phase runs."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest
from rich.console import Console

from xtts_finetune.look.quantities import about
from xtts_finetune.pipeline.children.progress import JobWatch, PhaseWatch, progress_bar
from xtts_finetune.records.job import EventWriter
from xtts_finetune.records.metrics import EvalRecord, MetricsWriter, QualityRecord, StepRecord, keep_metrics_until
from xtts_finetune.records.pace import Length


def evaluation(step: int, mel_ce: float) -> EvalRecord:
    return EvalRecord(step, mel_ce, 0.03, 3.0, 1.0, 1000, 100, 0.1)


def test_a_resumed_phase_shows_each_evaluation_once(tmp_path: Path) -> None:
    metrics, console = tmp_path / "metrics.jsonl", Console(file=io.StringIO(), width=200)
    with MetricsWriter(metrics) as writer:
        for step, mel_ce in ((0, 4.0), (5, 3.9), (10, 3.5)):
            writer.write(evaluation(step, mel_ce))
    with progress_bar(console) as progress:
        watch = PhaseWatch(progress, "phase1", metrics, Length(30), tmp_path / "events.jsonl", resumes_at=6)
        watch()
        keep_metrics_until(metrics, 6)  # the child goes on from step 6: what came after is done again
        watch()
        with MetricsWriter(metrics) as writer:
            writer.write(evaluation(10, 3.95))
        watch()
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert [line.split(":")[0] for line in shown.splitlines()] == ["phase1 step 10 of 30"]
    assert "mel_ce 3.950" in shown
    assert "best 3.900 (step 5)" in shown


def test_notes_and_the_quality_of_utterances_are_said_as_they_are(tmp_path: Path) -> None:
    metrics, events = tmp_path / "metrics.jsonl", tmp_path / "events.jsonl"
    console = Console(file=io.StringIO(), width=200)
    with progress_bar(console) as progress:
        watch = PhaseWatch(progress, "phase1", metrics, Length(30), events)
        with EventWriter(events) as said, MetricsWriter(metrics) as writer:
            said.note("checkpoint_9.pth: damaged [red]here[/red]")
            writer.write(QualityRecord(5, 12, 10, {"cut": 1, "clipping": 2}, 3.0))
            watch()
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert lines == [
        "phase1: checkpoint_9.pth: damaged [red]here[/red]",
        "phase1 step 5: 10 of 12 samples are clean: did not stop by itself (1), distorted by clipping (2)",
    ]


def step(number: int, seconds: float) -> StepRecord:
    return StepRecord(number, number / 10, 1e-6, 4.0, 3.9, 3.0, 1.0, 3, seconds, 0.0)


def test_the_time_left_is_there_from_the_second_step_on_however_slow_steps_are(tmp_path: Path) -> None:
    """A step of XTTS v2 takes 25 s on a CPU, longer than any window of the bar's own clock."""
    metrics, console = tmp_path / "metrics.jsonl", Console(file=io.StringIO(), width=200, force_terminal=True)
    with progress_bar(console) as progress, MetricsWriter(metrics) as writer:
        watch = PhaseWatch(progress, "phase1", metrics, Length(100, 10, 5), tmp_path / "events.jsonl")
        (task,) = progress.tasks
        writer.write(EvalRecord(0, 4.0, 0.03, 3.0, 1.0, 1000, 100, 20.0))
        writer.write(step(1, 60.0))
        watch()
        assert task.fields["left"] == ""
        writer.write(step(2, 25.0))
        watch()
        # 98 steps of 25 s, ten evaluations of 20 s; the first step, which loads and warms up, does not count.
        assert task.fields["left"] == "about 44 min left"
        writer.write(QualityRecord(50, 12, 10, {}, 600.0))
        watch()
    assert task.completed == 50 and task.fields["left"] == "about 32 min left"


def test_the_time_left_of_a_job_goes_by_the_part_that_it_is_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    console = Console(file=io.StringIO(), width=200, force_terminal=True)
    with progress_bar(console) as progress, EventWriter(tmp_path / "data.jsonl") as said:
        watch = JobWatch(progress, "data", tmp_path / "data.jsonl")
        (task,) = progress.tasks

        def after(seconds: float, done: int, what: str) -> str:
            clock[0] += seconds
            said.progress(done, 100, what)
            watch()
            return str(task.fields["left"])

        assert after(0, 10, "clips read") == "", "how fast it is was not seen yet"
        assert after(6, 40, "clips read") == "about 12 s left"
        assert after(1, 1, "eval clips encoded") == "", "another part of the job, at a pace of its own"
        assert after(2, 3, "eval clips encoded") == "about 2 min left"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (9, "9 s"), (23, "25 s"), (60, "a minute"), (700, "12 min"), (9590, "2 h 40 min"), (1e5, "28 h")],
)
def test_estimates_are_round(seconds: float, words: str) -> None:
    assert about(seconds) == words


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_the_bar_of_a_long_phase_is_not_cut(width: int) -> None:
    shown = io.StringIO()
    console = Console(file=shown, width=width, force_terminal=True, color_system=None)
    with progress_bar(console) as bar:
        note = "training mel_ce 3.123"
        bar.add_task("phase-of-anna", total=120000, completed=60000, note=note, left="about 12 min left")
        bar.refresh()
    assert "60000/120000 about 12 min left" in shown.getvalue()
    assert "…" not in shown.getvalue()
    assert (note in shown.getvalue()) == (width > 80)

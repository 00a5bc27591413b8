"""What the terminal shows while a phase runs."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from xtts_finetune.pipeline.children.progress import PhaseWatch, progress_bar
from xtts_finetune.records.job import EventWriter
from xtts_finetune.records.metrics import EvalRecord, MetricsWriter, QualityRecord, keep_metrics_until


def evaluation(step: int, mel_ce: float) -> EvalRecord:
    return EvalRecord(step, mel_ce, 0.03, 3.0, 1.0, 1000, 100, 0.1)


def test_a_resumed_phase_shows_each_evaluation_once(tmp_path: Path) -> None:
    metrics, console = tmp_path / "metrics.jsonl", Console(file=io.StringIO(), width=200)
    with MetricsWriter(metrics) as writer:
        for step, mel_ce in ((0, 4.0), (5, 3.9), (10, 3.5)):
            writer.write(evaluation(step, mel_ce))
    with progress_bar(console) as progress:
        watch = PhaseWatch(progress, "phase1", metrics, 30, tmp_path / "events.jsonl", resumes_at=6)
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
        watch = PhaseWatch(progress, "phase1", metrics, 30, events)
        with EventWriter(events) as said, MetricsWriter(metrics) as writer:
            said.note("checkpoint_9.pth: damaged [red]here[/red]")
            writer.write(QualityRecord(5, 12, 10, {"cut": 1, "clipping": 2}, 3.0))
            watch()
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert lines == [
        "phase1: checkpoint_9.pth: damaged [red]here[/red]",
        "phase1 step 5: 10 of 12 utterances are sound: cut (1), clipping (2)",
    ]

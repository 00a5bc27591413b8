"""A run as its folder shows it: before, while and after it goes on, cut off, stalled, on another machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.monitor.made import MadeRun, content_of, evaluation, level, step
from xtts_finetune.monitor.run import RunWatch
from xtts_finetune.records.holders import started_at
from xtts_finetune.records.metrics import MetricsWriter

SLEEPS = "import sys; sys.stdin.read()"


def this_host() -> str:
    import socket

    return socket.gethostname()


def test_it_can_be_watched_from_before_its_beginning_to_its_end(tmp_path: Path) -> None:
    root = tmp_path / "run" / "my vöice"
    watch = RunWatch(root)
    assert watch.look().state.kind == "waiting"
    made = MadeRun(root)
    made.hold(os.getpid(), started_at(os.getpid()) or 0.0, this_host())
    begun = watch.look()
    assert begun.state.kind == "running" and begun.work is not None
    assert (begun.work.job, begun.work.what, begun.work.done, begun.work.total) == (
        "phase1",
        "training",
        0,
        400,
    )
    made.train(60)
    run = watch.look()
    assert run.work is not None and run.work.done == 60
    # 340 steps of 0.5 s and 14 evaluations of 4 s.
    assert run.work.seconds_left == pytest.approx(340 * 0.5 + 14 * 4.0)
    assert run.current is not None and run.current.last is not None
    assert (run.current.last.step, run.current.eval_count) == (50, 3)
    assert run.current.last.mel_ce == pytest.approx(level(50))
    made.train(340)
    made.close()
    (root / ".command.json").unlink()
    assert watch.look().state.kind == "paused"
    (root / "decision.json").write_text('{"ship": "phase1", "status": "decided"}', encoding="utf-8")
    done = watch.look()
    assert done.decision is not None
    assert (done.state.kind, done.decision.ship, done.work) == ("finished", "phase1", None)
    assert "ship phase1 (its samples have not been checked)" in done.decision.headline


def test_a_run_in_which_phases_are_to_come_is_not_called_done(tmp_path: Path) -> None:
    root = tmp_path / "run"
    watch = RunWatch(root)
    state = watch.look().state
    assert state.kind == "waiting" and "run_pipeline" in state.cure
    root.mkdir()
    waiting = [{"name": name, "status": "not run"} for name in ("phase1", "phase2")]
    told = {"status": "provisional", "candidates": waiting, "inputs": {"phases": ["phase1", "phase2"]}}
    (root / "decision.json").write_text(json.dumps(told), encoding="utf-8")
    state = RunWatch(root).look().state
    assert state.kind == "paused" and "phase1 and phase2 have not been trained yet" in state.words
    made = MadeRun(root)
    made.train(30)
    made.close()
    assert "phase2 has not been trained yet" in RunWatch(root).look().state.words


def test_looking_changes_nothing_in_the_folder(tmp_path: Path) -> None:
    made = MadeRun(tmp_path / "run")
    made.train(100)
    made.speak("phase1", ["One.", "Two."])
    before = content_of(made.run.root)
    watch = RunWatch(made.run.root)
    watch.look()
    watch.look()
    watch.curves("phase1")
    assert content_of(made.run.root) == before


def test_a_killed_run_shows_as_cut_off_with_the_command_that_goes_on(tmp_path: Path) -> None:
    made = MadeRun(tmp_path / "run")
    made.train(30)
    process = subprocess.Popen([sys.executable, "-c", SLEEPS], stdin=subprocess.PIPE)
    try:
        made.hold(process.pid, started_at(process.pid) or 0.0, this_host())
        watch = RunWatch(made.run.root)
        assert watch.look().state.kind == "running"
    finally:
        process.kill()
        process.wait()
    state = watch.look().state
    assert state.kind == "gone" and f"process {process.pid}" in state.words and "phase1" in state.words
    assert "run_pipeline" in state.cure


def test_a_child_that_outlives_its_command_is_still_at_work(tmp_path: Path) -> None:
    made = MadeRun(tmp_path / "run")
    made.hold(2**22 + 1, 1.0, this_host())
    made.hold(os.getpid(), started_at(os.getpid()) or 0.0, this_host(), ".child.json")
    assert RunWatch(made.run.root).look().state.kind == "running"


def test_a_phase_without_its_closing_record_was_cut_off_even_where_no_holder_is_named(tmp_path: Path) -> None:
    made = MadeRun(tmp_path / "run")
    made.train(30)
    state = RunWatch(made.run.root).look().state
    assert state.kind == "gone" and "phase1 has no closing record" in state.words


def test_a_run_without_news_is_stalled_and_says_since_when(tmp_path: Path) -> None:
    made = MadeRun(tmp_path / "run")
    made.train(30)
    made.hold(os.getpid(), started_at(os.getpid()) or 0.0, this_host())
    an_hour_ago = time.time() - 3600
    for path in [*made.run.root.rglob("*.json*")]:
        os.utime(path, (an_hour_ago, an_hour_ago))
    state = RunWatch(made.run.root).look().state
    assert state.kind == "stalled" and "stalled since 20" in state.words and "1 h 0 min" in state.words
    made.hold(1, 1.0, "another-machine")
    assert "another-machine" in RunWatch(made.run.root).look().state.words
    made.train(1)
    assert RunWatch(made.run.root).look().state.kind == "running"


def test_slow_steps_are_not_taken_for_a_stall(tmp_path: Path) -> None:
    made = MadeRun(tmp_path / "run")
    made.write(*(step(number, seconds=90.0) for number in range(1, 10)))
    made.hold(os.getpid(), started_at(os.getpid()) or 0.0, this_host())
    ten_minutes_ago = time.time() - 600
    for path in [*made.run.root.rglob("*.json*")]:
        os.utime(path, (ten_minutes_ago, ten_minutes_ago))
    assert RunWatch(made.run.root).look().state.kind == "running"


def test_a_failed_phase_says_why_and_what_to_do(tmp_path: Path) -> None:
    made = MadeRun(tmp_path / "run")
    made.close("failed", "out of memory on the GPU", advice="Halve batch_size.", command="run_pipeline phase1")
    state = RunWatch(made.run.root).look().state
    assert state.kind == "stopped" and "out of memory on the GPU" in state.words
    assert state.cure == "Halve batch_size. run_pipeline phase1"


def test_going_on_from_an_earlier_step_leaves_nothing_of_what_came_after_it(tmp_path: Path) -> None:
    made = MadeRun(tmp_path / "run")
    made.train(100)
    watch = RunWatch(made.run.root)
    watch.look()
    lines = made.folder.metrics.read_bytes().splitlines(keepends=True)
    made.folder.metrics.write_bytes(b"".join(line for line in lines if json.loads(line)["step"] <= 50))
    made.step = 50
    made.train(10)
    run = watch.look()
    assert run.current is not None and (run.current.step, run.current.eval_count) == (60, 3)
    assert [point[0] for point in watch.curves("phase1")["mel_ce"]] == [0, 25, 50]


def test_damaged_lines_are_said_and_hurt_nothing_else(tmp_path: Path) -> None:
    made = MadeRun(tmp_path / "run")
    made.train(30)
    with made.folder.metrics.open("ab") as file:
        file.write(
            b'{"kind": "step", "step": "x"}\nnonsense\n{"kind": "eval", "step": 40}\n{"kind": "new", "step": 1}\n'
        )
    made.write(evaluation(50, 2.9))
    run = RunWatch(made.run.root).look()
    assert run.current is not None and run.current.last is not None and run.current.last.step == 50
    assert [(one.title, one.found) for one in run.warnings] == [("Records cannot be read", "4 lines of metrics.jsonl")]


def test_numbers_that_are_not_finite_come_as_nothing(tmp_path: Path) -> None:
    made = MadeRun(tmp_path / "run")
    made.write(step(1, float("nan")), step(2, 3.0), evaluation(2, float("inf"), float("nan")))
    watch = RunWatch(made.run.root)
    run = watch.look()
    json.dumps(run.to_json(), allow_nan=False)
    json.dumps(watch.curves("phase1"), allow_nan=False)
    assert [point[2] for point in watch.curves("phase1")["train_mel_ce"]] == [None, 3.0]
    assert [warning.name for warning in run.warnings] == ["not_finite"]


def test_phases_come_in_the_order_in_which_they_were_started(tmp_path: Path) -> None:
    made = MadeRun(tmp_path / "run", "zebra")
    later = {
        "phase": "ant",
        "started": "2026-11-22T10:00:00+00:00",
        "declaration": {"epochs": 2, "batch_size": 3},
    }
    folder = made.run.candidate("ant")
    folder.path.mkdir()
    folder.phase_yaml.write_text(json.dumps({**later, "declaration": {**later["declaration"], "accumulate": 1}}))
    (made.run.root / "base").mkdir()
    (made.run.root / "base" / "metrics.jsonl").write_text(json.dumps(evaluation(0, 5.0).to_json()) + "\n")
    run = RunWatch(made.run.root).look()
    assert [one.name for one in run.candidates] == ["base", "zebra", "ant"]
    # Two passes over 150 clips, three a step; then as many as its records say.
    assert run.candidates[2].planned == 100


def test_a_hundred_thousand_records_are_read_piece_by_piece(tmp_path: Path) -> None:
    made = MadeRun(tmp_path / "run", steps=100_000)
    line = json.dumps(step(1).to_json()).replace('"step": 1,', '"step": %d,').replace('"mel_ce": 3.0', '"mel_ce": %.4f')
    with made.folder.metrics.open("a", encoding="utf-8") as file:
        file.writelines(line % (number, 90.0 if number == 54_321 else 3.0) + "\n" for number in range(1, 100_001))
    watch = RunWatch(made.run.root)
    run = watch.look()
    curve = watch.curves("phase1")["train_mel_ce"]
    assert run.current is not None and run.current.step == 100_000
    assert len(curve) <= 512 and max(point[3] or 0 for point in curve) == 90.0
    assert len(json.dumps(watch.curves("phase1"))) < 300_000


def test_a_candidate_that_is_made_of_others_is_no_phase(tmp_path: Path) -> None:
    """It has one evaluation and no training: what is watched stays the phase before it."""
    made = MadeRun(tmp_path / "run")
    made.train(100)
    made.close()
    average = RunWatch(tmp_path / "run").run.candidate("average")
    with MetricsWriter(average.metrics) as metrics:
        metrics.write(evaluation(0, 2.0))
    run = RunWatch(tmp_path / "run").look()
    assert [one.name for one in run.candidates if not one.trained] == ["average"]
    assert run.current is not None and run.current.name == "phase1"
    assert run.throughput is not None

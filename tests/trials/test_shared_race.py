"""A race whose remedies are trained by several workers: what comes out is what one process comes to alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.pipeline.project import Project
from tests.trials.searching import PHASE, RACE, command, kill_at_work, on_curves, wait_for, work_on
from xtts_finetune.records.trials import Race, read_race
from xtts_finetune.trials.race.race import run_rounds
from xtts_finetune.trials.race.result import race_of
from xtts_finetune.trials.race.setup import race_setup

RACING = ("control", "lr-x2", "cosine", "half-batch", "drops")


def ranking(race: Race) -> list[Any]:
    """Who stands where, and why; without how long it took."""
    ranked = [(s.name, s.out_at, s.best, s.best_step, s.clips, s.points) for s in race.ranked if s.name in RACING]
    return [race.verdict, race.winner, race.marks, *ranked]


def test_a_worker_killed_on_postgresql_leaves_the_ranking_of_one_process(finished: Project, postgresql: str) -> None:
    project: Path = finished.folder
    work = work_on(project)
    folder, setup = race_setup(work, PHASE, RACE)
    for file in folder.path.glob("*.yaml"):
        if file.stem not in RACING:
            file.unlink()
    slow = command(project, "worker", postgresql, step_seconds=0.3)
    running = [slow, command(project, "worker", postgresql), command(project, "race", postgresql)]
    try:
        killed = wait_for(lambda: kill_at_work(slow, folder.path))
        assert running[2].wait(timeout=180) == 0, (project / "race.log").read_text(encoding="utf-8")
    finally:
        for process in running:
            process.kill()
            process.wait()
    found = read_race(folder.record)
    assert found is not None
    alone = race_of(folder, setup, run_rounds(work, folder, setup, lambda _: None, on_curves), over=True)
    assert ranking(found) == ranking(alone), f"after {killed} was killed in the middle"
    assert len(ranking(found)) == 3 + len(RACING)

"""Searches and races on curves: run in this process, or as commands that can be killed.

`python -m tests.trials.searching FOLDER search|generation|race|worker [URL]`
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

from tests.pipeline.fake_child import prepare
from tests.pipeline.project import make_project
from tests.trials.curve_child import START, child, mel_ce
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.records.holders import read_holder
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.run_folder import CHILD_LOCK, TrialsFolder
from xtts_finetune.records.trials import Race, Search
from xtts_finetune.spec.declaration import load_declaration
from xtts_finetune.trials.advance import Measured, TrialOutcome
from xtts_finetune.trials.crew import Sharing, Wanted, serve
from xtts_finetune.trials.pinned import Wishes
from xtts_finetune.trials.race import race as racing
from xtts_finetune.trials.race.solve import race
from xtts_finetune.trials.search.search import search
from xtts_finetune.trials.search.setup import SearchWishes

PHASE, STEPS, TRIALS, GRACE = "phase1", 8, 12, 3
RACE = Wishes(steps=32, start="best")
SPACE = """
search:
  learning_rate: {low: 1.0e-8, high: 1.0e-4, log: true}
  mel_loss_weight: {low: 1, high: 5}
  schedule.kind: [constant, cosine]
"""


def make_search_project(folder: Path) -> Path:
    """A project whose clips are prepared and whose phase1 declares a space."""
    project = make_project(folder)
    file = folder / "phases" / f"{PHASE}.yaml"
    file.write_text(file.read_text(encoding="utf-8") + SPACE, encoding="utf-8")
    prepare(project.declaration(), work_on(folder).job(folder / "events.jsonl"))
    return folder


def work_on(folder: Path, *overrides: str) -> Work:
    declaration = load_declaration(folder / "pipeline.yaml", overrides)
    return Work(declaration, overrides, "cpu", Console(width=200), "xtts-finetune search", child)


def folder_of(project: Path) -> TrialsFolder:
    return work_on(project).run.search(PHASE)


def run_search(
    project: Path,
    url: str | None = None,
    trials: int = TRIALS,
    fresh: bool = False,
    wishes: SearchWishes | None = None,
) -> Search:
    """The whole command, in this process."""
    wishes = wishes or SearchWishes(steps=STEPS)
    return search(work_on(project), PHASE, trials, wishes, fresh, Sharing(url, GRACE))


def on_curves(work: Work, wanted: Sequence[Wanted]) -> list[TrialOutcome]:
    """What the children come to, without them."""
    outcomes = []
    for trial, to_step in wanted:
        every, clips = int(trial.phase["eval_every_steps"]), int(trial.phase.get("batch_size", 3))
        later = [Measured(step, mel_ce(trial.phase, step)) for step in range(every, to_step + 1, every)]
        status = "done" if to_step == trial.phase["steps"] else "paused"
        best = min(later, key=lambda point: point.mel_ce)
        points = (Measured(0, START), *later)
        outcome = TrialOutcome(trial.name, to_step, clips * to_step, points[0], best, later[-1], points, 1.0, status)
        outcomes.append(outcome)
    return outcomes


def command(project: Path, what: str, url: str | None = None, step_seconds: float = 0.01) -> subprocess.Popen[bytes]:
    """The search or a worker as a process of its own; its children take so long for a step."""
    arguments = [sys.executable, "-m", "tests.trials.searching", str(project), what, *([url] if url else [])]
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "CURVE_STEP_SECONDS": str(step_seconds)}
    with (project / f"{what}.log").open("ab") as log:
        return subprocess.Popen(arguments, cwd=root, env=environment, stdout=log, stderr=log)


def run_race(project: Path, url: str | None = None) -> Race:
    """A race of the phase's remedies, in this process."""
    # A mean is made by a child of its own, which is none of ours.
    racing.average = lambda work, trial, models: TrialOutcome(trial.name)
    return race(work_on(project), PHASE, RACE, sharing=Sharing(url, GRACE))


def kill_at_work(worker: subprocess.Popen[bytes], trials: Path) -> str | None:
    """SIGKILL for a worker and its child at once, as when a machine is switched off, in the middle of a trial.

    The name of the trial; None where the worker has not trained a step of one yet.
    """
    for path in trials.glob("*/"):
        holder = read_holder(path, CHILD_LOCK)
        begun = bool(read_metrics(path / path.name / "metrics.jsonl").steps)
        if holder is not None and begun and _is_child(holder.pid, worker.pid):
            os.kill(worker.pid, signal.SIGKILL)
            os.kill(holder.pid, signal.SIGKILL)
            worker.wait()
            return path.name
    return None


def wait_for(condition: Callable[[], Any], seconds: float = 120) -> Any:
    """What the condition comes to once it is something."""
    ends = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < ends, "it never came"
        time.sleep(0.02)
    return found


def _is_child(pid: int, parent: int) -> bool:
    try:
        return parent in {process.pid for process in psutil.Process(pid).parents()}
    except psutil.NoSuchProcess:
        return False


COMMANDS: dict[str, Callable[[Path, str | None], object]] = {
    "search": run_search,
    "generation": lambda project, url: run_search(project, url, trials=4),
    "race": run_race,
    "worker": lambda project, url: serve(work_on(project), url, GRACE, None),
}

if __name__ == "__main__":
    COMMANDS[sys.argv[2]](Path(sys.argv[1]), sys.argv[3] if len(sys.argv) > 3 else None)

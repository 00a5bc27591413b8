"""A search in a project of its own, on curves: run in this process, or as a command that can be killed.

`python -m tests.plateau.searching FOLDER search|worker [URL]`
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from tests.pipeline.fake_child import prepare
from tests.pipeline.project import make_project
from tests.plateau.curve_child import START, child, mel_ce
from xtts_finetune.pipeline.running import Work
from xtts_finetune.plateau.crew import Sharing, Wanted
from xtts_finetune.plateau.search import search
from xtts_finetune.plateau.search_setup import SearchFolder, SearchWishes
from xtts_finetune.plateau.trials import Outcome, Point
from xtts_finetune.plateau.worker import serve
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.search import Search
from xtts_finetune.spec.declaration import load_declaration

PHASE, STEPS, TRIALS, GRACE = "phase1", 8, 12, 3
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
    prepare(project.declaration(), RunFolder(project.declaration().run_folder), {})
    return folder


def work_on(folder: Path, *overrides: str) -> Work:
    declaration = load_declaration(folder / "pipeline.yaml", overrides)
    return Work(declaration, overrides, "cpu", Console(width=200), "xtts-finetune search", child)


def folder_of(project: Path) -> SearchFolder:
    return SearchFolder(work_on(project).run.searches / PHASE)


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


def on_curves(work: Work, wanted: Sequence[Wanted]) -> list[Outcome]:
    """What the children come to, without them."""
    outcomes = []
    for trial, to_step in wanted:
        every, clips = int(trial.phase["eval_every_steps"]), int(trial.phase.get("batch_size", 3))
        later = [Point(step, mel_ce(trial.phase, step)) for step in range(every, to_step + 1, every)]
        status = "done" if to_step == trial.phase["steps"] else "paused"
        best = min(later, key=lambda point: point.mel_ce)
        points = (Point(0, START), *later)
        outcome = Outcome(
            trial.name, to_step, clips * to_step, points[0], best, later[-1], points, 1.0, status
        )
        outcomes.append(outcome)
    return outcomes


def command(
    project: Path, what: str, url: str | None = None, step_seconds: float = 0.01
) -> subprocess.Popen[bytes]:
    """The search or a worker as a process of its own; its children take so long for a step."""
    arguments = [sys.executable, "-m", "tests.plateau.searching", str(project), what, *([url] if url else [])]
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "CURVE_STEP_SECONDS": str(step_seconds)}
    with (project / f"{what}.log").open("ab") as log:
        return subprocess.Popen(arguments, cwd=root, env=environment, stdout=log, stderr=log)


COMMANDS: dict[str, Callable[[Path, str | None], object]] = {
    "search": run_search,
    "worker": lambda project, url: serve(work_on(project), url, GRACE, None),
}

if __name__ == "__main__":
    COMMANDS[sys.argv[2]](Path(sys.argv[1]), sys.argv[3] if len(sys.argv) > 3 else None)

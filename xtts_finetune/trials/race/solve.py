"""What `xtts-finetune solve` does: writes remedies, runs one, races all, says who won."""

from __future__ import annotations

import math
import shutil

from rich.table import Table

from xtts_finetune.errors import UserError, WorkFailed
from xtts_finetune.pipeline.children.lock import run_lock
from xtts_finetune.pipeline.children.process import ending_like_ctrl_c
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.pipeline.plan.disk import free_bytes, planned_disk
from xtts_finetune.quantities import readable_size
from xtts_finetune.records.atomic import write_text_atomic
from xtts_finetune.records.trials import Race, write_race
from xtts_finetune.trials.crew import ALONE, Sharing, crew_of
from xtts_finetune.trials.race.adopt import adopt, next_steps
from xtts_finetune.trials.race.average import average
from xtts_finetune.trials.race.make_setup import Wishes, race_folder, setup_for
from xtts_finetune.trials.race.page import race_page
from xtts_finetune.trials.race.race import (
    Course,
    average_trial,
    best_of,
    racing_names,
    repeat_with_seeds,
    run_rounds,
    step_of,
)
from xtts_finetune.trials.race.remedies import CONTROL
from xtts_finetune.trials.race.result import race_of
from xtts_finetune.trials.race.setup import RaceFolder, Setup, changed_by_hand, trial_of
from xtts_finetune.trials.race.text import HEADINGS, cost_words, selection_text, table_rows
from xtts_finetune.trials.trials import advance, trial_stage, trial_work


def write_remedies(work: Work, phase: str, wishes: Wishes, fresh: bool = False) -> None:
    """Write the remedies' files and say what each does. Raises UserError for a phase that was not trained."""
    with run_lock(work.run.root):
        folder, setup = _prepared(work, phase, wishes, fresh)
        _say_remedies(work, folder, setup)
        work.say(f"\nrace all:  xtts-finetune solve {phase} --race      one:  --run NAME")


def run_one(work: Work, phase: str, name: str, wishes: Wishes, fresh: bool = False) -> None:
    """Run one remedy to its end, beside nothing else.

    Raises UserError for an unknown one, WorkFailed when it failed, Interrupted on Ctrl-C.
    """
    with run_lock(work.run.root), ending_like_ctrl_c():
        folder, setup = _prepared(work, phase, wishes, fresh)
        entry = setup.entry(name)
        if entry.kind == "advice":
            work.say(f"{name}: {entry.change}; {entry.why}")
            return
        if entry.kind == "average":
            models = [work.run.candidate(phase).path / model for model in setup.models]
            outcome = average(work, average_trial(folder, setup), models)
        else:
            trial = trial_of(folder, setup, name)
            outcome = advance(work, trial, step_of(trial, setup, setup.evals))
        if outcome.status == "failed" or outcome.best is None:
            raise WorkFailed(f"{name}: {outcome.message or 'it has no evaluation'}")
        started = f"{outcome.start.mel_ce:.4f} -> " if outcome.start else ""
        work.say(
            f"{name}: mel_ce {started}{best_of(outcome):.4f} at step {outcome.best.step} of {outcome.step}. "
            f"{outcome.message}"
        )
        work.say(
            f"  whether that is the remedy's doing, the control says:  xtts-finetune solve {phase} --race"
        )


def race(
    work: Work,
    phase: str,
    wishes: Wishes,
    seeds: int = 1,
    fresh: bool = False,
    sharing: Sharing = ALONE,
) -> Race:
    """Race all remedies, write what came out, and print it. `sharing` says where workers find what there is to do.

    Raises UserError when an input is wrong, WorkFailed when a remedy cannot be finished by any worker, Interrupted
    on Ctrl-C: the same command goes on.
    """
    with run_lock(work.run.root), ending_like_ctrl_c():
        folder, setup = _prepared(work, phase, wishes, fresh)
        for entry in setup.trained:
            file = folder.remedy(entry.name)
            if not file.is_file():
                work.say(f"note: {file.name} was removed, so {entry.name} does not race", "yellow")
            elif changed_by_hand(folder, entry):
                work.say(f"note: {file.name} was changed by hand", "yellow")
        _check_disk(work, folder, setup)

        def report(course: Course) -> None:
            write_race(folder.race, race_of(folder, setup, course, over=False))

        with crew_of(work, sharing) as train:
            course = run_rounds(work, folder, setup, report, train)
            if seeds > 1:
                repeat_with_seeds(work, folder, setup, course, seeds, train)
        found = race_of(folder, setup, course, over=True)
        winner = found.standing(found.winner) if found.winner else None
        steps = next_steps(work, folder, phase, winner)
        write_race(folder.race, found)
        write_text_atomic(folder.page, race_page(found))
        # Written last: it says that the race is over.
        write_text_atomic(folder.selection, selection_text(found, steps))
    _say_race(work, folder, found)
    for step in steps:
        work.say(f"  {step}")
    return found


def _check_disk(work: Work, folder: RaceFolder, setup: Setup) -> None:
    """Raise UserError when the disk has no room for the race; trials that leave give back what they can."""
    trials = [trial_of(folder, setup, name) for name in (CONTROL, *racing_names(folder, setup))]
    stages = [trial_stage(trial_work(work, trial), trial) for trial in trials]
    disk = planned_disk([stage.disk for stage in stages if stage.due], free_bytes(folder.path))
    if not disk.fits:
        raise UserError(
            f"{folder.path}: the race needs up to {readable_size(disk.peak)}, but {readable_size(disk.free)} are free; "
            "make room, or remove files of remedies that need not race"
        )


def adopt_remedy(work: Work, phase: str, name: str) -> None:
    """Write the remedy as the next phase's file. Raises UserError where that cannot be."""
    with run_lock(work.run.root):
        folder, setup = _prepared(work, phase, Wishes(), fresh=False)
        for line in adopt(work, folder, setup, name):
            work.say(line)


def _prepared(work: Work, phase: str, wishes: Wishes, fresh: bool) -> tuple[RaceFolder, Setup]:
    folder = race_folder(work, phase)
    if fresh and folder.path.is_dir():
        shutil.rmtree(folder.path)
        work.say(f"--fresh: removed {folder.path}")
    return folder, setup_for(work, phase, wishes)


def _say_remedies(work: Work, folder: RaceFolder, setup: Setup) -> None:
    start = setup.start
    value = "" if start.mel_ce is None or not math.isfinite(start.mel_ce) else f", mel_ce {start.mel_ce:.4f}"
    if setup.diagnosis:
        work.say(f"{setup.phase}: {setup.diagnosis}  (more: xtts-finetune diagnose {setup.phase})")
    work.say(
        f"remedies for {setup.phase} from its {start.which} checkpoint (step {start.step}{value}), {setup.steps} steps "
        f"each, compared after the evaluations {', '.join(map(str, setup.marks))} (one every {setup.eval_every} steps)"
    )
    for entry in setup.entries:
        work.say(f"\n{entry.name}", "bold")
        work.say(f"  change    {entry.change}")
        work.say(f"  why       {entry.why}")
        work.say(f"  expected  {entry.expect}")
        if entry.kind == "train":
            work.say(f"  file      {folder.remedy(entry.name)}")


def _say_race(work: Work, folder: RaceFolder, found: Race) -> None:
    table = Table(title=f"race of remedies for {found.phase}", title_justify="left", title_style="bold")
    for number, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="left" if number in (1, len(HEADINGS) - 1) else "right")
    for cells in table_rows(found):
        table.add_row(*cells, style="bold" if cells[1].endswith(" *") else None)
    work.console.print(table)
    work.say(f"{found.winner or 'no winner'}: {found.words}", "bold")
    for words in cost_words(found)[:-1]:
        work.say(f"  {words}")
    work.say(f"  record: {folder.selection}\n  curves: {folder.page}")

"""What `xtts-finetune solve` does: writes remedies, runs one, races all, says who won."""

from __future__ import annotations

import math

from rich.table import Table

from xtts_finetune.errors import WorkFailed
from xtts_finetune.look.commands import command
from xtts_finetune.look.quantities import every
from xtts_finetune.look.tables import print_table
from xtts_finetune.pipeline.children.lock import run_lock
from xtts_finetune.pipeline.children.process import ending_like_ctrl_c
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.records.atomic import write_text_atomic
from xtts_finetune.records.run_folder import TrialsFolder
from xtts_finetune.records.trials import Race, write_race
from xtts_finetune.trials.advance import advance
from xtts_finetune.trials.crew import ALONE, Sharing, crew_of
from xtts_finetune.trials.pages import race_page
from xtts_finetune.trials.pinned import Wishes, check_room, declared_phase, forget, step_at
from xtts_finetune.trials.race.adopt import adopt, next_steps
from xtts_finetune.trials.race.race import RaceCourse, average, average_trial, repeat_with_seeds, run_rounds
from xtts_finetune.trials.race.remedies import CONTROL
from xtts_finetune.trials.race.result import race_of
from xtts_finetune.trials.race.setup import RaceSetup, changed_by_hand, race_setup, racing_names, trial_of
from xtts_finetune.trials.race.text import HEADINGS, cost_words, selection_text, table_rows
from xtts_finetune.trials.trial import trial_stage, trial_work


def write_remedies(work: Work, phase: str, wishes: Wishes, fresh: bool = False) -> None:
    """Write the remedies' files and say what each does. Raises UserError for a phase that was not trained."""
    with run_lock(work.run.root):
        folder, setup = _prepared(work, phase, wishes, fresh)
        _say_remedies(work, folder, setup)
        work.say(f"\nrace all:  {command(f'solve {phase} --race')}")
        work.say("one alone: the same, with --run NAME instead of --race")


def run_one(work: Work, phase: str, name: str, wishes: Wishes, fresh: bool = False) -> None:
    """Run one remedy alone, to its end.

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
            outcome = advance(work, trial, step_at(trial, setup, setup.evals))
        if outcome.status == "failed" or outcome.best is None:
            raise WorkFailed(f"{name}: {outcome.message or 'it has no evaluation'}")
        started = f"{outcome.start.mel_ce:.4f} -> " if outcome.start else ""
        work.say(
            f"{name}: mel_ce {started}{outcome.best_mel_ce:.4f} at step {outcome.best.step} of {outcome.step}. "
            f"{outcome.message}"
        )
        work.say(
            f"  to see whether the remedy did that, race it against the control:  {command(f'solve {phase} --race')}"
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

        def report(course: RaceCourse) -> None:
            write_race(folder.record, race_of(folder, setup, course, over=False))

        with crew_of(work, sharing) as train:
            course = run_rounds(work, folder, setup, report, train)
            if seeds > 1:
                repeat_with_seeds(work, folder, setup, course, seeds, train)
        found = race_of(folder, setup, course, over=True)
        winner = found.standing(found.winner) if found.winner else None
        steps = next_steps(work, folder, phase, winner)
        write_race(folder.record, found)
        write_text_atomic(folder.page, race_page(found))
        # Written last: it says that the race is over.
        write_text_atomic(folder.selection, selection_text(found, steps))
    _say_race(work, folder, found)
    for step in steps:
        work.say(f"  {step}")
    return found


def _check_disk(work: Work, folder: TrialsFolder, setup: RaceSetup) -> None:
    """Raise UserError when the disk has no room for the race."""
    trials = [trial_of(folder, setup, name) for name in (CONTROL, *racing_names(folder, setup))]
    stages = [trial_stage(trial_work(work, trial), trial) for trial in trials]
    needs = [stage.disk for stage in stages if stage.due]
    check_room(folder, needs, "the race needs", "remove files of remedies that need not race")


def adopt_remedy(work: Work, phase: str, name: str) -> None:
    """Write the remedy as the next phase's file. Raises UserError where that cannot be."""
    with run_lock(work.run.root):
        folder, setup = _prepared(work, phase, Wishes(), fresh=False)
        for line in adopt(work, folder, setup, name):
            work.say(line)


def _prepared(work: Work, phase: str, wishes: Wishes, fresh: bool) -> tuple[TrialsFolder, RaceSetup]:
    declared_phase(work, phase)
    if fresh:
        forget(work, work.run.race(phase))
    return race_setup(work, phase, wishes)


def _say_remedies(work: Work, folder: TrialsFolder, setup: RaceSetup) -> None:
    start = setup.start
    value = "" if start.mel_ce is None or not math.isfinite(start.mel_ce) else f", mel_ce {start.mel_ce:.4f}"
    if setup.diagnosis:
        work.say(f"{setup.phase}: {setup.diagnosis}  (more: {command(f'diagnose {setup.phase}')})")
    work.say(
        f"remedies for {setup.phase} from its {start.which} checkpoint (step {start.step}{value}), {setup.steps} steps "
        f"each, compared after the evaluations {', '.join(map(str, setup.marks))} (one {every(setup.eval_every)})"
    )
    for entry in setup.entries:
        work.say(f"\n{entry.name}", "bold")
        work.say(f"  change    {entry.change}")
        work.say(f"  why       {entry.why}")
        work.say(f"  expected  {entry.expect}")
        if entry.kind == "train":
            work.say(f"  file      {folder.remedy(entry.name)}")


def _say_race(work: Work, folder: TrialsFolder, found: Race) -> None:
    table = Table(title=f"race of remedies for {found.phase}", title_justify="left", title_style="bold")
    for number, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="left" if number in (1, len(HEADINGS) - 1) else "right")
    for cells in table_rows(found):
        table.add_row(*cells, style="bold" if cells[1].endswith(" *") else None)
    print_table(work.console, table)
    work.say(f"{found.winner or 'no winner'}: {found.words}", "bold")
    for words in cost_words(found)[:-1]:
        work.say(f"  {words}")
    work.say(f"  record: {folder.selection}\n  curves: {folder.page}")

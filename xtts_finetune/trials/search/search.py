"""What `xtts-finetune search` does: tries points of a declared space, and says which is best."""

from __future__ import annotations

import shutil
from contextlib import ExitStack

from rich.table import Table

from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.children.lock import run_lock
from xtts_finetune.pipeline.children.process import ending_like_ctrl_c
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.pipeline.plan.disk import free_bytes, planned_disk
from xtts_finetune.quantities import readable_size
from xtts_finetune.records.atomic import write_text_atomic
from xtts_finetune.records.trials import Search, write_search
from xtts_finetune.trials.crew import ALONE, Sharing, crew_of
from xtts_finetune.trials.search.generations import Book, Course, run_generations
from xtts_finetune.trials.search.page import headings, search_page, table_rows, values_yaml
from xtts_finetune.trials.search.result import result_of
from xtts_finetune.trials.search.setup import (
    SearchFolder,
    SearchSetup,
    SearchWishes,
    declared_trial,
    search_setup,
)
from xtts_finetune.trials.trials import trial_stage, trial_work


def search(
    work: Work,
    phase: str,
    trials: int,
    wishes: SearchWishes,
    fresh: bool = False,
    sharing: Sharing = ALONE,
) -> Search:
    """Try `trials` points, write what came out, and print it. `sharing` says where workers find what there is to do.

    Raises UserError when an input is wrong, WorkFailed when a trial cannot be finished by anybody, Interrupted on
    Ctrl-C: the same command goes on.
    """
    with run_lock(work.run.root), ending_like_ctrl_c(), ExitStack() as stack:
        if fresh:
            _forget(work, phase)
        folder, setup = search_setup(work, phase, wishes)
        whole = -(-trials // setup.at_once) * setup.at_once
        _say_plan(work, setup, whole, trials)
        _check_disk(work, folder, setup)
        train = stack.enter_context(crew_of(work, sharing))
        book = Book(train.ledger.url, f"{train.ledger.name} search {phase}")
        stack.callback(book.close)
        if not any(folder.path.glob("trial*")):
            book.forget()

        def report(course: Course) -> None:
            write_search(folder.record, result_of(setup, course, over=False))

        course = run_generations(work, folder, setup, whole, train, book, report)
        if course.exhausted:
            work.say(f"note: the space has no more than {len(course.tried)} points", "yellow")
        found = result_of(setup, course, over=True)
        write_text_atomic(folder.page, search_page(found))
        # Written last: it says that the search is over.
        write_search(folder.record, found)
    _say_found(work, folder, found)
    return found


def _forget(work: Work, phase: str) -> None:
    folder = SearchFolder(work.run.searches / phase)
    if folder.path.is_dir():
        shutil.rmtree(folder.path)
        work.say(f"--fresh: removed {folder.path}")


def _check_disk(work: Work, folder: SearchFolder, setup: SearchSetup) -> None:
    """Raise UserError when the disk has no room for a generation; trials that leave give theirs back."""
    control = declared_trial(folder, setup)
    stage = trial_stage(trial_work(work, control), control)
    disk = planned_disk([stage.disk] * (setup.at_once + 1), free_bytes(folder.path))
    if not disk.fits:
        raise UserError(
            f"{folder.path}: {setup.at_once} trials at once need up to {readable_size(disk.peak)}, but "
            f"{readable_size(disk.free)} are free; make room, or try fewer --at-once"
        )


def _say_plan(work: Work, setup: SearchSetup, whole: int, wished: int) -> None:
    more = f" (of {wished}: generations are whole)" if whole != wished else ""
    work.say(
        f"search for {setup.name}: {whole} trials{more} of {setup.evals * setup.eval_every} steps, {setup.at_once} a "
        f"generation, compared after the evaluations {', '.join(map(str, setup.marks))} (one every "
        f"{setup.eval_every} steps), seed {setup.seed}; beside them the phase as it is declared"
    )


def _say_found(work: Work, folder: SearchFolder, found: Search) -> None:
    table = Table(title=f"search for {found.phase}", title_justify="left", title_style="bold")
    for number, heading in enumerate(headings(found)):
        table.add_column(heading, justify="left" if number == 1 else "right")
    best = found.best.name if found.best is not None else None
    for cells in table_rows(found):
        table.add_row(*cells, style="bold" if cells[1] == best else None)
    work.console.print(table)
    if found.importance:
        shares = ", ".join(f"{key} {share:.0%}" for key, share in found.importance.items())
        work.say(f"importance: {shares}")
    work.say(found.words, "bold")
    if found.best is not None:
        work.say(f"{found.best.name} in phases/{found.phase}.yaml:\n{values_yaml(found.best).rstrip()}")
    work.say(f"  record: {folder.record}\n  page:   {folder.page}")

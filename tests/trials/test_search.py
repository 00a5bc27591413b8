"""A search: its points and their ranking are the same whoever trains, and however often it is killed."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.trials.searching import (
    PHASE,
    STEPS,
    TRIALS,
    command,
    folder_of,
    kill_at_work,
    make_search_project,
    on_curves,
    run_search,
    wait_for,
    work_on,
)
from xtts_finetune.errors import UserError
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.trials import Cost, Found, Race, Search, Standing, read_search
from xtts_finetune.trials.search.generations import Book, run_generations
from xtts_finetune.trials.search.search import result_of
from xtts_finetune.trials.search.setup import SearchSetup, SearchWishes, declared_trial, search_setup
from xtts_finetune.trials.storage import storage_url


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_search_project(tmp_path / "a project with späces")


def reference(project: Path, trials: int = TRIALS, wishes: SearchWishes | None = None) -> Search:
    """The same search on the curves themselves: no children, no workers, nothing that could be interrupted."""
    work = work_on(project)
    folder, setup = search_setup(work, PHASE, wishes or SearchWishes(steps=STEPS))
    book = Book("sqlite:///:memory:", "reference")
    course = run_generations(work, folder, setup, trials, on_curves, book)
    return result_of(setup, course, over=True)


def results(search: Search) -> list[Found]:
    """The ranking, without how long it took and what children say."""
    return [replace(found, seconds=0.0, message="") for found in (*search.ranked, search.declared)]


def test_killed_and_resumed_twice_a_search_has_its_trials_once_each(project: Path) -> None:
    folder = folder_of(project)
    for reached in ("trial002", "trial005"):
        metrics = folder.path / reached / reached / "metrics.jsonl"
        running = command(project, "search")
        wait_for(lambda file=metrics: file.is_file() and read_metrics(file).steps)
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
    found = run_search(project)

    assert len(found.trials) == len({tuple(trial.values.items()) for trial in found.trials}) == TRIALS
    assert results(found) == results(reference(project))
    assert read_search(folder.record) == found
    names = sorted(path.name for path in folder.path.glob("trial*"))
    assert names == [f"trial{number:03}" for number in range(TRIALS)]
    for trial in found.trials:
        steps = [record.step for record in read_metrics(folder.path / trial.name / trial.name / "metrics.jsonl").steps]
        assert steps == list(range(1, trial.steps + 1)), "each step is on record once"
    book = Book(storage_url(work_on(project).run, None), f"{ledger_name(project)} search {PHASE}")
    assert len(book.points()) == TRIALS


def test_a_killed_worker_on_postgresql_changes_nothing(project: Path, postgresql: str) -> None:
    folder = folder_of(project)
    slow = command(project, "worker", postgresql, step_seconds=0.5)
    running = [slow, command(project, "generation", postgresql)]
    try:
        killed = wait_for(lambda: kill_at_work(slow, folder.path))
        running.append(command(project, "worker", postgresql))
        assert running[1].wait(timeout=180) == 0, (project / "generation.log").read_text(encoding="utf-8")
    finally:
        for process in running:
            process.kill()
            process.wait()
    found = read_search(folder.record)
    assert found is not None
    assert results(found) == results(reference(project, 4)), f"after {killed} was killed in the middle"


def test_more_trials_go_on_with_those_that_are_there(project: Path) -> None:
    wishes = SearchWishes(steps=STEPS, at_once=2)
    run_search(project, trials=2, wishes=wishes)
    began = {path: path.stat().st_mtime_ns for path in folder_of(project).path.glob("trial*/*/metrics.jsonl")}
    more = run_search(project, trials=3)
    assert len(more.trials) == 4, "generations are whole"
    assert results(more) == results(reference(project, 4))
    assert {path: path.stat().st_mtime_ns for path in began} == began


def test_the_best_half_goes_on_and_the_declared_values_always(project: Path) -> None:
    found = reference(project)
    assert found.marks == (2, 4, 8)
    for first in range(0, TRIALS, 4):
        generation = [trial.out_at for trial in found.trials[first : first + 4]]
        assert sorted(generation, key=str) == [2, 2, 4, None]
    assert found.declared.steps == STEPS
    best = found.best
    assert best is not None
    assert 3e-7 < best.values["learning_rate"] < 3e-6
    assert max(found.importance, key=lambda key: found.importance[key]) == "learning_rate"


def test_a_gain_is_told_from_noise(project: Path) -> None:
    assert "a gain of" in reference(project).words
    file = project / "phases" / f"{PHASE}.yaml"
    text = file.read_text(encoding="utf-8").replace("learning_rate: 5e-6", "learning_rate: 1e-6")
    other = make_search_project(project.with_name("other"))
    (other / "phases" / f"{PHASE}.yaml").write_text(text, encoding="utf-8")
    assert "keep your values" in reference(other).words


def test_fewer_clips_a_step_mean_more_steps(project: Path) -> None:
    file = project / "phases" / f"{PHASE}.yaml"
    text = file.read_text(encoding="utf-8").replace("batch_size: 3", "batch_size: 4")
    file.write_text(text + "  batch_size: [2, 4, 8]\n", encoding="utf-8")
    found = reference(project, wishes=SearchWishes(steps=80))
    clips = {(trial.out_at, trial.clips) for trial in found.trials}
    assert clips <= {(2, 80), (4, 160), (None, 320)}
    assert found.declared.clips == 320
    assert len({trial.values["batch_size"] for trial in found.trials}) == 3


def test_another_space_or_length_needs_a_fresh_search(project: Path) -> None:
    reference(project)
    with pytest.raises(UserError, match=r"begun with other values \(eval_every\): .*--fresh"):
        search_setup(work_on(project), PHASE, SearchWishes(steps=800))
    file = project / "phases" / f"{PHASE}.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("high: 5}", "high: 6}"), encoding="utf-8")
    with pytest.raises(UserError, match=r"other values \(space\)"):
        search_setup(work_on(project), PHASE, SearchWishes())


def written_before(setup: SearchSetup, **other: object) -> str:
    """setup.json as version 1 of it had been: with words of its own for the start."""
    content = {
        "version": 1, "name": PHASE, "phase": setup.values, "space": setup.space, "seed": setup.seed,
        "at_once": setup.at_once, "evals": setup.evals, "marks": setup.marks, "eval_every": setup.eval_every,
        "start": "start", "optimizer": "reset", "from_base": True,
    }  # fmt: skip
    return json.dumps(content | other)


def test_a_search_begun_before_setups_were_one_goes_on(project: Path, tmp_path: Path) -> None:
    work = work_on(project)
    folder, setup = search_setup(work, PHASE, SearchWishes(steps=STEPS))
    folder.setup.write_text(written_before(setup), encoding="utf-8")
    assert search_setup(work, PHASE, SearchWishes())[1] == setup
    assert declared_trial(folder, setup).checkpoint is None

    folder.start.write_bytes(b"the best model of then")
    old = written_before(setup, start="best", optimizer="keep", from_base=False)
    folder.setup.write_text(old, encoding="utf-8")
    then = search_setup(work, PHASE, SearchWishes())[1]
    assert (then.start.which, then.start.optimizer) == ("best", "keep")
    assert declared_trial(folder, then).checkpoint == folder.start

    folder.setup.write_text(written_before(setup, version=0), encoding="utf-8")
    with pytest.raises(UserError, match=r"damaged \(it is of another version, 0\); start the search over"):
        search_setup(work, PHASE, SearchWishes())


def test_trials_with_equal_values_share_a_place_and_none_is_left_out() -> None:
    """Of a search and of a race alike; advice takes no part in a race, and stands last."""

    def values(name: str, best: float | None, out_at: int | None = None) -> dict[str, Any]:
        return {
            "name": name, "status": "done", "message": "", "out_at": out_at, "steps": 8, "clips": 24,
            "seconds": 1.0, "best": best, "best_step": 4, "points": (),
        }  # fmt: skip

    did = [
        values("late", 2.0, out_at=4), values("worse", 2.6), values("a", 2.5), values("b", 2.5),
        values("none", None, out_at=4), values("nor", None, out_at=4), values("first out", 1.0, out_at=2),
    ]  # fmt: skip
    places = {"a": 1, "b": 1, "worse": 2, "late": 3, "none": 4, "nor": 4, "first out": 5}
    of_a_remedy = {"change": "", "why": "", "reason": "", "start": 2.7, "last": 2.5, "model": ""}
    advice = Standing(**values("more-data", None), kind="advice", **of_a_remedy)
    trained = [Standing(**each, kind="train", **of_a_remedy) for each in did]
    race = Race(
        "phase1", "unfinished", None, "", (2, 4, 8), 2, 1, {}, "", None, "", None, Cost(1.0, 1, 1, 0.6),
        (advice, *trained),
    )  # fmt: skip
    assert race.places == places
    assert [standing.name for standing in race.ranked] == [*places, "more-data"]
    trials = tuple(Found(**each, number=number, values={}) for number, each in enumerate(did))
    search = Search("phase1", False, "", 1, (2, 4, 8), 1, "start", None, {}, 1.0, trials[0], trials)
    assert search.places == places
    assert [found.name for found in search.ranked] == list(places)


def test_a_search_leaves_the_phase_up_to_date(project: Path) -> None:
    from xtts_finetune.pipeline.plan.inputs import declared_inputs

    assert not [key for key in declared_inputs(work_on(project).declaration.phases[PHASE]) if "search" in key]


def test_what_cannot_be_searched_is_said(project: Path) -> None:
    with pytest.raises(UserError, match="has nothing to search; add for example"):
        search_setup(work_on(project), "phase2", SearchWishes())
    with pytest.raises(UserError, match="unknown phase 'phase9'"):
        search_setup(work_on(project), "phase9", SearchWishes())
    with pytest.raises(UserError, match="phase1 has no model to start from yet"):
        search_setup(work_on(project), PHASE, SearchWishes(start="best"))


def ledger_name(project: Path) -> str:
    from xtts_finetune.trials.storage import name_in_ledger

    run = RunFolder(work_on(project).declaration.run_folder)
    name = name_in_ledger(run, work_on(project).declaration.pipeline.name, make=False)
    assert name is not None
    return name

"""Those who take tasks from a ledger are not in each other's way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.pipeline.project import Project
from tests.trials.searching import work_on
from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.children.lock import AtWork, refuse_second_command, run_lock
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.trials import crew
from xtts_finetune.trials.advance import TrialOutcome
from xtts_finetune.trials.crew import work_once
from xtts_finetune.trials.ledger import Taken, TaskLedger
from xtts_finetune.trials.storage import storage_url
from xtts_finetune.trials.trial import Task, Trial

STEP = 8


def task(number: int) -> Task:
    return Task(f"trial{number}", f"search/phase1/trial{number}", {"learning_rate": 1e-5}, None, "reset", STEP)


@pytest.fixture
def work(declared: Project) -> Work:
    return work_on(declared.folder)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return storage_url(RunFolder(tmp_path), None)


@pytest.fixture
def ledger(url: str) -> TaskLedger:
    return TaskLedger(url, "crew", grace_seconds=20)


def once(ledger: TaskLedger, work: Work) -> bool:
    return work_once(ledger, work, lambda _: work)


def held_by_somebody(folder: Path) -> bool:
    try:
        refuse_second_command(folder)
    except AtWork:
        return True
    return False


def test_of_four_who_take_at_once_each_task_is_done_by_one(
    url: str, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each looks at all tasks that wait, so at those that another one is just beginning with."""
    done: list[str] = []

    def advance_held(_: Work, trial: Trial, to_step: int) -> TrialOutcome:
        assert held_by_somebody(trial.folder)
        done.append(trial.name)
        return TrialOutcome(trial.name, to_step, status="paused")

    monkeypatch.setattr(crew, "advance_held", advance_held)
    tasks = [task(number) for number in range(8)]
    ledgers = [TaskLedger(url, "crew", grace_seconds=20) for _ in range(4)]
    ledgers[0].post(tasks)

    def work_until_done(ledger: TaskLedger) -> None:
        while any(entry.state == "open" for entry in ledger.entries().values()):
            once(ledger, work)

    with ThreadPoolExecutor(len(ledgers)) as pool:
        list(pool.map(work_until_done, ledgers))
    assert sorted(done) == sorted(task.name for task in tasks)


def test_a_folder_is_held_before_its_task_is_taken(
    ledger: TaskLedger, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the two, another worker's look would keep out whoever has the task."""
    claim = TaskLedger._claim
    held: list[bool] = []

    def claim_of_a_held_one(self: TaskLedger, row: object) -> bool:
        held.append(held_by_somebody(task(1).trial(work.run).folder))
        return claim(self, row)  # type: ignore[arg-type]

    monkeypatch.setattr(TaskLedger, "_claim", claim_of_a_held_one)
    monkeypatch.setattr(crew, "advance_held", lambda _, trial, to_step: TrialOutcome(trial.name, to_step))
    ledger.post([task(1)])
    assert once(ledger, work)
    assert held == [True]
    assert not held_by_somebody(task(1).trial(work.run).folder)


def test_a_trial_in_whose_folder_somebody_works_is_left_for_later(
    ledger: TaskLedger, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    def advance_held(_: Work, trial: Trial, to_step: int) -> TrialOutcome:
        begun.append(trial.name)
        return TrialOutcome(trial.name, to_step)

    monkeypatch.setattr(crew, "advance_held", advance_held)
    ledger.post([task(1), task(2)])
    with run_lock(task(1).trial(work.run).folder):
        assert once(ledger, work)
        assert not once(ledger, work)
    assert once(ledger, work)
    assert begun == ["trial2", "trial1"]


def test_what_another_was_faster_to_take_is_let_go(
    ledger: TaskLedger, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TaskLedger, "_claim", lambda _, row: False)
    ledger.post([task(1)])
    assert not once(ledger, work)
    assert not held_by_somebody(task(1).trial(work.run).folder)


def test_what_fails_is_given_back_and_its_folder_let_go(
    ledger: TaskLedger, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(_: Work, trial: Trial, to_step: int) -> TrialOutcome:
        raise UserError("a key is wrong")

    monkeypatch.setattr(crew, "advance_held", wrong)
    ledger.post([task(1)])
    with pytest.raises(UserError, match="a key is wrong"):
        once(ledger, work)
    assert not held_by_somebody(task(1).trial(work.run).folder)
    taken: Taken | None = ledger.take(lambda _: True)
    assert taken is not None
    assert taken.task == task(1)

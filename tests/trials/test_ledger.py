"""The ledger: a task is had by one at a time, and never lost with whoever had it. On SQLite and on PostgreSQL."""

from __future__ import annotations

import subprocess
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.child import start
from xtts_finetune.errors import UserError, WorkFailed
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.trials import ledger as ledgers
from xtts_finetune.trials.ledger import MOST_LOST, Taken, TaskLedger
from xtts_finetune.trials.storage import name_in_ledger, storage_url, without_password
from xtts_finetune.trials.trial import Task, read_task

GRACE = 2


def task(number: int) -> Task:
    return Task(f"trial{number}", f"search/phase1/trial{number}", {"learning_rate": 1e-5}, None, "reset", 8)


@pytest.fixture
def name() -> str:
    return f"t {uuid.uuid4().hex}"


@pytest.fixture
def ledger(database: str, name: str) -> TaskLedger:
    return TaskLedger(database, name, GRACE)


def take(ledger: TaskLedger) -> Taken | None:
    return ledger.take(lambda _: True)


def states(ledger: TaskLedger, *tasks: Task) -> list[str]:
    entries = ledger.entries()
    return [entries[task.key].state for task in tasks]


def test_a_task_comes_back_as_it_was_posted() -> None:
    assert read_task(task(1).to_json()) == task(1)
    assert read_task(task(1).to_json()).key == task(1).key != task(2).key


def test_tasks_are_taken_in_their_order_and_done_once(ledger: TaskLedger) -> None:
    ledger.post([task(1), task(2)])
    first, second = take(ledger), take(ledger)
    assert first is not None
    assert second is not None
    assert (first.task, second.task, take(ledger)) == (task(1), task(2), None)
    ledger.done(first, "paused", 8, 2.5)
    assert states(ledger, task(1), task(2)) == ["done", "open"]
    entry = ledger.entries()[task(1).key]
    assert (entry.status, entry.step) == ("paused", 8)


def test_many_at_once_never_take_the_same(database: str, name: str) -> None:
    tasks = [task(number) for number in range(12)]
    TaskLedger(database, name, 60).post(tasks)

    def worker(_: int) -> list[str]:
        own, had = TaskLedger(database, name, 60), []
        while (taken := take(own)) is not None:
            had.append(taken.task.name)
            own.done(taken, "done", 8, None)
        own.close()
        return had

    with ThreadPoolExecutor(4) as pool:
        had = [one for each in pool.map(worker, range(4)) for one in each]
    assert sorted(had) == sorted(task.name for task in tasks)


def open_ledger(url: str, name: str) -> None:
    TaskLedger(url, name, 60)


def test_an_empty_database_may_be_opened_by_many_at_once(database: str, name: str) -> None:
    fresh = database
    if database.startswith("postgresql"):
        import psycopg

        fresh = f"{database.rpartition('/')[0]}/d{name.split()[1]}"
        with psycopg.connect(database.replace("+psycopg", ""), autocommit=True) as server:
            server.execute(f"CREATE DATABASE d{name.split()[1]}")
    pipes = {"stderr": subprocess.PIPE}
    running = [start(open_ledger, fresh, name, **pipes) for _ in range(4)]
    errors = [process.communicate(timeout=120)[1] for process in running]
    assert [process.returncode for process in running] == [0] * 4, errors


def test_a_dead_worker_loses_its_task_to_another_one(ledger: TaskLedger, database: str, name: str) -> None:
    ledger.post([task(1)])
    dead = take(ledger)  # and nothing is heard of it any more
    assert dead is not None
    other = TaskLedger(database, name, GRACE)
    assert take(other) is None
    time.sleep(GRACE + 1.2)
    again = take(other)
    assert again is not None
    assert again.task == task(1)
    # It was not dead, only silent: what it tells now is in vain, and harms nothing.
    ledger.done(dead, "done", 8, 1.0)
    assert states(other, task(1)) == ["open"]
    other.done(again, "done", 8, 1.0)
    assert states(ledger, task(1)) == ["done"]


def test_who_is_heard_of_keeps_its_task(ledger: TaskLedger, database: str, name: str) -> None:
    ledger.post([task(1)])
    taken = take(ledger)
    assert taken is not None
    with ledger.heard_of(taken):
        time.sleep(GRACE + 1.2)
        assert take(TaskLedger(database, name, GRACE)) is None


def test_a_task_that_costs_every_worker_is_not_given_to_another(
    ledger: TaskLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledgers, "MOST_LOST", 1)
    assert MOST_LOST > 1
    ledger.post([task(1)])
    assert take(ledger) is not None
    time.sleep(GRACE + 1.2)
    assert take(ledger) is None
    assert states(ledger, task(1)) == ["lost"]


def test_what_is_given_back_waits_again_and_is_not_counted_as_a_loss(
    ledger: TaskLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledgers, "MOST_LOST", 1)
    ledger.post([task(1)])
    for _ in range(3):
        taken = take(ledger)
        assert taken is not None
        ledger.give_back(taken)
    assert states(ledger, task(1)) == ["open"]


def test_what_is_not_free_is_left_for_later(ledger: TaskLedger) -> None:
    ledger.post([task(1), task(2)])
    taken = ledger.take(lambda task: task.name == "trial2")
    assert taken is not None
    assert taken.task == task(2)


def test_only_what_was_asked_for_last_counts(ledger: TaskLedger) -> None:
    ledger.post([task(1)])
    ledger.post([task(2)])
    assert set(ledger.entries()) == {task(2).key}
    ledger.withdraw()
    assert take(ledger) is None


def test_work_of_another_version_is_refused(ledger: TaskLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.post([task(1)])
    monkeypatch.setattr(ledgers, "__version__", "9.9")
    with pytest.raises(UserError, match=r"the work was asked for by xtts-finetune .*, but this is 9\.9"):
        take(ledger)


def test_runs_in_one_database_do_not_see_each_other(ledger: TaskLedger, database: str) -> None:
    ledger.post([task(1)])
    assert take(TaskLedger(database, f"t {uuid.uuid4().hex}", GRACE)) is None


def test_a_run_keeps_its_name(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    assert name_in_ledger(run, "combined", make=False) is None
    name = name_in_ledger(run, "combined", make=True)
    assert name is not None
    assert name.startswith("combined ")
    assert name_in_ledger(run, "combined", make=True) == name
    run.ledger_id.write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match="damaged"):
        name_in_ledger(run, "combined", make=True)


@pytest.mark.parametrize(
    ("wished", "url"),
    [
        ("postgresql://me@host/db", "postgresql+psycopg://me@host/db"),
        ("postgres://me:pw@host:5/db", "postgresql+psycopg://me:pw@host:5/db"),
        ("sqlite:///run/x.db", "sqlite:///run/x.db"),
    ],
)
def test_urls(wished: str, url: str, tmp_path: Path) -> None:
    assert storage_url(RunFolder(tmp_path), wished) == url


@pytest.mark.parametrize("wished", ["mysql://me:secret@host/db", "ledger.db", "sqlite://", ""])
def test_other_databases_are_refused_without_their_password(wished: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected postgresql://") as error:
        storage_url(RunFolder(tmp_path), wished)
    assert "secret" not in str(error.value)


def test_passwords_are_not_shown() -> None:
    assert without_password("postgresql://me:p@ss:w@host/db") == "postgresql://me@host/db"
    assert without_password("sqlite:///run/ledger.db") == "sqlite:///run/ledger.db"


def test_a_database_that_is_not_there_is_said() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(UserError, match="the ledger cannot be opened") as error:
        TaskLedger("postgresql+psycopg://me:secret@127.0.0.1:1/db", "t", GRACE)
    assert "secret" not in str(error.value)


def test_a_file_that_is_no_database_is_said_with_the_cure(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.ledger.write_bytes(b"no database")
    with pytest.raises(UserError, match=r"ledger\.db: the ledger cannot be opened: .*; move the file away"):
        TaskLedger(storage_url(run, None), "t", GRACE)


def test_a_database_that_goes_away_is_said(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    ledger = TaskLedger(storage_url(run, None), "t", GRACE)
    run.ledger.write_bytes(b"no database any more")
    with pytest.raises(WorkFailed, match="the ledger cannot be reached"):
        ledger.post([task(1)])

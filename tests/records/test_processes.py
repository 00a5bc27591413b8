"""A process is told by its number and its start."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from xtts_finetune.records.holders import is_running, started_at


def test_this_process_and_one_that_is_gone() -> None:
    mine = started_at(os.getpid())
    assert mine is not None
    assert time.time() - 3600 * 24 < mine <= time.time() + 1
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    started = started_at(child.pid) or time.time()
    child.wait()
    assert started_at(child.pid) is None
    assert not is_running(child.pid, started)


def test_a_process_that_ended_unnoticed_is_gone() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.read()  # until it ends; nobody has waited for it yet
    ends = time.monotonic() + 30
    while started_at(child.pid) is not None and time.monotonic() < ends:
        time.sleep(0.01)
    assert started_at(child.pid) is None
    child.communicate()


def test_the_same_number_with_another_start_is_another_process() -> None:
    mine = started_at(os.getpid())
    assert mine is not None
    assert is_running(os.getpid(), mine)
    assert not is_running(os.getpid(), mine - 60)


def test_numbers_that_no_process_has() -> None:
    assert started_at(-1) is None
    assert started_at(2**70) is None

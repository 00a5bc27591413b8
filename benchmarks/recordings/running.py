"""Runs `xtts-finetune import` as a user does, and watches time and memory of all its processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Ran:
    code: int
    seconds: float
    processor_seconds: float
    peak_bytes: int
    """The largest sum of the resident sets of the command and its children."""
    said: str


def command(source: Path, to: Path, options: Sequence[str] = ()) -> list[str]:
    program = "from xtts_finetune.cli.main import main; raise SystemExit(main())"
    return [
        sys.executable,
        "-c",
        program,
        "import",
        str(source),
        "--to",
        str(to),
        "--speaker",
        "joe",
        "--yes",
        *options,
    ]


def run_import(source: Path, to: Path, options: Sequence[str] = (), log: Path | None = None) -> Ran:
    began, peak, spent = time.monotonic(), 0, {}
    log = log or to.with_name(f"{to.name}.log")
    with log.open("w", encoding="utf-8") as out:
        process = psutil.Popen(
            command(source, to, options), stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        )
        while process.poll() is None:
            resident = 0
            try:
                for one in [process, *process.children(recursive=True)]:
                    resident += one.memory_info().rss
                    used = one.cpu_times()
                    spent[one.pid] = used.user + used.system
            except psutil.Error:
                pass
            peak = max(peak, resident)
            time.sleep(0.2)
    return Ran(process.returncode, time.monotonic() - began, sum(spent.values()), peak, log.read_text(encoding="utf-8"))


def run_and_kill(source: Path, to: Path, options: Sequence[str], after: float) -> bool:
    """Starts an import and kills all of it with SIGKILL after so many seconds; False where it was done before."""
    with to.with_name(f"{to.name}.log").open("a", encoding="utf-8") as out:
        process = subprocess.Popen(
            command(source, to, options),
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True
    if process.returncode != 0:
        raise SystemExit(f"the import ended with code {process.returncode}: see {to}.log")
    return False

"""Is a race the same, whoever runs it? One worker on SQLite against two on PostgreSQL, one of them killed.

The phase of benchmarks/soak.py is trained on the demo's base, and some of its remedies are raced twice from the same
checkpoint, with real children: (a) by one process with the run's own ledger; (b) by `solve --race` and a second
process, `worker`, over a PostgreSQL server started for it. As soon as the worker trains, it and its child get SIGKILL,
as when a machine is switched off. Who left where, each mel_ce to the last digit, and the winner must be equal. About
seven minutes beside other work on two cores.

    python -m benchmarks.race_workers [--folder FOLDER]      exit 1 where they differ
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from testbed.killing import DECLARED_PHASE, PHASE, make_project, phase_folder, run_to_the_end
from xtts_finetune.records.holders import read_holder
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.run_folder import CHILD_LOCK
from xtts_finetune.records.trials import Race, Standing, read_race

SHORT_PHASE = DECLARED_PHASE.replace("steps: 30", "steps: 10")
RACE_STEPS, GRACE_SECONDS, ENDS_WITHIN = 8, 5, 1800.0
# The others' files are removed, as a user may do: every remedy is a child for each round.
RACING = ("control", "lr-x2", "drops", "half-batch")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
PROGRAMS = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql*/bin")


def main() -> int:
    """Race twice and compare; 1 where anything differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--folder", type=Path, help="an empty folder to work in; default: a temporary one")
    given = parser.parse_args().folder
    folder = Path(given or tempfile.mkdtemp(prefix="race-workers-"))
    began = time.monotonic()
    try:
        alone = trained_project(folder / "alone")
        shared = Path(shutil.copytree(alone, folder / "shared"))
        one = race_alone(alone)
        with running_postgresql() as url:
            two, killed = race_shared(shared, url)
    finally:
        if given is None:
            shutil.rmtree(folder, ignore_errors=True)
    same = say(one, two)
    print(f"{killed} was killed in the middle; {time.monotonic() - began:.0f} s in all")
    print("ranking, mel_ce and winner are equal" if same else "THEY DIFFER")
    return 0 if same else 1


def trained_project(folder: Path) -> Path:
    """The project with its phase trained, and the files of a few remedies."""
    project = make_project(folder, phase=SHORT_PHASE)
    run_to_the_end(project)
    if start(project, "solve", PHASE, "--steps", str(RACE_STEPS)).wait(ENDS_WITHIN) != 0:
        raise RuntimeError((project / "solve.txt").read_text(encoding="utf-8"))
    for file in remedies_of(project).glob("*.yaml"):
        if file.stem not in RACING:
            file.unlink()
    return project


def race_alone(project: Path) -> Race:
    """The race by one process."""
    return ended(project, start(project, "solve", PHASE, "--race"))


def race_shared(project: Path, url: str) -> tuple[Race, str]:
    """The race by two processes, of which the worker is killed in a trial; and the name of that trial."""
    storage = ("--storage", url, "--grace", str(GRACE_SECONDS))
    worker = start(project, "worker", *storage)
    race = start(project, "solve", PHASE, "--race", *storage)
    try:
        while (killed := kill_at_work(worker, project)) is None:
            if race.poll() is not None:
                raise RuntimeError("the race ended before the worker took a step: nothing was killed")
            time.sleep(0.02)
        return ended(project, race), killed
    finally:
        for process in (worker, race):
            process.kill()
            process.wait()


def start(project: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """A command of the tool, as a user starts it."""
    verb = [sys.executable, "-m", "xtts_finetune.cli.main", *arguments]
    with (project / f"{arguments[0]}.txt").open("ab") as printed:
        command = [*verb, "-f", str(project / "pipeline.yaml"), "--device", "cpu"]
        return subprocess.Popen(command, stdout=printed, stderr=printed, env=ENVIRONMENT)


def ended(project: Path, process: subprocess.Popen[bytes]) -> Race:
    """The race's record once the command is over; RuntimeError where it ended badly."""
    code = process.wait(ENDS_WITHIN)
    found = read_race(remedies_of(project) / "race.json")
    if code != 0 or found is None:
        raise RuntimeError(f"exit code {code}\n{(project / 'solve.txt').read_text(encoding='utf-8')}")
    return found


def kill_at_work(worker: subprocess.Popen[bytes], project: Path) -> str | None:
    """SIGKILL for the worker and its child, in the middle of a trial; its name, None before one has taken a step."""
    for trial in remedies_of(project).glob("*/"):
        holder = read_holder(trial, CHILD_LOCK)
        if holder is None or not read_metrics(trial / trial.name / "metrics.jsonl").steps:
            continue
        with contextlib.suppress(psutil.NoSuchProcess):
            if worker.pid in {parent.pid for parent in psutil.Process(holder.pid).parents()}:
                os.kill(worker.pid, signal.SIGKILL)
                os.kill(holder.pid, signal.SIGKILL)
                return trial.name
    return None


def remedies_of(project: Path) -> Path:
    """Where the race writes."""
    return phase_folder(project).path.parent / "remedies" / PHASE


def say(one: Race, two: Race) -> bool:
    """Print both beside each other; whether they are equal."""
    same = outcome(one) == outcome(two)
    print(f"{'one worker, SQLite':36}two on PostgreSQL, one killed")
    for left, right in zip(one.ranked, two.ranked, strict=True):
        equal = result(left) == result(right)
        same = same and equal
        print(f"{shown(left):36}{shown(right):36}{'' if equal else 'DIFFERENT'}")
    print(f"{one.verdict}: {one.winner}".ljust(36) + f"{two.verdict}: {two.winner}")
    return same


def outcome(race: Race) -> tuple[object, ...]:
    """What the race came to."""
    return race.verdict, race.winner, race.marks, race.cost.clips


def result(standing: Standing) -> tuple[object, ...]:
    """What must be equal: all but the time it took."""
    return (
        *(standing.name, standing.out_at, standing.status, standing.steps, standing.clips),
        *(standing.best, standing.best_step, standing.last, standing.points),
    )


def shown(standing: Standing) -> str:
    """A line of the table."""
    best = "-" if standing.best is None else f"{standing.best:.9f}"
    return f"{standing.name:16}{best}  {'to the end' if standing.out_at is None else standing.out_at}"


@contextlib.contextmanager
def running_postgresql() -> Iterator[str]:
    """The URL of a server of our own in a temporary folder."""
    found = [path for place in PROGRAMS for path in sorted(Path("/").glob(f"{place}/initdb"))]
    initdb = shutil.which("initdb") or (found[-1] if found else None)
    if initdb is None:
        raise SystemExit("PostgreSQL is not installed here (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    user = "postgres" if os.getuid() == 0 else None  # it refuses to run as root
    if user is not None:
        shutil.chown(folder, user)

    def run(program: str, *arguments: str) -> None:
        path = Path(initdb).resolve().with_name(program)
        command = [str(path), "-D", str(folder / "data"), *arguments]
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, user=user, cwd=folder, env=environment)

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    try:
        run("initdb", "-A", "trust", "-U", "racer", "--no-sync")
        run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", f"-p {port} -k {folder} -c fsync=off", "start")
        try:
            yield f"postgresql://racer@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())

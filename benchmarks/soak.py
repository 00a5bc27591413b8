"""Kill demo phases at random moments, go on with the same command, and compare with a run that was left alone.

    python -m benchmarks.soak [--kills 60] [--seed 1] [--saves 15] [--work FOLDER]

A project with the demo's voice and base trains one short phase. Lives are run one after another: each is killed a few
times (SIGKILL of the child, of the parent or of both, SIGINT, SIGTERM; while it starts, trains or saves), continued by
the same command each time, and then left to end. Its weights, moments, best models and metrics must be bit for bit
those of the untouched run, and nothing half-written may be left. Prints a table and JSON; exit code 1 if any life
differs. 60 kills take about 15 minutes on two CPU cores. POSIX only: Windows has no such signals.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from benchmarks.soak_compare import differences, leftovers
from benchmarks.soak_kills import Kill, Moment, kill_once, run_to_the_end
from benchmarks.soak_project import PHASE, make_project

MOST_KILLS_A_LIFE = 8


def main() -> None:
    arguments = _arguments()
    work = arguments.work or Path(tempfile.mkdtemp(prefix="soak_"))
    # Sums on the CPU come out the same to the bit with the same number of threads only.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # Started in the background this process ignores SIGINT, and so would the commands that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    project = make_project(work / "project")
    untouched = Path(shutil.copytree(project, work / "untouched"))
    run_to_the_end(untouched)
    result = soak(project, untouched, work, arguments.kills, arguments.saves, arguments.seed)
    print(json.dumps(result, indent=2))
    sys.exit(bool(result["differences"]))


def soak(project: Path, untouched: Path, work: Path, kills: int, saves: int, seed: int) -> dict[str, object]:
    """Kill phases of copies of `project` `kills` times, at least `saves` of them in the middle of a save.

    `project` is a folder with a declaration whose data and base are ready and whose phase is to come,
    `untouched` the same after a run that was left alone.
    """
    chance = random.Random(seed)
    done: list[Kill] = []
    found: dict[str, list[str]] = {}
    lives = 0
    while len(done) < kills:
        lives += 1
        if lives > 5 + 2 * kills:
            raise RuntimeError(f"only {len(done)} kills in {lives} lives: the phase ends before they come")
        life = Path(shutil.copytree(project, work / f"life_{lives}"))
        for _ in range(min(chance.randint(3, MOST_KILLS_A_LIFE), kills - len(done))):
            moment = _moment(chance, kills - len(done), saves - sum(kill.in_save for kill in done))
            kill = kill_once(life, moment, chance)
            if kill is None:
                break  # the phase ended before its moment came
            done.append(kill)
            print(f"{len(done):3} life {lives:2}  {kill}", flush=True)
        run_to_the_end(life)
        if wrong := differences(untouched, life) + leftovers(life):
            found[life.name] = wrong
            print("\n".join(wrong), flush=True)
        else:
            shutil.rmtree(life)
    return {
        "kills": len(done),
        "in_a_save": sum(kill.in_save for kill in done),
        "lives": lives,
        "went_on_and_ended_the_same": lives - len(found),
        "by_kind": {kind: sum(kill.kind == kind for kill in done) for kind in sorted({k.kind for k in done})},
        "most_seconds_to_end_when_asked": max((k.seconds for k in done if k.asked), default=0.0),
        "differences": found,
        "each": [asdict(kill) for kill in done],
    }


def _moment(chance: random.Random, kills_left: int, saves_left: int) -> Moment:
    """When to kill next: in a save while these are owed, else anywhere."""
    if saves_left > 0 and chance.random() < max(0.4, saves_left / kills_left):
        return Moment("save", chance.uniform(0.0, 5.0))
    if chance.random() < 0.25:
        return Moment("start", chance.uniform(0.0, 8.0))
    return Moment("step", chance.random())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=f"Kill runs of '{PHASE}' and compare what comes of them.")
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument(
        "--saves", type=int, default=15, help="how many of them at least in the middle of a save"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path, help="a folder to work in; default: a temporary one")
    return parser.parse_args()


if __name__ == "__main__":
    main()

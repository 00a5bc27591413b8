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
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from testbed.killing import PHASE, make_project, run_to_the_end
from testbed.soak import soak


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


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=f"Kill runs of '{PHASE}' and compare what comes of them.")
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--saves", type=int, default=15, help="how many of them at least in the middle of a save")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path, help="a folder to work in; default: a temporary one")
    return parser.parse_args()


if __name__ == "__main__":
    main()

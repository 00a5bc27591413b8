"""`kill -9` at random moments of an import: does the data set end as the untouched one, byte for byte?"""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.recordings.running import run_and_kill, run_import
from xtts_finetune.records.stretches import WORK


def killed(source: Path, folder: Path, options: Sequence[str], times: int, seed: int = 1) -> dict[str, Any]:
    """Imports once untouched, then again and again with kills, until there were `times` of them."""
    folder.mkdir(parents=True, exist_ok=True)
    untouched = folder / "untouched"
    shutil.rmtree(untouched, ignore_errors=True)
    ran = run_import(source, untouched, options)
    if ran.code:
        raise SystemExit(ran.said)
    rng, kills, rounds, differ, moments = random.Random(seed), 0, 0, [], []
    while kills < times:
        rounds += 1
        to = folder / f"killed-{rounds}"
        shutil.rmtree(to, ignore_errors=True)
        here = 0
        # A kill within the whole time of an import; what was done before is not done again, so later ones come sooner.
        while kills < times and run_and_kill(source, to, options, after := rng.uniform(0.2, ran.seconds * 0.8**here)):
            kills, here = kills + 1, here + 1
            moments.append(round(after, 1))
        run_and_kill(source, to, options, 3600)
        differ += [f"{to.name}: {name}" for name in differences(untouched, to)]
    return {"kills": kills, "imports": rounds, "seconds untouched": round(ran.seconds, 1), "after": moments,
            "differ": differ}  # fmt: skip


def differences(one: Path, other: Path) -> list[str]:
    """Files that are not alike byte for byte or there once; what the import keeps for itself is left aside."""
    here, there = digests(one), digests(other)
    return sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))


def digests(folder: Path) -> dict[str, str]:
    files = (
        path for path in sorted(folder.rglob("*")) if path.is_file() and WORK not in path.relative_to(folder).parts
    )
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

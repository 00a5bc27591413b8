"""Measures what `xtts-finetune import` makes of a made recording; prints the figures and writes them as JSON.

    python -m benchmarks.recordings.made MADE --styles voices   the recording, once (see there what it wants)
    python -m benchmarks.recordings import MADE                 cuts, speech kept, word errors, what was planted
    python -m benchmarks.recordings peers MADE                  the same of the way that other tools cut
    python -m benchmarks.recordings text MADE                   with the user's own text: are its words kept?
    python -m benchmarks.recordings faults MADE                 20 faults in that text: are all of them doubtful?
    python -m benchmarks.recordings kills MADE --times 20       kill -9 at random: the same, byte for byte?
    python -m benchmarks.recordings memory MADE LONGER          peak memory of both
    python -m benchmarks.recordings.wrong_texts MADE            wrong texts in a prepared data set: are they found?

Each writes into MADE/measured/; `--option` hands an option of `import` on (`--option=--model=tiny.en`), `--again`
measures what an import of before has left there, `--sound made.m4a` takes another form of the sound.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.recordings import figures, own_text
from benchmarks.recordings.kills import killed
from benchmarks.recordings.peers import peers_figures, read_whole
from benchmarks.recordings.running import run_import
from benchmarks.recordings.truth import Truth
from xtts_finetune.records.stretches import WORK, Stretch, read_stretches


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("import", "peers", "text", "faults", "kills", "memory"))
    parser.add_argument("made", type=Path, nargs="+", help="folders that made.py wrote")
    parser.add_argument("--sound", default="made.wav")
    parser.add_argument("--option", action="append", default=[], help="an option of import")
    parser.add_argument("--again", action="store_true", help="measure the import of before")
    parser.add_argument(
        "--reuse", action="store_true", help="what `import` has heard before is not heard again for texts"
    )
    parser.add_argument("--model", help="the recogniser of `peers`; the best installed otherwise")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--times", type=int, default=20)
    given = parser.parse_args()
    measured = {
        "import": imported, "peers": peers, "text": texts, "faults": faults, "kills": kills, "memory": memory
    }[given.what](given)  # fmt: skip
    print(json.dumps(measured, indent=1, ensure_ascii=False))
    (work_of(given.made[0]) / f"{given.what}.json").write_text(json.dumps(measured, indent=1), encoding="utf-8")


def work_of(made: Path) -> Path:
    (made / "measured").mkdir(exist_ok=True)
    return made / "measured"


def stretches_of(
    given: argparse.Namespace, made: Path, name: str, options: Sequence[str] = ()
) -> tuple[list[Stretch], dict[str, Any]]:
    """What an import found, made now or before, and what it cost."""
    to, cost = work_of(made) / name, work_of(made) / f"{name}-cost.json"
    if not given.again:
        shutil.rmtree(to, ignore_errors=True)
        if given.reuse:
            shutil.copytree(work_of(made) / "imported" / WORK, to / WORK)
        ran = run_import(made / given.sound, to, [*options, *given.option])
        if ran.code:
            raise SystemExit(f"the import ended with code {ran.code}\n{ran.said}")
        hours = Truth.read(made).seconds / 3600
        spent = {
            "minutes an hour": round(ran.seconds / 60 / hours, 2),
            "core minutes an hour": round(ran.processor_seconds / 60 / hours, 2),
            "peak MB": round(ran.peak_bytes / 1e6),
        }
        cost.write_text(json.dumps(spent), encoding="utf-8")
    return read_stretches(to), json.loads(cost.read_text(encoding="utf-8"))


def imported(given: argparse.Namespace) -> dict[str, Any]:
    truth = Truth.read(given.made[0])
    stretches, cost = stretches_of(given, given.made[0], "imported")
    planted = figures.planted(truth, stretches)
    return {"cost": cost, **of_clips(truth, stretches, work_of(given.made[0]) / "imported"),
            "planted": figures.planted_by_kind(planted), "events": planted}  # fmt: skip


def of_clips(truth: Truth, stretches: list[Stretch], folder: Path) -> dict[str, Any]:
    by_state = {
        state: [(s.start, s.end) for s in stretches if s.state == state and s.file] for state in ("kept", "doubtful")
    }
    return {
        "accounted": figures.accounted(truth, stretches),
        "cuts": {state: figures.cuts_of(truth, clips).as_json() for state, clips in by_state.items()},
        "files": figures.edges_of_files(folder, [s for s in stretches if s.state == "kept"]),
        "speech": figures.share_of_speech(truth, stretches),
        "word errors": {state: figures.word_errors(truth, stretches, state) for state in ("kept", "doubtful")},
        "seconds of others kept": figures.of_others(truth, stretches),
        "reasons": reasons_of(stretches),
    }


def reasons_of(stretches: list[Stretch]) -> dict[str, int]:
    """How often each reason is given for a doubtful stretch."""
    kinds = [kind for s in stretches if s.state == "doubtful" for kind in {reason.kind for reason in s.reasons}]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds), key=kinds.count, reverse=True)}


def peers(given: argparse.Namespace) -> dict[str, Any]:
    truth = Truth.read(given.made[0])
    kept = work_of(given.made[0]) / f"whole-{(given.model or 'best').replace('/', '_')}.json"
    return peers_figures(truth, read_whole(truth, given.model, given.threads, kept))


def texts(given: argparse.Namespace) -> dict[str, Any]:
    made = given.made[0]
    truth = Truth.read(made)
    stretches, cost = stretches_of(given, made, "with-text", ["--texts", str(made / "text.txt")])
    words = own_text.exact(truth, stretches, made / "text.txt")
    return {"cost": cost, "exact": words, **of_clips(truth, stretches, work_of(made) / "with-text")}


def faults(given: argparse.Namespace) -> dict[str, Any]:
    made = given.made[0]
    truth, text = Truth.read(made), work_of(made) / "faulty.txt"
    planted = own_text.plant(truth, text)
    stretches, _ = stretches_of(given, made, "with-faults", ["--texts", str(text)])
    judged = own_text.found(planted, stretches, truth)
    return {
        "faults": len(judged),
        "found": sum(fault["found"] for fault in judged),
        "in no kept clip at all": sum(fault["strict"] for fault in judged),
        "by kind": figures.planted_by_kind([{**fault, "flagged": fault["found"]} for fault in judged]),
        "doubtful without a fault": doubtful_without(truth, planted, stretches),
        "each": judged,
    }  # fmt: skip


def doubtful_without(truth: Truth, planted: list[dict[str, Any]], stretches: list[Stretch]) -> str:
    places = [place for fault in planted for place in fault["at"]]
    free = [s for s in stretches if s.file and not figures.overlap(s.start, s.end, sorted(map(tuple, places)))]
    return f"{sum(s.state == 'doubtful' for s in free)} of {len(free)}"


def kills(given: argparse.Namespace) -> dict[str, Any]:
    made = given.made[0]
    return killed(made / given.sound, work_of(made) / "kills", given.option, given.times)


def memory(given: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for made in given.made:
        to = work_of(made) / "memory"
        shutil.rmtree(to, ignore_errors=True)
        ran = run_import(made / given.sound, to, given.option)
        if ran.code:
            raise SystemExit(ran.said)
        found[made.name] = {"peak MB": round(ran.peak_bytes / 1e6), "seconds": round(ran.seconds)}
    return found


if __name__ == "__main__":
    main()

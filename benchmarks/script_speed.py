"""How much quicker a script is spoken at once than line by line: `speak`, `speak --tries 0` and `say` in a loop.

    python -m benchmarks.script_speed run/demo/shipped/demo --to FOLDER [--lines 200] [--checked N] [--says 12]

The script is ordinary sentences of the demo's grammar. It is spoken in `--parts` parts, and between them some of its
lines are said by `say`, each by a command of its own, so that all three are timed in the same minutes. One line a
timing goes into FOLDER/times.jsonl; the same command goes on. A part starts the command anew, which counts against
`speak`: the start is paid once for 200 lines by a user, and `--parts` times here. Where others load the machine, the
processor's minutes tell more than the clock's.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.demo_texts import ordinary, spread

SEED = 21
WAYS = {"unchecked": ("--tries", "0"), "checked": ()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a shipped folder")
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--lines", type=int, default=200)
    parser.add_argument("--checked", type=int, help="so many lines are spoken with checks; left out: all")
    parser.add_argument("--says", type=int, default=12)
    parser.add_argument("--parts", type=int, default=4)
    given = parser.parse_args()
    given.to.mkdir(parents=True, exist_ok=True)
    texts, record = ordinary(given.lines, SEED), given.to / "times.jsonl"
    known = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()] if record.exists() else []
    for way, name, lines in list(turns(texts, given.checked or len(texts), given.says, given.parts))[len(known) :]:
        seconds, processor = timed(way, name, lines, given.model, given.to)
        known.append({"way": way, "lines": len(lines), "seconds": seconds, "processor": processor})
        with record.open("a", encoding="utf-8") as file:
            file.write(json.dumps(known[-1]) + "\n")
        print(in_words(known), flush=True)


def turns(texts: Sequence[str], checked: int, says: int, parts: int) -> Iterator[tuple[str, str, Sequence[str]]]:
    """What is timed, in turn: a part of the script in both ways, and the share of the sentences that are said."""
    said = spread(texts, says)
    for part in range(parts):
        lines = texts[len(texts) * part // parts : len(texts) * (part + 1) // parts]
        for way in WAYS:
            most = checked // parts if way == "checked" else len(lines)
            yield way, f"{way}-{part}", lines[:most]
        for number in range(says * part // parts, says * (part + 1) // parts):
            yield "say", f"say-{number}", [said[number]]


def timed(way: str, name: str, lines: Sequence[str], model: Path, to: Path) -> tuple[float, float]:
    """Seconds of the clock and of the processor that a command takes; nothing of an earlier one helps it."""
    words = [sys.executable, "-m", "xtts_finetune.cli.main"]
    if way == "say":
        words += ["say", lines[0], "-o", str(to / f"{name}.wav"), "--model", str(model)]
    else:
        script, folder = to / f"{name}.txt", to / name
        script.write_text("\n".join(lines) + "\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        words += ["speak", str(script), "--to", str(folder), "--model", str(model), *WAYS[way]]
    begun, before = time.perf_counter(), os.times()
    subprocess.run(words, check=True, capture_output=True)
    took, after = time.perf_counter() - begun, os.times()
    return took, after.children_user + after.children_system - before.children_user - before.children_system


def in_words(known: Sequence[dict[str, float | str]]) -> str:
    told = []
    for unit, key in (("of the clock", "seconds"), ("of the processor", "processor")):
        rates = {}
        for way in ("say", *WAYS):
            own = [each for each in known if each["way"] == way]
            if own:
                rates[way] = 60 * sum(float(one["lines"]) for one in own) / sum(float(one[key]) for one in own)
        rated = [f"{way} {rate:.2f}" for way, rate in rates.items()]
        if "say" in rates:
            rated += [f"{way} {rates[way] / rates['say']:.1f} times as quick" for way in rates if way != "say"]
        told.append(f"lines a minute {unit}: {', '.join(rated)}")
    return "\n".join(told)


if __name__ == "__main__":
    main()

"""A user's own text with faults planted in it, and whether the import finds them."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.recordings.made import written
from benchmarks.recordings.truth import MAIN, Truth, errors, normal, overlap
from xtts_finetune.records.stretches import Stretch

SWAPPED, MISSING, EXCHANGED = 7, 7, 6
OTHER_WORDS = {
    "morning": "evening", "house": "garden", "water": "summer", "first": "second", "never": "often", "night": "winter",
    "small": "heavy", "people": "horses", "window": "corner", "street": "market", "children": "neighbors",
    "little": "single", "music": "paper", "letter": "basket", "school": "church", "under": "above", "after": "before",
    "river": "valley", "bread": "glass", "years": "weeks",
}  # fmt: skip


def plant(truth: Truth, to: Path, seed: int = 1) -> list[dict[str, Any]]:
    """Writes the text with faults, and faults.json beside it: what was changed, and where it is said."""
    rng = random.Random(seed)
    sentences = [dict(sentence) for sentence in truth.main]
    free = list(range(1, len(sentences) - 2))
    faults: list[dict[str, Any]] = []

    def place(*numbers: int) -> list[list[float]]:
        for number in numbers:
            for near in (number - 1, number, number + 1):
                if near in free:
                    free.remove(near)
        return [[truth.main[number]["start"], truth.main[number]["end"]] for number in numbers]

    swaps = [n for n in free if any(rf in re.findall(r"[a-z]+", sentences[n]["text"]) for rf in OTHER_WORDS)]
    while len([f for f in faults if f["kind"] == "word swapped"]) < SWAPPED:
        number = rng.choice([n for n in swaps if n in free])
        word = rng.choice([w for w in OTHER_WORDS if re.search(rf"\b{w}\b", sentences[number]["text"])])
        sentences[number]["text"] = re.sub(rf"\b{word}\b", OTHER_WORDS[word], sentences[number]["text"], count=1)
        faults.append({"kind": "word swapped", "said": word, "written": OTHER_WORDS[word], "at": place(number)})
    for _ in range(EXCHANGED):
        number = rng.choice(
            [n for n in free if n + 1 in free and sentences[n]["paragraph"] == sentences[n + 1]["paragraph"]]
        )
        first, second = sentences[number]["text"], sentences[number + 1]["text"]
        sentences[number]["text"], sentences[number + 1]["text"] = second, first
        faults.append(
            {"kind": "sentences exchanged", "said": first, "written": second, "at": place(number, number + 1)}
        )
    gone = set()
    for _ in range(MISSING):
        number = rng.choice(free)
        gone.add(number)
        faults.append(
            {"kind": "sentence missing", "said": sentences[number]["text"], "written": "", "at": place(number)}
        )
    kept = [sentence for number, sentence in enumerate(sentences) if number not in gone]
    to.write_text(written(kept, (MAIN,)), encoding="utf-8")
    to.with_name("faults.json").write_text(json.dumps(faults, indent=1), encoding="utf-8")
    return faults


def exact(truth: Truth, stretches: Sequence[Stretch], text: Path) -> dict[str, Any]:
    """Of the kept clips: how many have a run of the user's words, letter for letter, and the one that is said there."""
    whole = f" {' '.join(text.read_text(encoding='utf-8').split())} "
    kept = [stretch for stretch in stretches if stretch.state == "kept"]
    foreign = [s.text for s in kept if f" {' '.join(s.text.split())} " not in whole]
    elsewhere = [
        [round(s.start, 2), s.text, said]
        for s in kept
        if errors(normal(s.text), normal(said := truth.spoken_between(s.start, s.end)))
    ]
    return {"kept": len(kept), "not the user's words": foreign, "not what is said": elsewhere}


def found(faults: Sequence[dict[str, Any]], stretches: Sequence[Stretch], truth: Truth) -> list[dict[str, Any]]:
    """Each fault: in a doubtful clip, and in no kept one.

    strict   no kept clip reaches 0.3 s into a sentence that the fault touches
    found    no kept clip there has words that are not said there
    """
    judged = []
    for fault in faults:
        near = [s for s in stretches if any(overlap(a, b, [(s.start, s.end)]) > 0.3 for a, b in fault["at"])]
        kept = [s for s in near if s.state == "kept"]
        wrong = [s for s in kept if errors(normal(s.text), normal(truth.spoken_between(s.start, s.end)))]
        doubtful = any(s.state == "doubtful" for s in near)
        reasons = sorted({str(reason) for s in near for reason in s.reasons})
        judged.append(
            {
                **fault,
                "strict": doubtful and not kept,
                "found": doubtful and not wrong,
                "kept there": [s.text for s in kept],
                "reasons": reasons,
            }
        )
    return judged

"""What checking lines before they leave is worth: faults before and after, time, and false alarms on the recordings.

    python -m benchmarks.checked_speech run/demo/shipped/demo --to FOLDER [--texts 500] [--tries 3]

Ordinary texts of the demo's grammar that its voice was not trained on are spoken as `speak` speaks them, in batches of
32: each batch first without checks and then with them, so that both times are of the same minutes. Before is a first
take's share of faults, after that of what is kept. Then the same checks read the voice's own recordings: a fault there
is a false alarm. Some of the recordings are what the checks were calibrated with, so those that were not are counted
apart. A file a batch goes into FOLDER; the same command goes on, and prints what is there. An hour on two cores.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import soundfile
import torch

from benchmarks.demo_texts import ordinary, recordings, share
from xtts_finetune.evaluation.checking import Check, Checked
from xtts_finetune.evaluation.instruments.instrument import Sound
from xtts_finetune.evaluation.voice import RECORDINGS
from xtts_finetune.speaking.say import settings_with
from xtts_finetune.speaking.speak import BATCH
from xtts_finetune.speaking.speaking_models import SpeakingModel, in_voices, shipped_model
from xtts_finetune.speaking.spoken_lines import Session, WantedLine
from xtts_finetune.speaking.takes import Takes

SEED = 20


@dataclass
class Heard:
    """A check that remembers what it found in each take, and how long that took."""

    check: Check
    found: dict[str, list[list[str]]]
    seconds: float = 0.0

    def __call__(self, sound: Sound, text: str, language: str, cut: bool, others: Sequence[str]) -> Checked:
        begun = time.perf_counter()
        checked = self.check(sound, text, language, cut, others)
        self.seconds += time.perf_counter() - begun
        self.found.setdefault(text, []).append([*checked.faults])
        return checked


@dataclass(frozen=True)
class Batch:
    """Seconds without checks and with them, of those that the checks took, and the faults of each take of each text."""

    plain: float
    checked: float
    checking: float
    found: dict[str, list[list[str]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a shipped folder")
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--texts", type=int, default=500)
    parser.add_argument("--tries", type=int, default=3)
    parser.add_argument("--part", type=int, default=1, help="of --parts, which processes of their own may speak")
    parser.add_argument("--parts", type=int, default=1)
    parser.add_argument("--clips", type=Path, default=Path("run/demo/clips.jsonl"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    given.to.mkdir(parents=True, exist_ok=True)
    model = shipped_model(given.model)
    texts = ordinary(given.texts, SEED)
    numbers = range(-(-len(texts) // BATCH))
    for number in numbers[given.part - 1 :: given.parts]:
        file = given.to / f"batch-{number:02}.json"
        if not file.exists():
            batch = speak_batch(model, texts, texts[number * BATCH : (number + 1) * BATCH], given.tries, file)
            file.write_text(json.dumps(asdict(batch), indent=1) + "\n", encoding="utf-8")
        print(f"batch {number + 1} of {len(numbers)}", flush=True)
    done = [Batch(**json.loads(path.read_text(encoding="utf-8"))) for path in sorted(given.to.glob("batch-*.json"))]
    print(in_words(done))
    alarms = given.to / "recordings.json"
    if not alarms.exists():
        alarms.write_text(json.dumps(false_alarms(model, given.clips), indent=2) + "\n", encoding="utf-8")
    heard = json.loads(alarms.read_text(encoding="utf-8"))
    for group, found in heard.items():
        print(f"false alarms, {group}: {share(sum(map(bool, found)), len(found))} {[each for each in found if each]}")
    for name, chosen in (("first takes", lambda takes: takes[0]), ("what is kept", best)):
        kinds = Counter(
            fault.split(":")[0] for each in done for takes in each.found.values() for fault in chosen(takes)
        )
        print(f"faults of {name}: {dict(kinds.most_common())}")


loaded: dict[int, tuple[Any, Any]] = {}


def speak_batch(model: SpeakingModel, script: Sequence[str], texts: Sequence[str], tries: int, file: Path) -> Batch:
    settings = settings_with(model.judged, {})
    if not loaded:
        loaded[0] = in_voices(model, model.load("cpu")), model.check(settings.speed, print)
        lines = [WantedLine("The garden is green.", model.language, 1, None, "warm-up")]
        Session(
            loaded[0][0], settings, Takes(file.with_suffix("") / "warm-up"), 1, loaded[0][1], {lines[0].text: 0}
        ).speak(lines)
    speaker, check = loaded[0]
    heard = Heard(check, {})
    places = {text: place for place, text in enumerate(script)}
    lines = [WantedLine(text, model.language, 1, None, f"{places[text]:04}") for text in texts]
    seconds = []
    for folder, checked in (("plain", None), ("checked", heard)):
        session = Session(
            speaker, settings, Takes(file.with_suffix("") / folder), tries if checked else 1, checked, places
        )
        begun = time.perf_counter()
        session.speak(lines)
        seconds.append(time.perf_counter() - begun)
    return Batch(seconds[0], seconds[1], heard.seconds, heard.found)


def false_alarms(model: SpeakingModel, clips: Path) -> dict[str, list[list[str]]]:
    """The faults of each recording, by whether the checks were calibrated with it."""
    check = model.check(settings_with(model.judged, {}).speed, print)
    known = recordings(clips)
    calibrated = {sha256 for *_, sha256 in sorted(known, key=lambda each: each[3])[:RECORDINGS]}
    found: dict[str, list[list[str]]] = {"calibrated with": [], "others": []}
    for text, language, file, sha256 in known:
        wave, rate = soundfile.read(file, dtype="float32", always_2d=True)
        others = [other for other, *_ in known if other != text]
        checked = check(Sound(file, wave.mean(axis=1), rate), text, language, False, others)
        found["calibrated with" if sha256 in calibrated else "others"].append([*checked.faults])
    return found


def in_words(done: Sequence[Batch]) -> str:
    lines = [takes for batch in done for takes in batch.found.values()]
    before, after = (sum(bool(faults) for faults in each) for each in ([t[0] for t in lines], [best(t) for t in lines]))
    plain, checked, checking = (sum(getattr(each, key) for each in done) for key in ("plain", "checked", "checking"))
    takes = sum(map(len, lines))
    return (
        f"before {share(before, len(lines))}; after {share(after, len(lines))}; {takes} takes; "
        f"{checked / plain:.2f} times as long ({plain:.0f} s, with checks {checked:.0f} s, theirs {checking:.0f})"
    )


def best(takes: Sequence[Sequence[str]]) -> Sequence[str]:
    return min(takes, key=len)


if __name__ == "__main__":
    main()

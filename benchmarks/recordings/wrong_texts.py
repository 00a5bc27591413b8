"""Wrong texts planted in a prepared data set: does `prepare` put them first in DATA.html?

    python -m benchmarks.recordings.wrong_texts MADE [--clips 200] [--share 0.05] [--seeds 1 2 3]

Cuts sentences of the main speaker out of a made recording (made.py) where they truly begin and end, plants wrong texts
of three kinds (swapped between clips of like length, one word changed, cut short) and prepares the set on a tiny base
with random weights. Prints how many of them lie in the worst tenth of the page's order, and how many right texts are
said not to match. Writes MADE/measured/wrong-texts.json.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import soundfile
import soxr

from benchmarks.recordings.own_text import OTHER_WORDS
from benchmarks.recordings.truth import Truth, overlap
from testbed.random_base import make_random_base
from xtts_finetune.numbers.fixed import SAMPLE_RATE

DIFFERS = "text and sound differ"
PIPELINE = """
name: texts
base: ./base
language: en
vocoder: preview
check_texts: {check}
{recogniser}datasets: [{{name: voice, path: voice, format: coqui}}]
phases: [phase1]
"""
FILES = {
    "phases/phase1.yaml": "learning_rate: 1.0e-5\nbatch_size: 3\nsteps: 10\n",
    "eval/utterances.yaml": "sentences: [{id: hello, text: Hello.}]",
    "eval/decision_matrix.yaml": "rows: [{mel_ce: {below: 99}, ship: phase1, verdict: trained}]",
}
LONGER_WORDS = {"the": "his", "was": "has", "were": "had", "they": "we", "with": "without", "had": "found"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("made", type=Path)
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--check", default="on", help="what pipeline.yaml says as check_texts")
    parser.add_argument("--recogniser", help="a model's name or folder; the best that is installed otherwise")
    given = parser.parse_args()
    truth = Truth.read(given.made)
    found = []
    for seed in given.seeds:
        folder = given.made / "measured" / "wrong-texts" / str(seed)
        shutil.rmtree(folder, ignore_errors=True)
        wrong = write_project(truth, folder, given.clips, given.share, seed, given.check, given.recogniser)
        began = time.monotonic()
        ran = subprocess.run(prepare(), cwd=folder, check=False, capture_output=True, text=True, encoding="utf-8")
        if ran.returncode:
            raise SystemExit(ran.stdout + ran.stderr)
        found.append({"seconds": round(time.monotonic() - began, 1), **judged(folder, wrong, given.clips)})
        print(json.dumps(found[-1], indent=1), flush=True)
    (given.made / "measured" / "wrong-texts.json").write_text(json.dumps(found, indent=1), encoding="utf-8")


def prepare() -> list[str]:
    program = "from xtts_finetune.cli.main import main; raise SystemExit(main())"
    return [sys.executable, "-c", program, "prepare"]


def write_project(
    truth: Truth, folder: Path, clips: int, share: float, seed: int, check: str, recogniser: str | None
) -> dict[int, str]:
    """A project whose data set has so many clips; says which lines of metadata.csv are wrong, and in which way."""
    rng = random.Random(seed)
    (folder / "voice" / "wavs").mkdir(parents=True)
    for name, text in {
        "pipeline.yaml": PIPELINE.format(check=check, recogniser=f"recogniser: {recogniser}\n" if recogniser else ""),
        **FILES,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    make_random_base(folder / "base")
    disturbed = [(event["start"], event["end"]) for event in truth.events]
    free = [s for s in truth.main if s["end"] - s["start"] > 1.5 and not overlap(s["start"], s["end"], disturbed)]
    chosen = sorted(rng.sample(free, clips), key=lambda sentence: float(sentence["start"]))
    texts, wrong = plant([sentence["text"] for sentence in chosen], [s["end"] - s["start"] for s in chosen], share, rng)
    lines = ["audio_file|text|speaker_name"]
    for number, (sentence, text) in enumerate(zip(chosen, texts, strict=True)):
        write_clip(
            truth.sound, sentence["start"] - 0.06, sentence["end"] + 0.06, folder / "voice" / f"wavs/{number:03}.wav"
        )
        lines.append(f"wavs/{number:03}.wav|{text}|joe")
    (folder / "voice" / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return {number + 2: kind for number, kind in wrong.items()}


def plant(texts: list[str], seconds: list[float], share: float, rng: random.Random) -> tuple[list[str], dict[int, str]]:
    """The texts with wrong ones among them, and which those are: 2 of 5 swapped, the others changed or cut."""
    wanted, wrong, texts = round(len(texts) * share), {}, list(texts)
    while len(wrong) < wanted * 2 // 5:
        one = rng.choice([number for number in range(len(texts)) if number not in wrong])
        other = min(
            (number for number in range(len(texts)) if number != one and number not in wrong),
            key=lambda number: abs(seconds[number] - seconds[one]),
        )
        texts[one], texts[other] = texts[other], texts[one]
        wrong |= {one: "swapped", other: "swapped"}
    changes = OTHER_WORDS | LONGER_WORDS
    while len(wrong) < wanted:
        one = rng.choice([number for number in range(len(texts)) if number not in wrong])
        words = [word for word in changes if re.search(rf"\b{word}\b", texts[one])]
        if sum(kind == "a word changed" for kind in wrong.values()) < wanted * 3 // 10:
            if words:
                word = rng.choice(words)
                texts[one] = re.sub(rf"\b{word}\b", changes[word], texts[one], count=1)
                wrong[one] = "a word changed"
        elif len(said := texts[one].split()) >= 5:
            texts[one] = " ".join(said[: round(len(said) * 0.67)]).rstrip(",;:") + "."
            wrong[one] = "cut short"
    return texts, wrong


def write_clip(source: Path, start: float, end: float, to: Path) -> None:
    with soundfile.SoundFile(source) as file:
        file.seek(max(0, int(start * file.samplerate)))
        audio = file.read(int((end - start) * file.samplerate), dtype="float32").mean(axis=1)
        soundfile.write(to, soxr.resample(audio, file.samplerate, SAMPLE_RATE), SAMPLE_RATE, subtype="PCM_16")


def judged(folder: Path, wrong: dict[int, str], clips: int) -> dict[str, Any]:
    page = next((folder / "run").rglob("DATA.html")).read_text(encoding="utf-8")
    order = list(dict.fromkeys(int(line) for line in re.findall(r"metadata\.csv:(\d+)\b", page)))
    worst = set(order[: clips // 10])
    records = [json.loads(line) for line in next((folder / "run").rglob("clips.jsonl")).read_text("utf-8").splitlines()]
    warned = {record["line"] for record in records if DIFFERS in json.dumps(record["warnings"])}
    kinds = sorted(set(wrong.values()))
    count = {kind: [line for line, of in wrong.items() if of == kind] for kind in kinds}
    return {
        "clips": clips,
        "wrong": len(wrong),
        "in the worst tenth": {kind: f"{len(worst & set(lines))} of {len(lines)}" for kind, lines in count.items()},
        "warned": {kind: f"{len(warned & set(lines))} of {len(lines)}" for kind, lines in count.items()},
        "right texts warned": f"{len(warned - wrong.keys())} of {clips - len(wrong)}",
        "not in the worst tenth": [[line, of] for line, of in wrong.items() if line not in worst],
        "false alarms": sorted(warned - wrong.keys()),
    }


if __name__ == "__main__":
    main()

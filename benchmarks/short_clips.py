"""Noise after short texts: how often, what cutting the tail off leaves of it, and what a phase on short clips does.

    python -m benchmarks.short_clips run/demo --to FOLDER [--texts 200] [--steps 80]

Short clips are cut out of the run's training clips at pauses: a clip of two sentences becomes two, where its sound has
as many long pauses as its text has marks. A phase on all training clips and the short ones goes on from the demo's
phase2 beside a control, the same phase without the short ones; both hold out the clips that the demo holds out. Then
phase2, the control and the phase on short clips say the same texts of one to three words with the same seeds. Counted
are takes with a noisy tail, a repeat or babble, as the model speaks them and after the rule (`evaluation/tails.py`):

noisy tail   sound for more than 0.7 s after the last voiced frame
repeat       words said twice that the text has once
babble       noise in place of speech, a pause of more than 1.25 s, far too slow for the text, or no end

With `--read` the recogniser reads too: `other words` counts takes in which more than half of the letters are wrong, of
texts of four letters or more. What is done already is not done again. About 20 minutes on two cores.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
import yaml

from benchmarks.demo_texts import DEMO, share, short
from benchmarks.ears import Said, Words, at_16_khz
from xtts_finetune.evaluation.gate import faults_of
from xtts_finetune.evaluation.instruments.characters import character_error_rate
from xtts_finetune.evaluation.instruments.frames import HOP_SECONDS, Pace, Wave, frames_of
from xtts_finetune.evaluation.tails import without_tail
from xtts_finetune.evaluation.voice import read_checks
from xtts_finetune.speaking.say import settings_with
from xtts_finetune.speaking.speaking_models import candidate_model
from xtts_finetune.spec.declaration import load_declaration
from xtts_finetune.xtts.speech.speech import Line

SEED = 23
BATCH = 25
# Seconds of silence that part two sentences; within words there is none as long.
LEAST_PAUSE = 0.2
# Of the pause that is left at either end.
KEPT_SECONDS = 0.08
# How far a piece's share of the sound may be from its share of the letters, as a factor.
MOST_OFF = 1.5
KINDS = {
    "unvoiced tail": "noisy tail",
    "repeat": "repeat",
    "noise": "babble",
    "long pause": "babble",
    "too slow": "babble",
    "cut": "babble",
    "near silent": "silence",
}
SENTENCE = re.compile(r"[^.!?]+[.!?]+[\"']?\s*")
NAMES = ("short", "control")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="the demo's run")
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--steps", type=int, default=80)
    parser.add_argument("--read", action="store_true", help="let the recogniser read them too")
    given = parser.parse_args()
    torch.set_num_threads(1)
    make_projects(given.run.absolute(), given.to.absolute(), given.steps)
    models = {"phase2": (DEMO / "pipeline.yaml", "phase2", given.run.absolute())}
    for name in NAMES:
        file = given.to.absolute() / name / "pipeline.yaml"
        train(file)
        models[name] = (file, "more", file.parent / "run" / name)
    texts, checks = short(given.texts, SEED), read_checks(given.run / "shipped" / "demo" / "checks.json")
    assert checks is not None
    words = Words() if given.read else None
    for name, (file, candidate, run) in models.items():
        kept = given.to / f"{name}.json"
        if not kept.exists():
            takes = list(spoken(file, candidate, run, texts, checks[1]["en"], words))
            kept.write_text(json.dumps(takes, indent=1) + "\n", encoding="utf-8")
        tell(name, json.loads(kept.read_text(encoding="utf-8")))


def make_projects(run: Path, to: Path, steps: int) -> None:
    """The data sets, and two declarations that differ in one of them."""
    if (to / "control" / "pipeline.yaml").exists():
        return
    clips = [json.loads(line) for line in (run / "clips.jsonl").read_text(encoding="utf-8").splitlines()]
    train = [clip for clip in clips if clip["split"] == "train"]
    pieces = [(text, wave, rate) for clip in train for text, wave, rate in pieces_of(clip["text"], run / clip["audio"])]
    sets: dict[str, list[tuple[str, Wave, int]]] = {
        "held": [(clip["text"], *sound(run / clip["audio"])) for clip in clips if clip["split"] != "train"],
        "clips": [(clip["text"], *sound(run / clip["audio"])) for clip in train],
        "pieces": pieces,
    }
    for name, found in sets.items():
        shutil.rmtree(to / "data" / name, ignore_errors=True)
        (to / "data" / name / "wavs").mkdir(parents=True)
        lines = []
        for number, (text, wave, rate) in enumerate(found):
            soundfile.write(to / "data" / name / "wavs" / f"{name}_{number:03}.flac", wave, rate)
            lines.append(f"{name}_{number:03}|{text}|{text}\n")
        (to / "data" / name / "metadata.csv").write_text("".join(lines), encoding="utf-8")
    seconds = [len(wave) / rate for _, wave, rate in pieces]
    print(
        f"{len(pieces)} short clips of {len(train)}, {min(seconds):.1f} to {max(seconds):.1f} s, {np.mean(seconds):.1f}"
    )
    for name in NAMES:
        declare(run, to, name, steps, [*(["pieces"] if name == "short" else []), "clips", "held"])


def declare(run: Path, to: Path, name: str, steps: int, sets: Sequence[str]) -> None:
    spoken_of = json.loads((run / "phase2" / "utterances" / "utterances.json").read_text(encoding="utf-8"))
    utterances = yaml.safe_load((DEMO / "eval" / "utterances.yaml").read_text(encoding="utf-8"))
    phase = yaml.safe_load((DEMO / "phases" / "phase2.yaml").read_text(encoding="utf-8"))
    datasets = [
        {
            "name": each,
            "path": str(to / "data" / each),
            "format": "ljspeech",
            "speaker": "demo",
            **({"held_out": True} if each == "held" else {}),
        }
        for each in sets
    ]
    files: dict[str, dict[str, Any]] = {
        "pipeline.yaml": {
            "name": name, "base": str(DEMO / "base"), "language": "en", "datasets": datasets,
            "eval_set": {"fraction": 0.01, "at_least": 1}, "phases": ["more"], "utterances": "eval/utterances.yaml",
            "decision": "eval/decision_matrix.yaml", "vocoder": "preview", "check_texts": "off", "device": "cpu",
        },
        "phases/more.yaml": {
            key: value for key, value in phase.items() if key not in ("stop_when", "success", "goal")
        } | {"resume_from": {"checkpoint": str(run / "phase2" / "best_model.pth")}, "steps": steps},
        "eval/utterances.yaml": {
            "sentences": utterances["sentences"][:1], "inference": utterances["inference"], "held_out": 0,
            "reference": {"files": [str(each) for each in references(run, spoken_of["reference"])]},
        },
        "eval/decision_matrix.yaml": {"rows": [{"ship": "more", "verdict": "trained"}]},
    }  # fmt: skip
    for path, content in files.items():
        (to / name / path).parent.mkdir(parents=True, exist_ok=True)
        (to / name / path).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def references(run: Path, listed: Sequence[Any]) -> Iterator[Path]:
    """The files that the demo's voice is taken from."""
    for each in listed:
        name = str(each["file"] if isinstance(each, Mapping) else each)
        yield (run / name).resolve() if (run / name).exists() else (run / "phase2" / "utterances" / name).resolve()


def pieces_of(text: str, file: Path) -> Iterator[tuple[str, Wave, int]]:
    """The sentences of a clip, each with its sound; nothing where sound and text do not agree how many there are."""
    wave, rate = sound(file)
    sentences = [found.group().strip() for found in SENTENCE.finditer(text)]
    if len(sentences) < 2 or "".join(SENTENCE.findall(text)).strip() != text.strip():
        return
    pauses = sorted(sorted(_pauses(wave, rate), key=lambda each: each[0] - each[1])[: len(sentences) - 1])
    if len(pauses) < len(sentences) - 1:
        return
    edges = [(0.0, 0.0), *pauses, (len(wave) / rate, len(wave) / rate)]
    spans = [(max(a[1] - KEPT_SECONDS, 0), b[0] + KEPT_SECONDS) for a, b in itertools.pairwise(edges)]
    letters, seconds = [len(each) for each in sentences], [end - start for start, end in spans]
    for of, length in zip(letters, seconds, strict=True):
        off = (of / sum(letters)) / (length / sum(seconds))
        if not 1 / MOST_OFF < off < MOST_OFF:
            return
    for sentence, (start, end) in zip(sentences, spans, strict=True):
        yield sentence, wave[round(start * rate) : round(end * rate)], rate


def _pauses(wave: Wave, rate: int) -> Iterator[tuple[float, float]]:
    """Silences within the speech, in seconds."""
    audible = np.flatnonzero(frames_of(wave, rate).audible)
    for before, after in itertools.pairwise(audible):
        if (after - before - 1) * HOP_SECONDS >= LEAST_PAUSE:
            yield float(before + 1) * HOP_SECONDS, float(after) * HOP_SECONDS


def sound(file: Path) -> tuple[Wave, int]:
    wave, rate = soundfile.read(file, dtype="float32", always_2d=True)
    return np.asarray(wave.mean(axis=1), dtype=np.float32), int(rate)


def train(file: Path) -> None:
    if not (file.parent / "run" / file.parent.name / "more" / "best_model.pth").exists():
        words = [sys.executable, "-m", "xtts_finetune.cli.run_pipeline", "more", "-f", str(file)]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def spoken(
    file: Path, candidate: str, run: Path, texts: Sequence[str], pace: Pace, words: Words | None
) -> Iterator[dict[str, Any]]:
    model = candidate_model(load_declaration(file, run_folder=run), candidate, lambda *rest: " ".join(rest))
    speaker, settings = model.load("cpu"), settings_with(model.judged, {})
    for first in range(0, len(texts), BATCH):
        batch = texts[first : first + BATCH]
        lines = [Line(text, "en", 1) for text in batch]
        for place, speech in speaker.speak_many(lines, settings):
            text, rate = batch[place], speech.sample_rate
            ruled = without_tail(speech.wave, rate)
            found: dict[str, Any] = {"text": text, "seconds": [len(speech.wave) / rate, len(ruled) / rate]}
            for name, wave in (("raw", speech.wave), ("ruled", ruled)):
                faults = faults_of(wave, rate, text, speech.reached_limit, pace, text)
                found[name] = sorted({KINDS[fault.name] for fault in faults if fault.name in KINDS})
            if words is not None and sum(map(str.isalpha, text)) >= 4:
                heard = words.heard(Said(text, at_16_khz(ruled, rate)))
                found["wrong"] = character_error_rate(text, heard)
            yield found


def tell(name: str, takes: Sequence[Mapping[str, Any]]) -> None:
    for state in ("raw", "ruled"):
        faulty = sum(bool(take[state]) for take in takes)
        kinds = Counter(kind for take in takes for kind in take[state])
        print(f"{name:8} {state:6} {share(faulty, len(takes))}  {dict(kinds)}")
    shortened = sum(take["seconds"][1] < take["seconds"][0] for take in takes)
    wrong = [take["wrong"] > 0.5 for take in takes if take.get("wrong") is not None]
    print(
        f"{name:8} shortened by the rule: {share(shortened, len(takes))}; other words: {share(sum(wrong), len(wrong))}"
    )


if __name__ == "__main__":
    main()

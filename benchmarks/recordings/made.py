"""Makes a recording of one speaker with all that disturbs, and writes down what is where.

    python -m benchmarks.recordings.made FOLDER --styles kokoro-js/voices      made.wav, truth.json, text.txt ...
    python -m benchmarks.recordings.made FOLDER --plan "music p cough other:af_bella p"   one of your own plan

A plan is a list of sections: `p` (a paragraph of the main speaker; `p+music`, `p+fan`, `p+clipped`, `p+quiet`),
`other:VOICE` (a paragraph of another speaker), `music`, `drums`, `cough`, `applause`. truth.json has `sentences`
(speaker, text, said: with sums and titles as spoken, start, end, words: start and end of each of `said`) and `events`
(kind, start, end), in seconds. The voices' packages are named in voices.py. Spoken sentences are kept in --kept, so a
second recording costs little.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarks.recordings.noises import Stereo, applause, at_level, cough, fan, music, room
from benchmarks.recordings.voices import RATE, Joe, Kept, Kokoro, Spoken, Voice

HERE = Path(__file__).parent
SPEECH_DBFS, QUIET_DB, CLIPPED_DB, BED_DB = -23.0, -24.0, 16.0, -13.0
TITLES = {"Ms.": "Miz", "St.": "Saint", "Dr.": "Doctor", "Mr.": "Mister", "Mrs.": "Missus"}
OTHERS = ("af_bella", "bm_george")


@dataclass
class Section:
    """A piece of the recording with what is in it; times in seconds from its own beginning."""

    sound: Stereo
    sentences: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return len(self.sound) / RATE


def sentences_of(paragraph: str) -> list[str]:
    """Split where a sentence ends; `Dr.` ends none, nor does `p.m.` before a small letter."""
    return re.split(
        r"(?<!\bDr\.)(?<!\bMr\.)(?<!\bMrs\.)(?<!\bMs\.)(?<!\bSt\.)(?<=[.!?])\s+(?=[A-Z0-9])", paragraph.strip()
    )


def as_spoken(sentence: str) -> str:
    """Sums of money and titles as a person says them: voices read a sign first, some titles letter by letter."""
    for short, title in TITLES.items():
        sentence = sentence.replace(short, title)
    whole = re.sub(r"\$([\d,]*\d)\.(\d\d)\b", r"\1 dollars and \2 cents", sentence)
    return re.sub(r"\$([\d,.]*\d)( million)?", r"\1\2 dollars", whole)


def paragraph(voice: Voice, text: str, manner: str, rng: np.random.Generator) -> Section:
    pieces: list[Stereo] = [silence(rng.uniform(0.4, 1.0))]
    said: list[dict[str, Any]] = []
    at = pieces[0].shape[0]
    for sentence in sentences_of(text):
        aloud = as_spoken(sentence)
        spoken = paused(voice.say(aloud, int(rng.integers(1, 10_000))), rng)
        sound = np.stack([spoken.audio, spoken.audio * 0.92], axis=1).astype(np.float32)
        sound = at_level(sound, SPEECH_DBFS + rng.uniform(-1, 1))
        start = at / RATE
        words = [[round(start + word.start, 4), round(start + word.end, 4)] for word in spoken.words]
        end = start + len(sound) / RATE
        said.append(
            {"speaker": voice.name, "text": sentence, "said": aloud, "start": start, "end": end, "words": words}
        )
        rest = silence(rng.uniform(0.15, 0.5) if rng.random() < 0.35 else rng.uniform(0.4, 1.5))
        pieces += [sound, rest]
        at += len(sound) + len(rest)
    made = Section(np.concatenate(pieces), said)
    first, last = said[0]["start"], said[-1]["end"]
    if voice.name != "joe":
        made.events.append({"kind": "another voice", "start": first, "end": last})
    return disturbed(made, manner, first, last, rng) if manner else made


def disturbed(made: Section, manner: str, first: float, last: float, rng: np.random.Generator) -> Section:
    sound = made.sound
    if manner == "music":
        bed = music(made.seconds, int(rng.integers(1 << 30)), drums=bool(rng.random() < 0.5))[: len(sound)]
        sound[: len(bed)] += bed * 10 ** (BED_DB / 20)
        first, last = 0.4, made.seconds - 0.6
    elif manner == "fan":
        sound += fan(len(sound), rng)
        first, last = 0.0, made.seconds
    elif manner == "clipped":
        made.sound = np.clip(sound * 10 ** (CLIPPED_DB / 20), -0.97, 0.97)
    else:
        made.sound = sound * np.float32(10 ** (QUIET_DB / 20))
    kind = {"music": "music under speech", "fan": "noise", "clipped": "clipped", "quiet": "quiet"}[manner]
    made.events.append({"kind": kind, "start": first, "end": last})
    return made


def paused(spoken: Spoken, rng: np.random.Generator) -> Spoken:
    """With a pause of 0.1 to 0.5 s put in at two commas of three, where the voice is quietest."""
    audio, words = spoken.audio, list(spoken.words)
    for comma in reversed(spoken.commas):
        if rng.random() < 0.67:
            at, more = int(comma * RATE), rng.uniform(0.1, 0.5)
            if np.abs(audio[at - 100 : at + 100]).max(initial=0) < 0.02 * np.abs(audio).max():
                ramp = np.linspace(1, 0, 200, dtype=np.float32)
                left, right = audio[:at].copy(), audio[at:].copy()
                left[-200:] *= ramp
                right[:200] *= ramp[::-1]
                audio = np.concatenate([left, np.zeros(int(more * RATE), dtype=np.float32), right])
                words = [type(w)(w.start + more * (w.start >= comma), w.end + more * (w.start >= comma)) for w in words]
    return Spoken(audio, words, [])


def silence(seconds: float) -> Stereo:
    return np.zeros((int(seconds * RATE), 2), dtype=np.float32)


def event(kind: str, sound: Stereo, before: float, after: float) -> Section:
    start = int(before * RATE) / RATE
    whole = np.concatenate([silence(before), sound, silence(after)])
    return Section(whole, [], [{"kind": kind, "start": start, "end": start + len(sound) / RATE}])


def sections(
    plan: Iterable[str], texts: Iterator[str], others: Iterator[str], voices: Callable[[str], Voice], seed: int
) -> Iterator[Section]:
    rng = np.random.default_rng(seed)
    for item in plan:
        kind, _, manner = item.partition("+")
        number = int(rng.integers(1 << 30))
        if kind == "p":
            yield paragraph(voices("joe"), next(texts), manner, rng)
        elif kind.startswith("other:"):
            yield paragraph(voices(kind.partition(":")[2]), next(others), manner, rng)
        elif kind in ("music", "drums"):
            yield event(
                "music",
                music(rng.uniform(8, 22), number, kind == "drums"),
                rng.uniform(0.2, 1.2),
                rng.uniform(0.2, 1.0),
            )
        elif kind == "applause":
            yield event("applause", applause(rng.uniform(4, 9), number), rng.uniform(0.1, 0.6), rng.uniform(0.3, 1.0))
        elif kind == "cough":
            yield event("cough", cough(number), rng.uniform(0.1, 0.5), rng.uniform(0.2, 0.8))
        else:
            raise SystemExit(f"no section is called '{item}'")


def usual_plan(minutes: float, paragraphs: int, others: int) -> list[str]:
    """Every kind of section, spread over the recording; with the rest half a minute for each paragraph."""
    plan, spare = ["drums"], 0
    manners = {4: "+music", 9: "+quiet", 13: "+fan", 18: "+clipped", 23: "+music", 37: "+music", 50: "+music"}
    wanted = min(paragraphs, round(minutes / 0.52))
    for number in range(wanted):
        plan.append("p" + manners.get(number, ""))
        if number % 4 == 1:
            plan.append("cough")
        if number % 7 == 3:
            plan.append("music" if number % 2 else "drums")
        if number % 6 == 5 and spare < others:
            plan.append(f"other:{OTHERS[spare % 2]}")
            spare += 1
        if number % 17 == 10:
            plan.append("applause")
    return [*plan, "music"]


def make(folder: Path, made: Iterator[Section], seed: int) -> dict[str, Any]:
    """made.wav (16 bit, stereo, 44.1 kHz), truth.json, text.txt (the main speaker) and text-all.txt (everybody)."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed + 1)
    truth: dict[str, Any] = {"sentences": [], "events": []}
    at = 0
    with soundfile.SoundFile(folder / "made.wav", "w", RATE, 2, "PCM_16") as out:
        for section in made:
            out.write(np.clip(section.sound + room(len(section.sound), rng), -0.999, 0.999))
            shift = at / RATE
            for entry in (*section.sentences, *section.events):
                entry["start"], entry["end"] = round(entry["start"] + shift, 4), round(entry["end"] + shift, 4)
                entry["words"] = [[round(a + shift, 4), round(b + shift, 4)] for a, b in entry.get("words", [])]
            truth["sentences"] += [{**entry, "paragraph": at} for entry in section.sentences]
            truth["events"] += [{key: entry[key] for key in ("kind", "start", "end")} for entry in section.events]
            at += len(section.sound)
    truth["seconds"] = round(at / RATE, 4)
    (folder / "truth.json").write_text(json.dumps(truth, indent=1), encoding="utf-8")
    for name, wanted in (("text.txt", ("joe",)), ("text-all.txt", ("joe", *OTHERS))):
        (folder / name).write_text(written(truth["sentences"], wanted), encoding="utf-8")
    return truth


def written(sentences: list[dict[str, Any]], speakers: tuple[str, ...]) -> str:
    """The text as a person has it: a line for each paragraph."""
    paragraphs: dict[int, list[str]] = {}
    for sentence in sentences:
        if sentence["speaker"] in speakers:
            paragraphs.setdefault(sentence["paragraph"], []).append(sentence["text"])
    return "\n".join(" ".join(lines) for lines in paragraphs.values()) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=44)
    parser.add_argument("--plan", help="sections, in order; otherwise all kinds, spread over --minutes")
    parser.add_argument("--styles", type=Path, default=Path("voices"), help="the folder `voices` of kokoro-js")
    parser.add_argument(
        "--kept", type=Path, default=Path.home() / ".cache" / "made-recordings", help="spoken sentences"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--skip", type=int, default=0, help="paragraphs left out at the beginning of the text")
    given = parser.parse_args()
    lines = (HERE / "sentences.txt").read_text(encoding="utf-8").splitlines()[given.skip :]
    others = (HERE / "others.txt").read_text(encoding="utf-8").splitlines()
    known: dict[str, Voice] = {}

    def voice(name: str) -> Voice:
        if name not in known:
            own = Joe(given.kept) if name == "joe" else Kokoro(name, given.styles, given.kept)
            known[name] = Kept(own, given.kept / name)
        return known[name]

    plan = given.plan.split() if given.plan else usual_plan(given.minutes, len(lines), len(others))
    truth = make(given.folder, sections(plan, iter(lines), iter(others), voice, given.seed), given.seed)
    print(f"{truth['seconds'] / 60:.1f} min, {len(truth['sentences'])} sentences, {len(truth['events'])} events")


if __name__ == "__main__":
    main()

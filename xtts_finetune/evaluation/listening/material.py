"""What a test is made from: which candidates are heard, what they all have said, and recordings of the voice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.whose_voice import best_references, is_heard, reference_files
from xtts_finetune.look.commands import command
from xtts_finetune.records.atomic import read_json
from xtts_finetune.records.clips import read_clips
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration

# More candidates make more pairs: three have 3, four have 6, five have 10.
MOST = 5
# Recordings for hidden references and practice, beside the labelled one.
RECORDINGS = 6


@dataclass(frozen=True)
class Line:
    """A sentence that all candidates have said: its text and where each one's sound lies."""

    id: str
    text: str
    language: str
    files: Mapping[str, Path]


@dataclass(frozen=True)
class Recording:
    """A recording of the voice, with what is said in it where that is known."""

    file: Path
    text: str


@dataclass(frozen=True)
class Material:
    """Everything that may be heard.

    candidates  with the hash of their weights, in the declared order
    seed        of the utterances
    lines       in the order of their ids
    recordings  the first is the labelled reference of every trial
    """

    candidates: Mapping[str, str]
    seed: int
    lines: tuple[Line, ...]
    recordings: tuple[Recording, ...]


def check_named(declared: Sequence[str], spoken: Sequence[str], named: Sequence[str]) -> tuple[str, ...]:
    """Those named, in the declared order.

    Raises UserError when one is unknown, has not spoken, or when there are too few or too many.
    """
    if unknown := [name for name in named if name not in declared]:
        raise UserError(f"unknown candidate '{unknown[0]}'; there are {', '.join(declared)}")
    if silent := [name for name in dict.fromkeys(named) if name not in spoken]:
        raise UserError(f"{', '.join(silent)} has not spoken yet: {command('samples ' + ' '.join(silent))}")
    chosen = tuple(name for name in declared if name in named)
    if len(chosen) < 2:
        raise UserError(f"a listening test compares two candidates or more, and {chosen[0]} alone is named")
    if len(chosen) > MOST:
        raise UserError(
            f"{len(chosen)} candidates are too many for one test: each pair takes every sentence once, so {MOST} are "
            "the most; name two or three"
        )
    return chosen


def has_spoken(run: RunFolder, candidate: str) -> bool:
    """Whether a candidate's utterances are there."""
    return run.candidate(candidate).utterances_json.is_file()


def gather_material(
    declaration: Declaration, run: RunFolder, candidates: Sequence[str], seed: int | None = None
) -> Material:
    """What the candidates have said with `seed`, or else the first one, word for word; and recordings of the voice.

    Sentences that a candidate said badly are heard like any other: users would hear them too. Raises UserError
    when the candidates have said nothing in common, or no recording is there.
    """
    shas, seed, lines = said_by_all(declaration, run, candidates, seed)
    return Material(shas, seed, lines, _recordings(declaration, run))


def said_by_all(
    declaration: Declaration, run: RunFolder, candidates: Sequence[str], seed: int | None = None
) -> tuple[dict[str, str], int, tuple[Line, ...]]:
    """The hashes of the candidates' weights, the seed, and the sentences that all have said with it.

    Raises UserError when they have said nothing in common.
    """
    records = {name: _record(run, name) for name in candidates}
    there = {int(entry["seed"]) for record in records.values() for entry in record["utterances"]}
    if seed is None:
        seed = next((seed for seed in declaration.utterances.seeds if seed in there), min(there))
    spoken = {
        name: {
            (str(entry["id"]), str(entry["text"])): entry
            for entry in record["utterances"]
            if int(entry["seed"]) == seed
        }
        for name, record in records.items()
    }
    shared = sorted(set.intersection(*(set(said) for said in spoken.values())))
    lines = tuple(
        Line(
            id=key[0],
            text=key[1],
            language=str(spoken[candidates[0]][key].get("language") or declaration.pipeline.language),
            files={
                # Only the name counts: a record that was tampered with must not reach out of the folder.
                name: run.candidate(name).utterances / Path(str(said[key]["file"])).name
                for name, said in spoken.items()
            },
        )
        for key in shared
    )
    if not lines:
        names = ", ".join(candidates)
        raise UserError(f"{names} have no sentence in common: let them speak again: {command('samples')}")
    shas = {name: str(record["model_sha"]) for name, record in records.items()}
    return shas, seed, lines


def unspoken(declaration: Declaration, lines: Sequence[Line]) -> str:
    """'3 new sentences have not been spoken yet': of those in the config; empty for none. `lines` are what was said."""
    said = {(line.id, line.text) for line in lines}
    count = sum((sentence.id, sentence.text) not in said for sentence in declaration.utterances.sentences)
    if not count:
        return ""
    return "1 new sentence has not been spoken yet" if count == 1 else f"{count} new sentences have not been spoken yet"


def choose_lines(lines: Sequence[Line], count: int, seed: int, heard: Sequence[str] = ()) -> tuple[Line, ...]:
    """`count` of the sentences that were not heard yet, by chance, or all of them where there are fewer."""
    fresh = [line for line in lines if line.id not in set(heard)]
    return tuple(Random(f"{seed} sentences").sample(fresh, min(count, len(fresh))))


def _recordings(declaration: Declaration, run: RunFolder) -> tuple[Recording, ...]:
    """The voice's references first, then more training clips where the references are such clips."""
    files = reference_files(declaration, run)
    clips = read_clips(run.clips, "train") if run.clips.is_file() else []
    texts = {clip.audio: clip.text for clip in clips}
    if not declaration.utterances.reference.files:
        speaker = declaration.utterances.reference.speaker
        more = [clip.audio for clip in best_references(clips, RECORDINGS + 1, speaker, is_heard)]
        files = tuple(dict.fromkeys([*files, *more]))
    return tuple(Recording(file, texts.get(file, "")) for file in files[: RECORDINGS + 1])


def _record(run: RunFolder, candidate: str) -> dict[str, Any]:
    def spoken(record: dict[str, Any]) -> dict[str, Any]:
        if not record["utterances"] or not record["model_sha"]:
            raise ValueError("nothing was spoken")
        return record

    cure = f"let {candidate} speak again: {command(f'samples {candidate}')}"
    return read_json(run.candidate(candidate).utterances_json, spoken, "cannot be used", cure)

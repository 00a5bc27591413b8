"""What a candidate's utterances depend on, and whether those on disk are still right. No torch here."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.records.clips import ClipRecord, WarningKind, read_clips
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.utterances import HELD_OUT
from xtts_finetune.xtts.base import BaseFiles, find_base, quick_hash

BASE = "base"
# Raised when the same inputs begin to sound different, so that old utterances count as out of date.
SPEECH_VERSION = 2
# References of this length show a voice whole; XTTS reads them in chunks of 4 to 6 s.
GOOD_REFERENCE_SECONDS = (4.0, 8.0)


@dataclass(frozen=True)
class WantedUtterance:
    """One sentence with one seed. `clip` is the sha256 of its recording, for a line of the eval set."""

    id: str
    file: str
    text: str
    language: str
    seed: int
    clip: str | None = None


@dataclass(frozen=True)
class UtterancePlan:
    """Everything that a candidate's utterances depend on.

    checkpoint   its weights, or None for the base's own
    model_sha    quick hash of the file with its weights
    references   recordings of the voice, the same for all candidates
    fingerprint  one hash over all of it, the base and the references' contents
    fingerprints of each utterance by its file, over what it alone depends on
    """

    candidate: str
    base: BaseFiles
    checkpoint: Path | None
    model_sha: str
    vocoder: str
    references: tuple[Path, ...]
    settings: dict[str, Any]
    utterances: tuple[WantedUtterance, ...]
    fingerprint: str
    fingerprints: Mapping[str, str]


def plan_utterances(declaration: Declaration, run: RunFolder, candidate: str) -> UtterancePlan:
    """What `candidate` has to say, and in whose voice.

    Raises UserError if the candidate has no model yet, or if a reference is not there.
    """
    base = find_base(declaration.pipeline.base)
    checkpoint = None if candidate == BASE else run.candidate(candidate).best_model
    model = checkpoint or base.model
    if not model.is_file():
        raise UserError(f"{candidate} has no model to speak with: there is no {model}; train the phase first")
    references = reference_files(declaration, run)
    model_sha = quick_hash(model)
    spec = declaration.utterances
    utterances = wanted_utterances(declaration, run)
    voice = {
        "version": SPEECH_VERSION,
        "model": model_sha,
        "base": base.fingerprint(),
        "vocoder": declaration.pipeline.vocoder,
        "references": [quick_hash(file) for file in references],
        "settings": spec.inference.model_dump(mode="json"),
    }
    wanted = [asdict(utterance) for utterance in utterances]
    return UtterancePlan(
        candidate=candidate,
        base=base,
        checkpoint=checkpoint,
        model_sha=model_sha,
        vocoder=declaration.pipeline.vocoder,
        references=references,
        settings=spec.inference.model_dump(mode="json"),
        utterances=utterances,
        fingerprint=_hash({**voice, "utterances": wanted}),
        fingerprints={one["file"]: _hash({**voice, "utterance": one}) for one in wanted},
    )


def _hash(depends_on: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()


def utterances_current(declaration: Declaration, run: RunFolder, candidate: str) -> bool:
    """Whether the candidate's utterances are all there, made from what is declared and trained now."""
    try:
        plan = plan_utterances(declaration, run, candidate)
    except UserError:  # no model, clips or base yet: then there is nothing that could be current
        return False
    return is_current(plan, run)


def is_current(plan: UtterancePlan, run: RunFolder) -> bool:
    """Whether the record on disk is that of `plan` and every file it needs is there."""
    folder = run.candidate(plan.candidate)
    record = read_record(folder.utterances_json)
    return record.get("fingerprint") == plan.fingerprint and all(
        (folder.utterances / utterance.file).is_file() for utterance in plan.utterances
    )


def read_record(path: Path) -> dict[str, Any]:
    """utterances.json, or nothing if there is none that can be read: then everything is spoken again."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def wanted_utterances(declaration: Declaration, run: RunFolder) -> tuple[WantedUtterance, ...]:
    """Every declared sentence, then the held-out lines, each with every seed.

    Raises UserError if the clips are not prepared and held-out lines are asked for.
    """
    return (*declared_utterances(declaration), *held_out_utterances(declaration, run))


def declared_utterances(declaration: Declaration) -> tuple[WantedUtterance, ...]:
    """Every declared sentence with every seed, in the declared order."""
    return tuple(
        WantedUtterance(
            id=sentence.id,
            file=f"{sentence.id}_s{seed}.wav",
            text=sentence.text,
            language=sentence.language or declaration.pipeline.language,
            seed=seed,
        )
        for sentence in declaration.utterances.sentences
        for seed in declaration.utterances.seeds
    )


def held_out_utterances(declaration: Declaration, run: RunFolder) -> tuple[WantedUtterance, ...]:
    """Lines of the eval set with every seed: what they sound like is known from their recordings.

    Raises UserError if the clips are not prepared and held-out lines are asked for.
    """
    count = declaration.utterances.held_out
    return tuple(
        WantedUtterance(
            id=f"{HELD_OUT}{number}",
            file=f"{HELD_OUT}{number}_s{seed}.wav",
            text=clip.text,
            language=clip.language,
            seed=seed,
            clip=clip.sha256,
        )
        for number, clip in enumerate(held_out_clips(read_clips(run.clips), count) if count else (), start=1)
        for seed in declaration.utterances.seeds
    )


def held_out_clips(clips: Iterable[ClipRecord], count: int) -> list[ClipRecord]:
    """`count` clips of the eval set, of the voice that is trained, or as many as there are.

    The sound's hash chooses, so that the choice depends neither on their order nor on what they say. Lines
    that training has too are left out: a model may know them by heart.
    """
    known = list(clips)
    voice = main_speaker(clip for clip in known if clip.split == "train")
    held_out = {
        clip.sha256: clip
        for clip in known
        if clip.split == "eval"
        and clip.speaker == voice
        and all(warning.kind is not WarningKind.IN_TRAIN_AND_EVAL for warning in clip.warnings)
    }
    return [held_out[sha256] for sha256 in sorted(held_out)[:count]]


def reference_files(declaration: Declaration, run: RunFolder) -> tuple[Path, ...]:
    """The declared recordings of the voice, or training clips.

    Raises UserError if a declared file is not there, or if there is no training clip.
    """
    spec = declaration.utterances.reference
    if spec.files:
        if missing := [str(file) for file in spec.files if not file.is_file()]:
            raise UserError(f"utterances: reference: there is no file {', '.join(missing)}")
        return tuple(spec.files)
    chosen = best_references(read_clips(run.clips, "train"), spec.clips)
    if missing := [str(clip.audio) for clip in chosen if not clip.audio.is_file()]:
        raise UserError(
            f"utterances: the training clip {', '.join(missing)} is gone; prepare the clips again"
        )
    if not chosen:
        raise UserError(
            "utterances: there is no training clip to take the voice from; name files under 'reference:'"
        )
    return tuple(clip.audio for clip in chosen)


def best_references(clips: Iterable[ClipRecord], count: int) -> list[ClipRecord]:
    """`count` clips of the speaker with the most speech, those nearest to 4-8 s first.

    The choice does not depend on the order of the clips or where they lie: among equals the sound's hash
    decides. One speaker alone, because XTTS takes the mean of all references.
    """
    own = {clip.sha256: clip for clip in clips}.values()
    voice = main_speaker(own)
    return sorted(
        (clip for clip in own if clip.speaker == voice),
        key=lambda clip: (_distance(clip.seconds), clip.sha256),
    )[:count]


def voice_clips(declaration: Declaration, run: RunFolder) -> list[ClipRecord]:
    """The training clips of the voice: of the main speaker, or all of them where references are named.

    Raises UserError if the clips are not prepared.
    """
    clips = read_clips(run.clips, "train")
    if declaration.utterances.reference.files:
        return clips
    voice = main_speaker(clips)
    return [clip for clip in clips if clip.speaker == voice]


def main_speaker(clips: Iterable[ClipRecord]) -> str | None:
    """The speaker with the most speech; None if there is no clip. The same sound counts once."""
    speakers: dict[str, list[ClipRecord]] = defaultdict(list)
    for clip in {clip.sha256: clip for clip in clips}.values():
        speakers[clip.speaker].append(clip)
    return max(sorted(speakers), key=lambda speaker: _seconds(speakers[speaker]), default=None)


def _seconds(clips: Sequence[ClipRecord]) -> float:
    return round(sum(clip.seconds for clip in clips), 3)


def _distance(seconds: float) -> float:
    """How far a length is from the good ones."""
    shortest, longest = GOOD_REFERENCE_SECONDS
    return max(shortest - seconds, seconds - longest, 0.0)

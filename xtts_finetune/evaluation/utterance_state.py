"""What a candidate's utterances depend on, and whether those on disk are still right. No torch here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.spoken_as import spoken_as
from xtts_finetune.evaluation.whose_voice import held_out_clips, reference_files, voice_speaker
from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.records.atomic import json_or_none
from xtts_finetune.records.clips import read_clips
from xtts_finetune.records.run_folder import RunFolder, sound_name
from xtts_finetune.records.values import digest_of
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.utterances import HELD_OUT
from xtts_finetune.xtts.base import BaseFiles, find_base, quick_hash
from xtts_finetune.xtts.base_as_recorded import fingerprint_in, hashes_in

# Raised when the same inputs begin to sound different, so that old utterances count as out of date.
SPEECH_VERSION = 2


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
    references   recordings of the voice, the same for all candidates that do not name their own
    speaker      whose they are, as the data names them; None where recordings are declared and no speaker is
    fingerprint  one hash over all of it, the base and the references' contents
    fingerprints of each utterance by its file, over what it alone depends on
    """

    candidate: str
    base: BaseFiles
    checkpoint: Path | None
    model_sha: str
    vocoder: str
    references: tuple[Path, ...]
    speaker: str | None
    settings: dict[str, Any]
    utterances: tuple[WantedUtterance, ...]
    fingerprint: str
    fingerprints: Mapping[str, str]


def plan_utterances(declaration: Declaration, run: RunFolder, candidate: str) -> UtterancePlan:
    """What `candidate` has to say, and in whose voice.

    Raises UserError if the candidate has no model yet, or if a reference is not there or cannot be chosen.
    """
    declaration = spoken_as(declaration, run, candidate)
    base = find_base(declaration.pipeline.base)
    checkpoint = None if candidate == BASE else run.candidate(candidate).best_model
    model = checkpoint or base.model
    if not model.is_file():
        raise UserError(f"{candidate} has no model to speak with: there is no {model}; train the phase first")
    references = reference_files(declaration, run)
    model_sha = hashes_in(run, base, [model.name])[model.name] if checkpoint is None else quick_hash(model)
    spec = declaration.utterances
    utterances = wanted_utterances(declaration, run)
    voice = {
        **made_of(declaration, run, base, model_sha, references),
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
        speaker=_speaker(declaration, run),
        settings=spec.inference.model_dump(mode="json"),
        utterances=utterances,
        fingerprint=digest_of({**voice, "utterances": wanted}),
        fingerprints={one["file"]: digest_of({**voice, "utterance": one}) for one in wanted},
    )


def made_of(
    declaration: Declaration, run: RunFolder, base: BaseFiles, model_sha: str, references: Sequence[Path]
) -> dict[str, object]:
    """All that a model's sound depends on, but for texts and settings of inference."""
    return {
        "version": SPEECH_VERSION,
        "model": model_sha,
        "base": fingerprint_in(run, base),
        "vocoder": declaration.pipeline.vocoder,
        **_preview(declaration, base),
        "references": [quick_hash(file) for file in references],
    }


def _preview(declaration: Declaration, base: BaseFiles) -> dict[str, str]:
    """The network that the sound is made with, where there is one: another one sounds otherwise."""
    used = declaration.pipeline.vocoder == "preview" and base.preview.is_file()
    return {"preview": quick_hash(base.preview)} if used else {}


def _speaker(declaration: Declaration, run: RunFolder) -> str | None:
    spec = declaration.utterances.reference
    return spec.speaker if spec.files else voice_speaker(declaration, read_clips(run.clips, "train"))


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
    return json_or_none(path, dict) or {}


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
            file=sound_name(sentence.id, seed),
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
    clips = read_clips(run.clips) if count else []
    speaker = declaration.utterances.reference.speaker
    return tuple(
        WantedUtterance(
            id=f"{HELD_OUT}{number}",
            file=sound_name(f"{HELD_OUT}{number}", seed),
            text=clip.text,
            language=clip.language,
            seed=seed,
            clip=clip.sha256,
        )
        for number, clip in enumerate(held_out_clips(clips, count, speaker), start=1)
        for seed in declaration.utterances.seeds
    )

"""Whose voice is spoken with: the speaker, the recordings that it is taken from, the clips that are of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.usable_references import is_silent
from xtts_finetune.records.clips import ClipRecord, WarningKind, read_clips
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.reading.words import did_you_mean
from xtts_finetune.spec.utterances import has_words

# References of this length show a voice whole; XTTS reads them in chunks of 4 to 6 s.
GOOD_REFERENCE_SECONDS = (4.0, 8.0)
# Speakers that a line names; a data set may have thousands.
MOST_NAMED = 6


@dataclass(frozen=True)
class WhoseVoice:
    """Where the voice comes from.

    speaker     as the data names them; None where recordings are declared and no speaker is
    recordings  how many it is taken from
    clips       whether these are training clips
    others      the other speakers of the training clips with their seconds, those with most speech first
    """

    speaker: str | None
    recordings: int
    clips: bool
    others: tuple[tuple[str, float], ...] = ()

    @property
    def words(self) -> str:
        """'the voice of anna: 3 training clips; also in the data: ben (12 min)'."""
        kind = "training clip" if self.clips else "recording"
        count = f"{self.recordings} {kind}{'' if self.recordings == 1 else 's'}"
        first = f"the voice of {self.speaker}: {count}" if self.speaker else f"the voice of {count}"
        return first + (f"; also in the data: {speakers_in_words(self.others)}" if self.others else "")


def whose_voice(declaration: Declaration, run: RunFolder) -> WhoseVoice:
    """Whose voice all candidates speak with.

    Raises UserError as `reference_files`, and if the clips are not prepared where they are needed.
    """
    spec = declaration.utterances.reference
    clips = read_clips(run.clips, "train") if run.clips.is_file() or not spec.files else []
    speaker = voice_speaker(declaration, clips)
    others = tuple((name, seconds) for name, seconds in seconds_by_speaker(clips).items() if name != speaker)
    return WhoseVoice(speaker, len(reference_files(declaration, run)), not spec.files, others)


def voice_speaker(declaration: Declaration, clips: Iterable[ClipRecord]) -> str | None:
    """The declared speaker, else who has most speech in the training `clips`; None where recordings are named instead.

    Raises UserError, with the speakers that there are, if no training clip is of the declared one.
    """
    spec = declaration.utterances.reference
    if spec.speaker is None:
        return None if spec.files else main_speaker(clips)
    known = seconds_by_speaker(clips)
    if spec.speaker not in known:
        hint = did_you_mean(spec.speaker, known)
        there = speakers_in_words(known.items()) or "none: there is no training clip"
        raise UserError(
            f"{declaration.pipeline.utterances.name}: reference.speaker: no training clip is of "
            f"'{spec.speaker}'{hint or '.'} The speakers are {there}"
        )
    return spec.speaker


def main_speaker(clips: Iterable[ClipRecord]) -> str | None:
    """The speaker with the most speech; None if there is no clip. The same sound counts once."""
    return next(iter(seconds_by_speaker(clips)), None)


def seconds_by_speaker(clips: Iterable[ClipRecord]) -> dict[str, float]:
    """Seconds of speech of each speaker, the most first, equals by name. The same sound counts once."""
    seconds: dict[str, float] = {}
    for clip in {clip.sha256: clip for clip in clips}.values():
        seconds[clip.speaker] = seconds.get(clip.speaker, 0.0) + clip.seconds
    rounded = {speaker: round(total, 3) for speaker, total in sorted(seconds.items())}
    return dict(sorted(rounded.items(), key=lambda entry: -entry[1]))


def speakers_in_words(speakers: Iterable[tuple[str, float]]) -> str:
    """'anna (12 min), ben (0.4 min)'."""
    known = list(speakers)
    named = [f"{name} ({_minutes(seconds)})" for name, seconds in known[:MOST_NAMED]]
    more = [f"{len(known) - MOST_NAMED} more"] if len(known) > MOST_NAMED else []
    return ", ".join(named + more)


def reference_files(declaration: Declaration, run: RunFolder) -> tuple[Path, ...]:
    """The declared recordings of the voice, or training clips.

    Raises UserError if a declared file is not there, if no clip is of the declared speaker, or if there is no
    training clip that can be heard.
    """
    spec = declaration.utterances.reference
    if spec.files:
        if missing := [str(file) for file in spec.files if not file.is_file()]:
            raise UserError(f"utterances: reference: there is no file {', '.join(missing)}")
        return tuple(spec.files)
    clips = read_clips(run.clips, "train")
    speaker = voice_speaker(declaration, clips)
    chosen = best_references(clips, spec.clips, speaker, _not_silent)
    if missing := [str(clip.audio) for clip in chosen if not clip.audio.is_file()]:
        raise UserError(f"utterances: the training clip {', '.join(missing)} is gone; prepare the clips again")
    if not chosen:
        why = f"the training clips of '{speaker}' are now all silent or too short" if clips else ""
        raise UserError(
            f"utterances: {why or 'there is no training clip to take the voice from'}; name files under 'reference:'"
        )
    return tuple(clip.audio for clip in chosen)


def best_references(
    clips: Iterable[ClipRecord],
    count: int,
    speaker: str | None = None,
    usable: Callable[[ClipRecord], bool] = lambda clip: True,
) -> list[ClipRecord]:
    """`count` usable clips of the speaker, or else of whom there is most speech, those nearest to 4-8 s first.

    The choice does not depend on the order of the clips or where they lie: among equals the sound's hash
    decides. One speaker alone, because XTTS takes the mean of all references.
    """
    own = {clip.sha256: clip for clip in clips}.values()
    voice = speaker if speaker is not None else main_speaker(own)
    in_order = sorted(
        (clip for clip in own if clip.speaker == voice),
        key=lambda clip: (_distance(clip.seconds), clip.sha256),
    )
    chosen: list[ClipRecord] = []
    for clip in in_order:
        if len(chosen) == count:
            break
        if usable(clip):
            chosen.append(clip)
    return chosen


def voice_clips(declaration: Declaration, run: RunFolder) -> list[ClipRecord]:
    """The training clips of the voice: of its speaker, or all where recordings are named and no speaker is.

    Raises UserError if the clips are not prepared, or if none is of the declared speaker.
    """
    clips = read_clips(run.clips, "train")
    speaker = voice_speaker(declaration, clips)
    return clips if speaker is None else [clip for clip in clips if clip.speaker == speaker]


def held_out_clips(clips: Iterable[ClipRecord], count: int, speaker: str | None = None) -> list[ClipRecord]:
    """`count` clips of the eval set, of the voice that is trained, or as many as there are.

    speaker   whose they are; None: who has most speech in the training clips

    The sound's hash chooses, so that the choice depends neither on their order nor on what they say. Lines
    that training has too are left out, as a model may have memorised them, and so are those without a word.
    """
    known = list(clips)
    voice = speaker if speaker is not None else main_speaker(clip for clip in known if clip.split == "train")
    held_out = {
        clip.sha256: clip
        for clip in known
        if clip.split == "eval"
        and clip.speaker == voice
        and has_words(clip.text)
        and all(warning.kind is not WarningKind.IN_TRAIN_AND_EVAL for warning in clip.warnings)
    }
    return [held_out[sha256] for sha256 in sorted(held_out)[:count]]


def is_heard(clip: ClipRecord) -> bool:
    """Whether a clip is there and not silent."""
    return clip.audio.is_file() and not is_silent(clip.audio)


def _not_silent(clip: ClipRecord) -> bool:
    """One that is gone or damaged stays chosen, so that it is missed."""
    return not is_silent(clip.audio)


def _minutes(seconds: float) -> str:
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes >= 10 else f"{minutes:.1f} min"


def _distance(seconds: float) -> float:
    """How far a length is from the good ones."""
    shortest, longest = GOOD_REFERENCE_SECONDS
    return max(shortest - seconds, seconds - longest, 0.0)

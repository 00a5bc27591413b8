"""What a speech recogniser hears, and how far that is from the text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from rapidfuzz.distance import Levenshtein

from xtts_finetune.data.hearing.normalised import words_of
from xtts_finetune.data.hearing.short_sound import WITHOUT_SPACES
from xtts_finetune.evaluation.instruments.instrument import Instrument, Shown, Take
from xtts_finetune.evaluation.instruments.recognisers import recogniser_for
from xtts_finetune.records.heard.sample_faults import NEARER_TO_ANOTHER
from xtts_finetune.records.heard.scores import Reading, UtteranceScores

# Fewer letters are recognised by luck.
FEWEST_LETTERS = 8
RATES = ("cer", "wer")


def character_error_rate(text: str, heard: str) -> float | None:
    """Letters wrong, missing or too many, over those of `text`; above 1 if much was added.

    Only letters and digits count, so that neither spaces nor punctuation nor case matter; None for a text
    without any. It judges model and recogniser together: compare it with that of the voice's recordings.
    """
    said, understood = _letters(text), _letters(heard)
    return Levenshtein.distance(said, understood) / len(said) if said else None


def word_error_rate(text: str, heard: str, language: str) -> float | None:
    """Words wrong, missing or too many, over those of `text`, without case and marks, numbers in words.

    None for a text without any, and for languages that are written without spaces.
    """
    said = [] if language in WITHOUT_SPACES else words_of(text, language)
    return Levenshtein.distance(said, words_of(heard, language)) / len(said) if said else None


def margin_of_text(text: str, heard: str, others: Iterable[str]) -> float | None:
    """By how much what was heard is nearer to its own text than to the nearest of the others.

    As a share of the letters; below 0 another text is nearer. This asks little of the recogniser: it may get
    half of the letters wrong. None if text or others are missing or too short to tell.
    """
    own = _letters(text)
    rivals = {_letters(other) for other in others} - {own}
    if len(own) < FEWEST_LETTERS or not rivals:
        return None
    understood = _letters(heard)
    return min(_distance(rival, understood) for rival in rivals) - _distance(own, understood)


def _distance(said: str, understood: str) -> float:
    """Edits over the longer of the two, 0 to 1."""
    return Levenshtein.normalized_distance(said, understood) if said else 1.0


def _letters(text: str) -> str:
    kept = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in kept if unicodedata.category(character)[0] in "LMN")


def _read(take: Take) -> Mapping[str, Reading]:
    heard = take.panel.ask(
        "cer",
        lambda: recogniser_for(take.language, take.panel.ears),
        lambda recogniser: recogniser.heard(take.sound),
        part=take.language,
    )
    if heard is None:
        return {}
    # A recogniser writes '7' for 'seven', and 'Dr.' for 'doctor'.
    spelled = " ".join(words_of(heard, take.language))
    return {
        "cer": character_error_rate(take.spelled, spelled),
        "wer": word_error_rate(take.spelled, heard, take.language),
        "text_margin": margin_of_text(take.spelled, spelled, take.others()),
        "heard": heard,
    }


def _note(take: Take) -> dict[str, Reading]:
    found = _read(take)
    return {rate: found.get(rate) for rate in RATES}


def _usual(notes: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """The mean of each rate: what the same recogniser gets wrong of the recordings."""
    usual: dict[str, float | None] = {}
    for rate in RATES:
        known = [float(note[rate]) for note in notes if note[rate] is not None]
        usual[rate] = fmean(known) if known else None
    return usual


def _judge(take: Take, scores: UtteranceScores) -> tuple[float, float, str] | None:
    margin = scores.number("text_margin")
    return (margin, 0.0, NEARER_TO_ANOTHER) if margin is not None and margin < 0 else None


CHARACTERS = Instrument(
    name="cer",
    also=("wer", "heard", "text_margin"),
    unit="of the letters",
    source="speech recogniser",
    better="lower",
    read=_read,
    note=_note,
    usual=_usual,
    fault="wrong words",
    judge=_judge,
    shown=(Shown("cer", "misheard", "{:.0%}"), Shown("heard", "heard", "“{}”")),
    meaning="Share of the characters that a speech recogniser heard wrongly; it errs as well.",
    packages=("faster-whisper", "pocketsphinx", "librosa"),
    optional=True,
    slow=True,
    in_turn=True,
)

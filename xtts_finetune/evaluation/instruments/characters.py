"""What a speech recogniser hears, and how far that is from the text."""

from __future__ import annotations

import subprocess
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy as np

from xtts_finetune.evaluation.instruments.instrument import Instrument, Shown, Sound, Take
from xtts_finetune.evaluation.instruments.panel import NotMeasured
from xtts_finetune.packages import librosa_loaded
from xtts_finetune.records.sample_faults import NEARER_TO_ANOTHER
from xtts_finetune.records.scores import Reading, UtteranceScores
from xtts_finetune.spec.utterances import FILE_MARK, LANGUAGE_MARK, RecogniserSpec

INSTALL = "pip install jiwer pocketsphinx"
POCKETSPHINX_LANGUAGE = "en"
POCKETSPHINX_RATE = 16_000
# Every second frame, fewer hypotheses: a third of the time, as many errors.
QUICK = {"ds": 2, "maxhmmpf": 3000, "maxwpf": 5}
# An utterance takes seconds; a command that takes longer has stopped working.
COMMAND_SECONDS = 120.0
MESSAGE_CHARACTERS = 200
# Fewer letters are recognised by luck.
FEWEST_LETTERS = 8


class Recogniser(Protocol):
    """Something that writes down what it hears."""

    def heard(self, sound: Sound) -> str:
        """The words of a sound. Raises NotMeasured if the recogniser does not work."""


class PocketSphinx:
    """CMU's PocketSphinx with the English model that its package brings (Huggins-Daines et al. 2006).

    Old and small: of clear synthetic English it gets a fifth of the letters wrong, of rough speech most.
    """

    def __init__(self) -> None:
        """Raises NotMeasured if it is not installed."""
        try:
            from pocketsphinx import Decoder  # noqa: PLC0415  optional

            self._decoder: Any = Decoder(samprate=POCKETSPHINX_RATE, loglevel="FATAL", **QUICK)
        except (ImportError, RuntimeError) as error:
            raise NotMeasured(f"pocketsphinx cannot be used ({error}): {INSTALL}") from None

    def heard(self, sound: Sound) -> str:
        """The likeliest words; nothing if there are none."""
        wave = librosa_loaded().resample(
            sound.wave, orig_sr=sound.sample_rate, target_sr=POCKETSPHINX_RATE, res_type="soxr_hq"
        )
        self._decoder.start_utt()
        self._decoder.process_raw((np.clip(wave, -1.0, 1.0) * 32_767).astype("<i2").tobytes(), full_utt=True)
        self._decoder.end_utt()
        found = self._decoder.hyp()
        return str(found.hypstr) if found else ""


class Command:
    """A recogniser that the user names: a command that prints what it hears in a file."""

    def __init__(self, spec: RecogniserSpec, language: str) -> None:
        self._words = [word.replace(LANGUAGE_MARK, language) for word in spec.command]

    def heard(self, sound: Sound) -> str:
        """What the command prints. Raises NotMeasured if it is not there, fails or does not come to an end."""
        words = [word.replace(FILE_MARK, str(sound.file)) for word in self._words]
        try:
            done = subprocess.run(
                words,
                capture_output=True,
                timeout=COMMAND_SECONDS,
                encoding="utf-8",
                errors="replace",
                check=False,
            )
        except OSError as error:
            raise NotMeasured(f"recogniser: {words[0]} cannot be started ({error.strerror or error})") from None
        except subprocess.TimeoutExpired:
            raise NotMeasured(
                f"recogniser: {words[0]} took longer than {COMMAND_SECONDS:g} s for {sound.file.name}"
            ) from None
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["without a message"])[-1][:MESSAGE_CHARACTERS]
            raise NotMeasured(f"recogniser: {words[0]} failed with code {done.returncode}: {said}")
        return " ".join(done.stdout.split())


def recogniser_for(language: str, spec: RecogniserSpec | None) -> Recogniser:
    """The declared recogniser, or else PocketSphinx for English.

    Raises NotMeasured if there is none for the language, or jiwer, which counts the errors, is not installed.
    """
    try:
        import jiwer  # noqa: F401, PLC0415  optional
    except ImportError as error:
        raise NotMeasured(f"jiwer cannot be loaded ({error}): {INSTALL}") from None
    if spec is not None:
        return Command(spec, language)
    if language.split("-")[0] != POCKETSPHINX_LANGUAGE:
        raise NotMeasured(f"no recogniser for '{language}' comes with a package; name one: 'recogniser:'")
    return PocketSphinx()


def character_error_rate(text: str, heard: str) -> float | None:
    """Letters wrong, missing or too many, over those of `text` (jiwer); above 1 if much was added.

    Only letters and digits count, so that neither spaces nor punctuation nor case matter; None for a text
    without any. It judges model and recogniser together: compare it with that of the voice's recordings.
    """
    import jiwer  # noqa: PLC0415  optional

    said, understood = _letters(text), _letters(heard)
    return float(jiwer.cer(said, understood)) if said else None


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
    import jiwer  # noqa: PLC0415  optional

    if not said:
        return 1.0
    return float(jiwer.cer(said, understood)) * len(said) / max(len(said), len(understood))


def _letters(text: str) -> str:
    kept = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in kept if unicodedata.category(character)[0] in "LMN")


def _read(take: Take) -> Mapping[str, Reading]:
    heard = take.panel.ask(
        "cer",
        lambda: recogniser_for(take.language, take.panel.recogniser),
        lambda recogniser: recogniser.heard(take.sound),
        part=take.language,
    )
    if heard is None:
        return {}
    return {
        "cer": character_error_rate(take.spelled, heard),
        "text_margin": margin_of_text(take.spelled, heard, take.others()),
        "heard": heard,
    }


def _judge(take: Take, scores: UtteranceScores) -> tuple[float, float, str] | None:
    margin = scores.number("text_margin")
    return (margin, 0.0, NEARER_TO_ANOTHER) if margin is not None and margin < 0 else None


CHARACTERS = Instrument(
    name="cer",
    also=("heard", "text_margin"),
    unit="of the letters",
    source="speech recogniser and jiwer",
    better="lower",
    read=_read,
    fault="wrong words",
    judge=_judge,
    shown=(Shown("cer", "misheard", "{:.0%}"), Shown("heard", "heard", "“{}”")),
    meaning="Share of the characters that a speech recogniser heard wrongly; it errs as well.",
    packages=("jiwer", "pocketsphinx", "librosa"),
    optional=True,
    slow=True,
    in_turn=True,
    version=0,
)

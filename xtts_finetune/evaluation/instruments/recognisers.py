"""Who writes down what a sample says: Whisper, PocketSphinx, or a program of the user's own."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from typing import Any, Protocol

import numpy as np
import soxr

from xtts_finetune.data.hearing.ears import Ears, whisper_model
from xtts_finetune.data.hearing.models import RecogniserModel, how_to_install
from xtts_finetune.data.hearing.recogniser import MOST_SECONDS, RATE
from xtts_finetune.data.hearing.recogniser import Recogniser as WhisperModel
from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.instruments.instrument import Sound
from xtts_finetune.evaluation.instruments.panel import NotMeasured
from xtts_finetune.machine.packages import install_extra, librosa_loaded
from xtts_finetune.spec.utterances import FILE_MARK, LANGUAGE_MARK, RecogniserSpec

POCKETSPHINX_LANGUAGE = "en"
# Every second frame, fewer hypotheses: a third of the time, as many errors.
QUICK = {"ds": 2, "maxhmmpf": 3000, "maxwpf": 5}
# An utterance takes seconds; a command that takes longer has stopped working.
COMMAND_SECONDS = 120.0
MESSAGE_CHARACTERS = 200


class Recogniser(Protocol):
    """Something that writes down what it hears."""

    def heard(self, sound: Sound) -> str:
        """The words of a sound. Raises NotMeasured if the recogniser does not work."""


class Whisper:
    """Whisper in faster-whisper, one model for all sounds. Each is read for itself: the same words every time."""

    def __init__(self, model: RecogniserModel, language: str) -> None:
        """Raises UserError for a damaged model."""
        self._language = language
        self._model = WhisperModel(model)

    def heard(self, sound: Sound) -> str:
        """The likeliest words."""
        wave = soxr.resample(sound.wave, sound.sample_rate, RATE).astype(np.float32)
        try:
            if sound.seconds > MOST_SECONDS:
                return self._model.hear(wave, self._language).text
            return self._model.short_sound(wave, self._language).read()
        except (RuntimeError, ValueError) as error:  # CTranslate2's, and a language that Whisper does not know
            raise NotMeasured(f"whisper cannot read {sound.file.name}: {error}") from None


class PocketSphinx:
    """CMU's PocketSphinx with the English model that its package brings (Huggins-Daines et al. 2006).

    Old and small: of clear synthetic English it gets a fifth of the letters wrong, of rough speech most.
    """

    def __init__(self, language: str) -> None:
        """Raises NotMeasured if it is not installed, or does not know the language."""
        if language.split("-")[0] != POCKETSPHINX_LANGUAGE:
            raise NotMeasured(f"pocketsphinx reads English alone, not '{language}': {how_to_install()}")
        try:
            from pocketsphinx import Decoder  # noqa: PLC0415  optional

            self._decoder: Any = Decoder(samprate=RATE, loglevel="FATAL", **QUICK)
        except (ImportError, RuntimeError) as error:
            install = install_extra("judge", "pocketsphinx")
            raise NotMeasured(f"pocketsphinx cannot be used ({error}): {install}") from None

    def heard(self, sound: Sound) -> str:
        """The likeliest words; nothing if there are none."""
        wave = librosa_loaded().resample(sound.wave, orig_sr=sound.sample_rate, target_sr=RATE, res_type="soxr_hq")
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


def recogniser_for(language: str, ears: Ears) -> Recogniser:
    """The declared recogniser; where none is, Whisper if it is installed, or else PocketSphinx for English.

    Raises NotMeasured if there is none for the language.
    """
    if isinstance(ears.declared, RecogniserSpec):
        return Command(ears.declared, language)
    if ears.declared == "pocketsphinx":
        return PocketSphinx(language)
    try:
        return Whisper(whisper_model(language, ears), language)
    except UserError as error:
        if ears.declared is None:
            with suppress(NotMeasured):
                return PocketSphinx(language)
        raise NotMeasured(str(error)) from None

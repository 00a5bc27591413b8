"""The instruments that want a package or a model of their own, loaded once; and why one is not there."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from threading import Lock
from typing import TypeVar

from xtts_finetune.evaluation.instruments.characters import Recogniser, recogniser_for
from xtts_finetune.evaluation.instruments.noise import NoiseJudge
from xtts_finetune.evaluation.instruments.similarity import Embedding, SpeakerEncoder
from xtts_finetune.evaluation.instruments.sound import NotMeasured, Sound
from xtts_finetune.spec.utterances import RecogniserSpec

T = TypeVar("T")

# What readings depend on beside our own code.
PACKAGES = (
    "librosa",
    "pyloudnorm",
    "torch",
    "resemblyzer",
    "speechmos",
    "onnxruntime",
    "jiwer",
    "pocketsphinx",
)


def package_versions() -> dict[str, str | None]:
    """Versions of the packages that instruments use; None for one that is not installed. Imports none."""
    return {package: _version(package) for package in PACKAGES}


class Panel:
    """Similarity, noise and recognition, each None where it is not there. Several threads may ask at once.

    missing   why, by the reading's name; an instrument that breaks on the way is not asked again
    """

    def __init__(self, recogniser: RecogniserSpec | None = None) -> None:
        self.missing: dict[str, str] = {}
        self._spec = recogniser
        self._encoder = self._attempt("similarity", SpeakerEncoder)
        self._noise = self._attempt("noise_mos", NoiseJudge)
        self._recognisers: dict[str, Recogniser | None] = {}
        self._recognising = Lock()  # one hears one sound at a time

    def embedding(self, sound: Sound) -> Embedding | None:
        """(256,) of the speaker; None for silence."""
        return None if self._encoder is None else self._encoder.embed(sound.wave, sound.sample_rate)

    def background(self, sound: Sound) -> float | None:
        """DNSMOS's mark for the background, 1 to 5."""
        return None if self._noise is None else self._noise.background(sound.wave, sound.sample_rate)

    def heard(self, sound: Sound, language: str) -> str | None:
        """What the language's recogniser hears; the empty text if it hears no word."""
        with self._recognising:
            return self._recognise(sound, language)

    def _recognise(self, sound: Sound, language: str) -> str | None:
        if language not in self._recognisers:
            self._recognisers[language] = self._attempt("cer", lambda: recogniser_for(language, self._spec))
        recogniser = self._recognisers[language]
        if recogniser is None:
            return None
        heard = self._attempt("cer", lambda: recogniser.heard(sound))
        if heard is None:
            self._recognisers[language] = None
        return heard

    def _attempt(self, name: str, make: Callable[[], T]) -> T | None:
        try:
            return make()
        except NotMeasured as error:
            self.missing[name] = str(error)
            return None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None

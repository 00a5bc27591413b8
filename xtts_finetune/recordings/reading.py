"""One recording after the other: heard, read, cut and examined; what was done before is not done again."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from xtts_finetune.data.hearing.models import WEIGHTS, RecogniserModel, installed_models
from xtts_finetune.data.hearing.recogniser import Recogniser
from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.children.process import something_is_kept
from xtts_finetune.recordings.cutting.cutting import cut
from xtts_finetune.recordings.examining import Examiner, Finding, kept_findings, key_of
from xtts_finetune.recordings.listening import Sound, language_of, sound_of, words_of
from xtts_finetune.recordings.screen import Screen
from xtts_finetune.recordings.sources import Source
from xtts_finetune.recordings.states import stretch_of
from xtts_finetune.recordings.voices.voices import voices_told_by
from xtts_finetune.recordings.words.aligning import align, told
from xtts_finetune.recordings.words.own_texts import own_text_of
from xtts_finetune.recordings.words.spoken import spoken_form
from xtts_finetune.records.stretches import Stretch
from xtts_finetune.spec.languages import language_problem

# Of the way in which recordings are read: another one reads them anew.
METHOD = 1
# So many recordings tell the language.
LANGUAGES_HEARD = 3
# A clip that ends so near to where a recording breaks off is not whole.
NEAR_THE_BREAK = 0.2

Pair = tuple[Stretch, Finding]


class Reader:
    """Reads the recordings of the data set in `folder` with one model, which is loaded when it is needed."""

    def __init__(self, folder: Path, model: RecogniserModel, texts: Path | None, screen: Screen) -> None:
        self._folder = folder
        self.model = model
        self._texts = texts
        self._screen = screen
        self._recogniser: Recogniser | None = None
        self._examiner: Examiner | None = None

    def sounds(self, sources: Sequence[Source]) -> dict[str, Sound]:
        """Each recording as a whole, by its name."""
        sounds = {}
        for source in sources:
            progress = partial(self._screen.progress, f"hearing {Path(source.path).name}")
            sound = sounds[source.name] = sound_of(Path(source.path), self._folder / source.folder, progress)
            something_is_kept()
            if sound.fault:
                self._screen.say(f"{source.path} {sound.fault}; what is there is used")
        return sounds

    def language(self, sources: Sequence[Source], sounds: Mapping[str, Sound]) -> str:
        """The language that is spoken most. Raises UserError where XTTS lacks it."""
        likely: Counter[str] = Counter()
        for source in sources[:LANGUAGES_HEARD]:
            likely.update(language_of(Path(source.path), sounds[source.name], self._loaded()))
        language = likely.most_common(1)[0][0] if likely else "en"
        if language_problem(language):
            raise UserError(
                f"'{language}' seems to be spoken, which XTTS does not speak; if that is wrong, say --language"
            )
        return language

    def settings(self, language: str) -> str:
        """What the words depend on, besides the recording."""
        return f"{self.model.name} {(self.model.folder / WEIGHTS).stat().st_size} {language} {METHOD}"

    def before(self, source: Source, found: Sequence[Stretch]) -> list[Pair]:
        """Of a recording that is not read this time, what was found in it before."""
        findings = kept_findings(self._pieces(source))
        return [(each, findings.get(key_of(each), Finding())) for each in found if each.source == source.path]

    def stretches(self, source: Source, sound: Sound, language: str) -> list[Pair]:
        """The stretches of one recording with what was found in each."""
        path = Path(source.path)
        step = partial(partial, self._screen.progress)
        words = words_of(path, sound, self._loaded(), language, self._words(source), step(f"reading {path.name}"))
        if (own := own_text_of(path, self._texts)) is not None:
            words = align(words, own, language, sound.speech)
            self._screen.say(told(own, words))
        pieces = cut(words, sound.envelope, sound.speech, sound.end)
        if self._examiner is None:
            other = other_model(self.model, language)
            self._examiner = Examiner(Recogniser(other) if other is not None else self._loaded(), language)
        kept = self._pieces(source)
        findings = self._examiner.findings(path, sound, pieces, own is not None, kept, step(f"checking {path.name}"))
        pairs = []
        for piece, finding in zip(pieces, findings, strict=True):
            broken = bool(sound.fault) and piece.end > sound.end - NEAR_THE_BREAK
            stretch = stretch_of(source.path, piece, finding, own is not None, broken)
            pairs.append((replace(stretch, spoken=spoken_form(stretch.text, language)), finding))
        return pairs

    def _loaded(self) -> Recogniser:
        if self._recogniser is None:
            self._recogniser = Recogniser(self.model)
        return self._recogniser

    def _words(self, source: Source) -> Path:
        return self._folder / source.folder / f"words-{_key(source.reading)}.jsonl"

    def _pieces(self, source: Source) -> Path:
        return self._folder / source.folder / f"pieces-{_key(f'{source.reading} {voices_told_by()}')}.jsonl"


def other_model(model: RecogniserModel, language: str) -> RecogniserModel | None:
    """What reads each clip once more: the best of the others that are installed; None where there is none."""
    fit = [each for each in installed_models() if language == "en" or not each.english_alone]
    return next((each for each in fit if each.folder != model.folder), None)


def _key(reading: str) -> str:
    return hashlib.sha256(reading.encode()).hexdigest()[:8]

"""Which language each data set is in, as its lines say or its texts look, and what speaks against the chosen one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from xtts_finetune.data.readers import RawClip
from xtts_finetune.data.text.language import TEXTS_READ, OtherLanguages, guess_language
from xtts_finetune.setup.data_sets import FoundSet
from xtts_finetune.spec.languages import LANGUAGES

TEXTS_LOOKED_AT = 2000


def _some(found: FoundSet, most: int) -> Sequence[RawClip]:
    """At most so many of the clips, from all over the data set."""
    return found.clips[:: max(1, -(-len(found.clips) // most))]


def language_of(found: FoundSet) -> str | None:
    """The language of a data set: as it is declared, else as all of its lines say, else as the texts look."""
    said = {clip.language for clip in found.clips}
    only = found.spec.language or (said.pop() if len(said) == 1 else None)
    return only if only in LANGUAGES else guess_language(clip.text for clip in _some(found, TEXTS_READ))


def main_language(data: Sequence[FoundSet]) -> str | None:
    """The language that most clips are in; None where no data set tells its own."""
    clips: Counter[str] = Counter()
    for found in data:
        if (language := language_of(found)) is not None:
            clips[language] += len(found.clips)
    return clips.most_common(1)[0][0] if clips else None


def each_its_own(data: Sequence[FoundSet], language: str, said: bool) -> list[FoundSet]:
    """The data sets, those in another language than `language` declared so; what their lines say stays.

    Where the user `said` the language, texts that look otherwise are not declared otherwise.
    """
    declared = []
    for found in data:
        own = found.spec.language if len(data) > 1 else None
        if any(clip.language for clip in found.clips):
            own = None
        elif not said:
            own = language_of(found)
        update = {"language": own if own != language else None}
        declared.append(replace(found, spec=found.spec.model_copy(update=update)))
    return declared


def languages_of(data: Sequence[FoundSet], language: str) -> list[str]:
    """Every language that texts of the data sets are read in, the pipeline's first; none that XTTS lacks."""
    said = (clip.language or found.spec.language or language for found in data for clip in found.clips)
    return [code for code in dict.fromkeys([language, *said]) if code in LANGUAGES]


def language_notes(data: Sequence[FoundSet], language: str) -> list[str]:
    """A sentence for each data set with texts that plainly are in another language than they will be read in."""
    others = OtherLanguages()
    for found in data:
        for clip in _some(found, TEXTS_LOOKED_AT):
            others.add(found.spec.name, clip.text, clip.language or found.spec.language or language)
    return list(others.notes())

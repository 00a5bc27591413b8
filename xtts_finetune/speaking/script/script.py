"""What a script is: lines in their order, in chapters, each with what is declared for it alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from xtts_finetune.spec.utterances import has_words


@dataclass(frozen=True)
class ScriptLine:
    """One line, which becomes one file.

    place           where it stands, for people: 'line 12', 'row 3'
    chapter         its number, from 0
    voice           of the model's voices; None: its own
    language, seed  None: the script's
    pause           seconds of silence after it; None: what is usual between lines, or paragraphs
    ends_paragraph  whether a paragraph ends with it
    start           seconds from the beginning at which subtitles have it; None: after the line before it
    """

    text: str
    place: str
    chapter: int = 0
    voice: str | None = None
    language: str | None = None
    seed: int | None = None
    pause: float | None = None
    ends_paragraph: bool = True
    start: float | None = None


@dataclass(frozen=True)
class Script:
    """All lines, the titles of the chapters ('' for one without), and the places of what has no word in it."""

    lines: tuple[ScriptLine, ...]
    chapters: tuple[str, ...] = ("",)
    passed_over: tuple[str, ...] = ()

    @classmethod
    def of(cls, lines: Iterable[ScriptLine], chapters: Iterable[str] = ("",)) -> Script:
        """The lines that have a letter or a digit; '* * *' between two parts of a story has none."""
        found = list(lines)
        said = tuple(line for line in found if has_words(line.text))
        silent = tuple(line.place for line in found if not has_words(line.text))
        return cls(said, tuple(chapters) or ("",), silent)

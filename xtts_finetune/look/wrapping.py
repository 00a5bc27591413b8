"""Lines for people, wrapped at words. Paths, commands and numbers stay in one piece, so that they can be copied."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.cells import cell_len
from rich.text import Text

_QUOTED = r"""(?:'[^'\n]*'|"[^"\n]*")"""
_VALUE = rf"(?:{_QUOTED}|[^\s'\"])+"
# What may follow a program's name in running text: options with their values, names with a digit, capitals, paths,
# and a word before an option; of verbs that need a phase, the word behind them.
_ARGUMENT = (
    rf"(?:(?:solve|search|diagnose) +{_VALUE}"
    rf"|--?[A-Za-z][\w-]*(?:={_VALUE})?(?: +(?!-){_VALUE})?"
    rf"|(?=\S*[\d/\\=.]\w|{_QUOTED}){_VALUE}|[A-Z]{{4,}}\b\S*|[\w-]+(?= +--?[a-z]))"
)
_PROGRAMS = r"xtts-finetune(?: +[a-z]+)?|run_pipeline|pip3? +install +\S+|apt(?:-get)? +install +\S+|python3? +-m +\S+"
# Behind a colon it ends where the sentence continues.
_END = r"(?= (?:first|and|or|to|which|is|for|again|then|in|of|where|until|writes?|gets?)\b|[;,]|\.? *$)"
_COMMAND = (
    rf"(?:(?<=: )(?:{_PROGRAMS})\b[^;,\n]*?{_END}"
    rf"|(?:[^\s(]*[\\/])?(?:{_PROGRAMS})(?![\w-])(?: +{_ARGUMENT})*)"
)
# A path with blanks: what begins as one, and the words up to the next separator.
_PATH = (
    r"(?:(?<![^\s('\"])(?:~?/|[A-Za-z]:[\\/]|\.{1,2}[\\/]))[^\s:;,]*"
    r"(?: (?!and |or |in |to |is |/)[^\s:;,/\\]+){0,3}? (?!/)[^\s:;,/\\]*[\\/]\S*"
)
_NUMBER = r"\d+(?: \d{3})+(?: (?:%|[kMGT]?B|min|s|h)(?!\w))?|\d[\d.,]* (?:%|[kMGT]?B|min|s|h)(?!\w)"
_WHOLE = re.compile(rf"{_COMMAND}|{_PATH}|'[^'\n]*[\\/][^'\n]*'|\"[^\"\n]*[\\/][^\"\n]*\"|{_NUMBER}")
_GAP = re.compile(r" +")
_COLUMN = re.compile(r"\S {2,}(?=\S)")


def wrapped(text: str, width: int) -> str:
    """The text with every line that is longer than `width` columns broken between words.

    What follows stands under the line's last column (of 'label   words'), or two columns further in than the line
    began. A path or a command for which there is no room there has a line of its own, in one piece, however long.
    """
    return "\n".join(part for line in text.split("\n") for part in wrapped_line(line, width))


def wrapped_text(text: Text, width: int) -> Text:
    """The same of text with styles."""
    rows: list[Text] = []
    for line in text.split("\n", allow_blank=True):
        at = 0
        for number, row in enumerate(wrapped_line(line.plain, width)):
            words = row.strip() if number else row.rstrip()
            start = line.plain.index(words, at)
            at = start + len(words)
            rows.append(Text(row[: len(row) - len(row.lstrip())] if number else "") + line[start:at])
    return Text("\n", style=text.style).join(rows)


def wrapped_line(line: str, width: int, hang: int | None = None) -> list[str]:
    """The same of one line; what follows its first row stands at column `hang`."""
    if cell_len(line) <= width:
        return [line]
    begin = len(line) - len(line.lstrip())
    further = _column(line, width) if hang is None else hang
    rows: list[str] = []
    row = line[:begin]
    fields = list(_fields(line[begin:]))
    together = len(fields) > 2 and all(further + cell_len(field) <= width for _, field in fields)
    further = begin + 2 if together and hang is None else further
    for gap, piece in fields if together else _pieces(line[begin:]):
        if row.strip() and cell_len(row + gap + piece) > width:
            rows.append(row)
            row = " " * (further if further + cell_len(piece) <= width else min(further, begin + 2)) + piece
        else:
            row += gap + piece
    return [*rows, row]


def _column(line: str, width: int) -> int:
    """Where a line's last column of words begins, when that leaves most of the width for them."""
    begin = len(line) - len(line.lstrip())
    ends = [found.end() for found in _COLUMN.finditer(line) if found.end() <= width * 2 // 5]
    return ends[-1] if ends else begin + 2


def _fields(line: str) -> Iterator[tuple[str, str]]:
    """The parts of a line between wide gaps, 'mel_ce 3.507 -> 2.431   text_ce 0.0281', with the gap before each."""
    start, before = 0, ""
    for gap in re.finditer(" {3,}", line):
        yield before, line[start : gap.start()]
        start, before = gap.end(), gap.group()
    yield before, line[start:]


def _pieces(line: str) -> Iterator[tuple[str, str]]:
    """Each piece that must stay whole, with the blanks before it."""
    whole = [found.span() for found in _WHOLE.finditer(line)]
    start, before = 0, ""
    for gap in _GAP.finditer(line):
        if any(low < gap.end() and gap.start() < high for low, high in whole):
            continue
        yield before, line[start : gap.start()]
        start, before = gap.end(), gap.group()
    yield before, line[start:]

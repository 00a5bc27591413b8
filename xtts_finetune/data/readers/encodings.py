"""The encoding and the line ends of a file of texts, found in its bytes: UTF-8, UTF-16 or a code page.

A code page is told by the letters that it gives: each language of XTTS has its own, in known shares, and a wrong code
page turns some of them into letters that the language does not have.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from math import log
from pathlib import Path

from xtts_finetune.data.text.language import guess_language

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
UTF_8 = ("utf-8", "utf-8-sig")
# Letters beyond ASCII by language, the commonest first, and the code pages that texts in it were written in.
LATIN = {
    "en": ("éïèêçñ", "cp1252 mac_roman cp850"),
    "hu": ("áéöóőüíúű", "cp1250 iso8859_2 cp852"),
    "pl": ("łęąóżśćńź", "cp1250 iso8859_2 cp852"),
    "cs": ("áíěéýčžřšůúťóňď", "cp1250 iso8859_2 cp852"),
    "de": ("üäöß", "cp1252 mac_roman cp850"),
    "fr": ("éèàêçùâîôûœëï", "cp1252 mac_roman cp850"),
    "es": ("óáíéñúü", "cp1252 mac_roman cp850"),
    "pt": ("ãéçáíõóêâúôà", "cp1252 mac_roman cp850"),
    "it": ("èàùòéì", "cp1252 mac_roman cp850"),
    "nl": ("ëéïöüè", "cp1252 mac_roman cp850"),
    "tr": ("ıüşçğöİâî", "cp1254 iso8859_9 cp857"),
}
CYRILLIC = ("оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё", "cp1251 koi8_r cp866 iso8859_5 mac_cyrillic")
ARABIC = ("اليموتنربعدسهفكقحجةشصطخىأءذئضزغثظؤإآ", "cp1256 iso8859_6")
WIDE = {"ja": "cp932 euc_jp", "zh-cn": "gb18030 big5", "ko": "cp949"}
JAPANESE = ("cp932", "euc_jp")
OLD_PAGES = ("iso8859_2", "cp852", "mac_roman", "cp850", "iso8859_9", "cp857", "iso8859_5", "mac_cyrillic", "cp866")
APOSTROPHES = "’‘·"
# Where their commonest characters stand, and the first byte of the rare ones there.
FIRST_LEVELS = {
    "cp932": ("shift_jis", 0x98),
    "euc_jp": ("shift_jis", 0x98),
    "cp949": ("euc_kr", 0xC9),
    "gb18030": ("gb2312", 0xD8),
    "big5": ("big5", 0xC7),
}
ELSEWHERE = "–—„“”«»‘’‚…¿¡·°€£§\xa0、。，！？：；「」『』（）・《》"
# What is expected of a mark of punctuation, and of what the language does not have.
OF_PUNCTUATION, OF_NOTHING = log(0.1), log(1e-5)
# By how much the pages of a Mac and of DOS are rarer than those of Windows, and what the words' own language counts.
OF_OLD_PAGES, OF_LANGUAGE = log(0.5), 1.0
# Right texts come to about -3 a byte, the rarest letters to -4.
LEAST = -5.0
# Texts that have some right UTF-8 are UTF-8 with faults, unless there are this many wrong lines for a right one.
FAULTS = 10
BYTES_READ = 200_000


@dataclass(frozen=True)
class Encoding:
    """How a file's bytes become lines. `guessed` where nothing but its letters tells the code page."""

    codec: str
    line_end: str = "\n"
    guessed: bool = False

    def __str__(self) -> str:
        return f"{self.codec.replace('_', '-')}"


def encoding_of(path: Path, declared: str | None = None, language: str = "") -> Encoding:
    """The encoding of a file of texts; `language` is what its texts are said to be in, if that is known.

    Bytes that no encoding of the languages of XTTS fits pass for UTF-8 with faults. Raises OSError.
    """
    status = path.stat()
    return _found(path, status.st_mtime_ns, status.st_size, declared, language)


@lru_cache(maxsize=256)
def _found(path: Path, changed: int, size: int, declared: str | None, language: str) -> Encoding:
    content = path.read_bytes()
    codec, guessed = (declared, False) if declared else _codec(content, language)
    marks = ("\r", "\n") if codec not in ("utf-16", "utf-32") else ()
    has = [mark.encode(codec) in content for mark in marks]
    if not marks:
        text = content.decode(codec, errors="replace")
        has = ["\r" in text, "\n" in text]
    return Encoding(codec, "\r" if has == [True, False] else "\n", guessed)


def _codec(content: bytes, language: str) -> tuple[str, bool]:
    for mark, marked in MARKS:
        if content.startswith(mark):
            return marked, False
    if codec := _without_mark(content[:BYTES_READ]):
        return codec, False
    wrong = right = 0
    for line in re.split(rb"[\r\n]+", content):
        if not line.isascii():
            try:
                line.decode("utf-8")
                right += 1
            except UnicodeDecodeError:
                wrong += 1
    if wrong <= FAULTS * right or b"\0" in content:
        return "utf-8", False
    page = code_page(content[:BYTES_READ], language)
    return (page, True) if page else ("utf-8", False)


def decoded(content: bytes, codec: str | None) -> str:
    """A whole text in UTF-8 or UTF-16, else in the code page `codec`. Raises UnicodeDecodeError."""
    mark = next((codec for mark, codec in MARKS if content.startswith(mark)), None) or _without_mark(content)
    try:
        return content.decode(mark or "utf-8")
    except UnicodeDecodeError:
        if codec is None:
            raise
        return content.decode(codec)


def code_page_of_texts(files: Iterable[Path], language: str) -> str | None:
    """The code page that texts in files of their own share, told by all those that are not UTF-8; None for none."""
    content = b""
    for file in files:
        if len(content) > BYTES_READ:
            break
        with suppress(OSError):
            text = file.read_bytes()
            try:
                decoded(text, None)
            except UnicodeDecodeError:
                content += text + b"\n"
    return code_page(content, language) if content else None


def _without_mark(content: bytes) -> str | None:
    """UTF-16 without its mark: every other byte of ASCII is zero."""
    for first, codec in ((0, "utf-16-be"), (1, "utf-16-le")):
        zeros = content[first::2].count(0)
        if len(content) >= 8 and zeros > 0.4 * len(content) / 2 and not content[1 - first :: 2].count(0):
            return codec
    return None


def code_page(content: bytes, language: str = "") -> str | None:
    """The likeliest code page of the bytes, None where none fits; one that gives the same text may be named."""
    scores: dict[str, float] = {}
    said = language or guess_language(content[:BYTES_READ].decode("ascii", errors="ignore").splitlines()) or ""
    for code, page, likelihood in _candidates():
        try:
            text = content.decode(page)
        except UnicodeDecodeError as error:
            # The last letter of a piece may be cut in two.
            if error.start < len(content) - 4 or len(content) < BYTES_READ:
                continue
            text = content[: error.start].decode(page)
        score = _score(text, page, likelihood)
        score += OF_LANGUAGE if code.partition("-")[0] == said.partition("-")[0] else 0.0
        score += OF_OLD_PAGES if page in OLD_PAGES else 0.0
        scores[page] = max(scores.get(page, score), score)
    best = max(scores, key=lambda page: scores[page], default=None)
    return best if best is not None and scores[best] > LEAST else None


def _score(text: str, page: str, likelihood: dict[str, float]) -> float:
    """Mean log likelihood of a byte beyond ASCII; letters inside words in the wrong case count as wrong."""
    if page in JAPANESE and not re.search("[\u3040-\u30ff]", text):
        return OF_NOTHING
    total, size = 0.0, 0
    for before, letter, after in zip(" " + text, text, text[1:] + " ", strict=False):
        if letter.isascii():
            continue
        odd = letter in ELSEWHERE and letter not in APOSTROPHES and before.isalpha() and after.isalpha()
        odd = odd or (
            before.islower() and (letter.isupper() or (before.isascii() and letter >= "\u0370" and letter.isalpha()))
        )
        total += OF_NOTHING if odd else _of(letter, page, likelihood)
        size += len(letter.encode(page, errors="replace"))
    return total / max(1, size)


def _of(letter: str, page: str, likelihood: dict[str, float]) -> float:
    if letter in ELSEWHERE:
        return OF_PUNCTUATION
    if likelihood:
        return likelihood.get(letter, likelihood.get(letter.lower(), OF_NOTHING))
    # Of thousands of characters: those that are common.
    if "\u3040" <= letter <= "\u30ff":
        return log(0.01) if page in JAPANESE else OF_NOTHING
    share = 0.005 if page == "cp949" else 0.002
    return log(share) if _first_level(letter, *FIRST_LEVELS[page]) else OF_NOTHING


def _first_level(letter: str, page: str, first_rare: int) -> bool:
    """Whether an Asian code page has the letter among the common ones, which come first in it."""
    try:
        return 0x88 <= letter.encode(page)[0] < first_rare
    except UnicodeEncodeError:
        return False


@lru_cache(maxsize=1)
def _candidates() -> tuple[tuple[str, str, dict[str, float]], ...]:
    """Language, code page, and the log likelihoods of its letters; none where there are thousands."""
    alphabets = {**LATIN, "ru": CYRILLIC, "ar": ARABIC}
    found = []
    for language, (letters, pages) in alphabets.items():
        weights = [1 / (rank + 2) for rank in range(len(letters))]
        likelihood = {letter: log(weight / sum(weights)) for letter, weight in zip(letters, weights, strict=True)}
        found += [(language, page, likelihood) for page in pages.split()]
    return (*found, *((language, page, {}) for language, pages in WIDE.items() for page in pages.split()))

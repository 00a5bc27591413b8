"""Words as they are compared: without case and marks, with numbers and abbreviations as they are spoken."""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice, product
from typing import Any

from xtts_finetune.data.hearing.short_sound import WITHOUT_SPACES
from xtts_finetune.xtts.cleaning import read_numbers, reads_numbers, without_region

# Spoken in full, however they are written. With '.', only where the mark is written: 'no' and 'co' are words, too.
_ABBREVIATIONS = {
    "en": {
        "mr": "mister", "mrs": "misses", "misess": "misses", "ms": "miss", "dr": "doctor", "jr": "junior",
        "sr": "senior", "prof": "professor", "capt": "captain", "sgt": "sergeant", "lt": "lieutenant",
        "rev": "reverend", "vs": "versus", "etc": "et cetera", "ok": "okay", "st.": "saint", "co.": "company",
        "gen.": "general", "col.": "colonel", "maj.": "major", "hon.": "honorable", "no.": "number", "ave.": "avenue",
    },
    "de": {"dr": "doktor", "hr": "herr", "st.": "sankt", "nr.": "nummer", "usw": "und so weiter", "bzw":
           "beziehungsweise", "prof": "professor"},
    "fr": {"mme": "madame", "mlle": "mademoiselle", "dr": "docteur", "m.": "monsieur", "st.": "saint"},
    "es": {"sr": "señor", "sra": "señora", "srta": "señorita", "dr": "doctor", "dra": "doctora", "ud": "usted"},
    "it": {"sig": "signor", "dott": "dottor", "dr": "dottor", "prof": "professor"},
    "pt": {"sr": "senhor", "sra": "senhora", "dr": "doutor", "dra": "doutora"},
    "nl": {"dhr": "meneer", "mevr": "mevrouw", "dr": "doctor", "nr.": "nummer"},
    "hu": {"dr": "doktor", "kb": "körülbelül", "pl": "például", "stb": "satöbbi", "ún": "úgynevezett"},
    "pl": {"dr": "doktor", "np": "na przykład", "itd": "i tak dalej", "prof": "profesor"},
    "cs": {"dr": "doktor", "např": "například", "atd": "a tak dále", "č.": "číslo"},
}  # fmt: skip
_SIGNS = {
    "%": {"en": "percent", "de": "prozent", "fr": "pour cent", "es": "por ciento", "it": "per cento", "hu": "százalék",
          "pt": "por cento", "pl": "procent", "cs": "procent", "nl": "procent", "ru": "процентов", "tr": "yüzde"},
    "&": {"en": "and", "de": "und", "fr": "et", "es": "y", "it": "e", "hu": "és", "pt": "e", "pl": "i", "cs": "a",
          "nl": "en", "ru": "и", "tr": "ve"},
    "+": {"en": "plus", "de": "plus", "fr": "plus", "es": "más", "it": "più", "hu": "plusz", "pt": "mais",
          "pl": "plus", "cs": "plus", "nl": "plus", "ru": "плюс", "tr": "artı"},
}  # fmt: skip
# 'five dollars, zero cents', as num2words has it, is said by nobody.
_ZERO_CENTS = re.compile(r", (?:zero|null|zéro|cero|nulla|nul|zero) \w+")
MOST_READINGS = 64


def words_of(text: str, language: str) -> list[str]:
    """The words of a text for comparing; in a language without spaces each character is one.

    A number is read as a quantity; `same_words` knows other ways to say it.
    """
    return [word for written in split(text, language) for word in _readings(written, language)[0]]


def split(text: str, language: str) -> list[str]:
    """The words of a text as they are written, with their marks; those without a letter or digit are left out."""
    text = unicodedata.normalize("NFC", text)
    parts = re.split(r"\s+|(?<=\w)[–—/](?=\w)", text)
    if language in WITHOUT_SPACES:
        parts = [piece for part in parts for piece in re.findall(r"[a-zA-Z0-9]+\W*|.\W*", part)]
    return [part for part in parts if bare(part) or part in _SIGNS]


def bare(word: str) -> str:
    """Letters and digits alone, in lower case."""
    kept = (c for c in unicodedata.normalize("NFKC", word).casefold() if unicodedata.category(c)[0] in "LMN")
    return "".join(kept)


def same_words(one: Sequence[str], other: Sequence[str], language: str) -> bool:
    """Whether two runs of words as they are written can be the same when they are said.

    Spaces and hyphens do not count: 'every day' is 'everyday', '10:15' is 'ten fifteen'.
    """
    return not spoken_ways(one, language).isdisjoint(spoken_ways(other, language))


def sound_alike(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two runs of words have the same consonants, as 'Okafor' and 'Akhofer'; of Latin letters alone."""
    left, right = _consonants(one), _consonants(other)
    return bool(left) and left == right


def _consonants(words: Sequence[str]) -> str:
    letters = unicodedata.normalize("NFKD", "".join(map(bare, words)))
    for spelled, said in (("ph", "f"), ("gh", "g"), ("ck", "k"), ("c", "k"), ("q", "k"), ("z", "s")):
        letters = letters.replace(spelled, said)
    return re.sub(r"(.)\1+", r"\1", re.sub(r"[^bdfgjklmnprstvx]", "", letters))


def spoken_ways(words: Sequence[str], language: str) -> set[str]:
    """All ways to say a run of words, each as its letters."""
    ways = islice(product(*(_readings(word, language) for word in words)), MOST_READINGS)
    return {"".join(word for reading in way for word in reading) for way in ways}


@lru_cache(maxsize=65_536)
def _readings(written: str, language: str) -> tuple[tuple[str, ...], ...]:
    """All ways to say one word as it is written, the usual one first, each as its words."""
    code = without_region(language)
    plain = written.strip("\"'“”„«»()[]{}…,;:!?¿¡-–— ").casefold()
    full = _ABBREVIATIONS.get(code, {}).get(plain.rstrip("."), "") or _ABBREVIATIONS.get(code, {}).get(plain, "")
    if full:
        return (tuple(full.split()),)
    for sign, names in _SIGNS.items():
        plain = plain.replace(sign, f" {names.get(code, '')} ")
    if not any(character.isdigit() for character in plain):
        return (_plain_words(plain),)
    found = dict.fromkeys(way for said in _numbers_said(plain, code) if (way := _plain_words(said)))
    if code == "en":  # 'one hundred and five', 'one hundred five', 'a hundred five'
        found.update(dict.fromkeys(tuple(word for word in way if word != "and") for way in list(found)))
        found.update(dict.fromkeys(("a", *way[1:]) for way in list(found) if way[:1] == ("one",)))
    return tuple(found) or (_plain_words(plain),)


def _plain_words(text: str) -> tuple[str, ...]:
    return tuple(word for part in re.split(r"[\s\-–—]+", text) if (word := bare(part)))


def _numbers_said(plain: str, code: str) -> Iterator[str]:
    """Ways to say a word with digits: as a quantity, its parts, a year, a day, digit by digit."""
    if not reads_numbers(code):
        yield plain
        return
    apart = re.sub(r"(?<=\d)[:.,/](?=\d)", " ", plain)
    for way in (plain, re.sub(r"(?<=\d)(?=[^\W\d])|(?<=[^\W\d])(?=\d)", " ", plain), apart):
        with contextlib.suppress(Exception):  # num2words raises whatever it likes
            said = read_numbers(way, code)
            yield said
            yield _ZERO_CENTS.sub("", said)
    yield from _as_years_and_days(plain, code)
    if code == "en":  # 6:05, six oh five; 3:00, three o'clock
        yield re.sub(r"(\d+):00", lambda found: f"{_cardinal(found[1], code)} oclock", plain)
        yield " ".join(_digits(part, code, "oh") if part[0] == "0" else _cardinal(part, code) for part in apart.split())
    yield re.sub(r"\d", lambda found: f" {_digits(found[0], code)} ", plain)
    if code == "en":
        yield re.sub(r"\d", lambda found: f" {_digits(found[0], code, 'oh')} ", plain)


def _as_years_and_days(plain: str, code: str) -> Iterator[str]:
    number = re.fullmatch(r"(\d{1,4})(\D*)", plain)
    if number is None:
        return
    value, rest = int(number[1]), number[2]
    if len(number[1]) == 4:
        yield f"{_said(value, code, to='year')} {rest}"
        yield f"{_cardinal(number[1][:2], code)} {_cardinal(number[1][2:], code)} {rest}"
    if value <= 31:
        yield f"{_said(value, code, to='ordinal')} {rest}"


def _digits(text: str, code: str, nought: str | None = None) -> str:
    return " ".join(nought if nought and digit == "0" else _cardinal(digit, code) for digit in text)


def _cardinal(text: str, code: str) -> str:
    return _said(int(text), code) if text.isascii() and text.isdigit() else text


def _said(number: int, code: str, **how: Any) -> str:
    from num2words import num2words  # noqa: PLC0415  where there is a number

    with contextlib.suppress(Exception):  # a language that it does not know, and whatever else it raises
        return str(num2words(number, lang=code, **how))
    return str(number)

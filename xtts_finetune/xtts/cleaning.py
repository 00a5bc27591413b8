"""Whether XTTS can read a text in a language: Coqui's cleaner needs packages for some, and cannot read all numbers.

Numbers read out as Coqui's cleaner reads them, without Coqui's package: importing that takes torch along.

Only whether a text can be read matters here, so what leads to num2words is as there (`expand_numbers_multilingual` of
`TTS.tts.layers.xtts.tokenizer`, 0.28) and the rest of the cleaner, which takes any text, is left out.
"""

from __future__ import annotations

import contextlib
import importlib.util
import re
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from xtts_finetune.machine.packages import pip_install, requirements_of_extra
from xtts_finetune.spec.languages import LANGUAGES, language_problem

if TYPE_CHECKING:
    from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer

# What makes a number an ordinal one, by language.
_ORDINALS = {
    "en": r"st|nd|rd|th",
    "es": r"º|ª|er|o|a|os|as",
    "fr": r"º|ª|er|re|e|ème",
    "de": r"st|nd|rd|th|º|ª|\.(?=\s|$)",
    "pt": r"º|ª|o|a|os|as",
    "it": r"º|°|ª|o|a|i|e",
    "pl": r"º|ª|st|nd|rd|th",
    "ar": r"ون|ين|ث|ر|ى",
    "cs": r"\.(?=\s|$)",
    "ru": r"-й|-я|-е|-ое|-ье|-го",
    "nl": r"de|ste|e",
    "tr": r"\.|inci|nci|uncu|üncü",
    "hu": r"\.|adik|edik|odik|ödik|ödike|ik",
    "ko": r"번째|번|차|째",
    "hi": r"st|nd|rd|th",
}
_SIGNS = {"GBP": "£", "USD": r"\$", "EUR": "€"}  # in the order that they are read in
_AND = {"es": " con ", "fr": " et ", "de": " und ", "pt": " e ", "it": " e "}
_WITH_COMMAS = re.compile(r"\b\d{1,3}(,\d{3})*(\.\d+)?\b")
_WITH_DOTS = re.compile(r"\b\d{1,3}(.\d{3})*(\,\d+)?\b")
_DECIMAL = re.compile(r"[0-9]+[.,][0-9]+")


def reads_numbers(language: str) -> bool:
    """Whether the language's numbers are read by num2words; Chinese has its own reader, Japanese its dictionary."""
    return language in _ORDINALS


def read_numbers(text: str, language: str) -> str:
    """`text` with its numbers in words. `language` without a region.

    Raises whatever num2words raises: NotImplementedError, OverflowError, KeyError, IndexError, ValueError ...
    """
    text = text.replace('"', "")
    if language == "tr":
        text = text.replace("İ", "i").replace("Ö", "ö").replace("Ü", "ü")
    text = text.lower()
    if language in ("en", "ru"):
        text = _WITH_COMMAS.sub(lambda found: found[0].replace(",", ""), text)
    else:
        text = _WITH_DOTS.sub(lambda found: found[0].replace(".", ""), text)
    with contextlib.suppress(Exception):  # an amount that cannot be read stays, for those after this
        for currency, sign in _SIGNS.items():
            text = re.sub(rf"{sign}[0-9.,]*[0-9]+|[0-9.,]*[0-9]+{sign}", partial(_amount, language, currency), text)
    if language != "tr":
        text = _DECIMAL.sub(lambda found: _words(float(found[0].replace(",", ".")), language), text)
    ordinal = re.compile(rf"([0-9]+)(?:{_ORDINALS[language]})")
    text = ordinal.sub(lambda found: _words(int(found[1]), language, ordinal=True), text)
    return re.sub(r"[0-9]+", lambda found: _words(int(found[0]), language), text)


def _amount(language: str, currency: str, found: re.Match[str]) -> str:
    amount = float(re.sub(r"[^\d.]", "", found[0].replace(",", ".")))
    whole = _words(amount, language, to="currency", currency=currency)
    # 'four dollars, zero cents'
    return whole.rpartition(_AND.get(language, ", "))[0] or whole if amount.is_integer() else whole


def _words(number: float, language: str, **how: Any) -> str:
    from num2words import num2words  # noqa: PLC0415  needed where there is a number

    return str(num2words(number, lang=language, **how))


NAMED_PIECES = 3

# What the cleaner imports for a language; of several in one entry, one is enough.
_PACKAGES = {
    "ja": (("cutlet",), ("fugashi",), ("unidic_lite", "unidic")),
    "zh": (("pypinyin",),),
    "ko": (("ko_speech_tools",),),
}
# As they are installed, where that is another name.
_INSTALLED_AS = {"unidic_lite": "unidic-lite", "ko_speech_tools": "ko-speech-tools"}
# What reads texts in the languages that need no package of their own.
_CLEANER = ("coqui-tts", "num2words")
# What any cleaner can read that works at all.
_PROBES = {"ja": "あ", "zh": "一", "ko": "가"}

Clean = Callable[[str], object]


def cleaning_problem(text: str, language: str) -> str | None:
    """Why Coqui's cleaner cannot read `text`, in words and with the cure; None where it can. Imports torch.

    `language` as XTTS names it, or any other text.
    """
    return _problem(text, language, lambda code: lambda piece: _coqui().preprocess_text(piece, code))


def foreseen_problem(text: str, language: str) -> str | None:
    """As `cleaning_problem`, without importing torch or Coqui's package.

    Of packages it sees whether they are installed; whether they work, `cleaning_problem` says.
    """
    return _problem(text, language, lambda code: lambda piece: _foreseen(piece, code))


def package_problem(language: str) -> str | None:
    """The packages that texts in `language` need and that are not installed, with the cure; None if all are there."""
    code = without_region(language)
    missing = [
        _installed_as(names)
        for names in _PACKAGES.get(code, ())
        if not any(importlib.util.find_spec(name) for name in names)
    ]
    if not missing:
        return None
    which = "a package that is" if len(missing) == 1 else "packages that are"
    return f"{_name(language)} texts need {which} not installed: {', '.join(missing)}. Run: {install_command(code)}"


def install_command(language: str) -> str:
    """What installs the packages that `package_problem` names, into the Python that is running, from any folder."""
    return pip_install(_requirements(without_region(language)))


def unread_digits(text: str, language: str) -> str | None:
    """The first word with digits of another script (१२, ٣), which the cleaner leaves as they are; None without one."""
    if not reads_numbers(without_region(language)):
        return None
    return next((word for word in text.split() if any(c.isdecimal() and not c.isascii() for c in word)), None)


def language_fault(language: str) -> str | None:
    """Why no text at all can be read in `language`, as `cleaning_problem` finds it; None if texts can be read."""
    code = without_region(language)
    return language_problem(language) or package_problem(language) or cleaning_problem(_probe(code), language)


def _problem(text: str, language: str, cleaner: Callable[[str], Clean]) -> str | None:
    if (problem := language_problem(language)) is not None:
        return problem
    if (problem := package_problem(language)) is not None:
        return problem
    if (broken := re.search("[\ud800-\udfff]", text)) is not None:
        return f"a character of the text is broken (U+{ord(broken[0]):04X}); type it again, and save it as UTF-8"
    code = without_region(language)
    clean = cleaner(code)
    fault = _fault(text.strip(), clean)
    if fault is None:
        return None
    if (probed := _fault(_probe(code), clean)) is not None:
        what = f"{_name(language)} texts cannot be read with the packages that are installed"
        again = pip_install(_requirements(code), "--force-reinstall", "--no-deps")
        return f"{what} ({_one_line(probed)}). Install them again: {again}"
    pieces = _unread(text.strip(), clean)
    named = ", ".join(f'"{_short(piece)}"' for piece in pieces[:NAMED_PIECES])
    if len(pieces) > NAMED_PIECES:
        named += f" and {len(pieces) - NAMED_PIECES} more"
    if any(re.search(r"\d", piece) for piece in pieces):
        what = "that number" if len(pieces) == 1 else "those numbers"
        return f"XTTS cannot read {named} in {_name(language)}; write {what} out in words"
    return f"XTTS cannot read {named} in {_name(language)} ({_one_line(fault)}); write it another way"


def _foreseen(text: str, language: str) -> object:
    return read_numbers(text, language) if reads_numbers(language) else text


@cache
def _coqui() -> VoiceBpeTokenizer:
    from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer  # noqa: PLC0415  heavy

    return VoiceBpeTokenizer()


def _fault(text: str, clean: Clean) -> Exception | None:
    """What the cleaner raises: its libraries raise whatever they like."""
    try:
        clean(text)
    except Exception as error:
        return error
    return None


def _unread(text: str, clean: Clean) -> list[str]:
    """The words with a number that cannot be read, each once; else the shortest run of words that cannot."""
    words = text.split()
    alone = [word for word in dict.fromkeys(words) if re.search(r"\d", word) and _fault(word, clean)]
    if alone:
        return alone
    first, last = 0, len(words)
    while last - first > 1 and _fault(" ".join(words[first + 1 : last]), clean):
        first += 1
    while last - first > 1 and _fault(" ".join(words[first : last - 1]), clean):
        last -= 1
    return [" ".join(words[first:last])]


def _probe(code: str) -> str:
    return _PROBES.get(code, "a")


def _requirements(code: str) -> list[str]:
    """As pip takes them: of this package's own extra for the language where it has one, else by their names."""
    return requirements_of_extra(code) or [*map(_installed_as, _PACKAGES.get(code, ()))] or [*_CLEANER]


def _installed_as(names: tuple[str, ...]) -> str:
    return _INSTALLED_AS.get(names[0], names[0])


def _name(language: str) -> str:
    return LANGUAGES[language]


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")[:200]


def without_region(language: str) -> str:
    """As Coqui's `encode` has it: 'zh' for 'zh-cn'."""
    return language.split("-")[0]

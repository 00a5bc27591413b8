"""Numbers read out as Coqui's cleaner reads them, without Coqui's package: importing that takes torch along.

Only whether a text can be read matters here, so what leads to num2words is as there (`expand_numbers_multilingual` of
`TTS.tts.layers.xtts.tokenizer`, 0.28) and the rest of the cleaner, which takes any text, is left out.
"""

from __future__ import annotations

import contextlib
import re
from functools import partial
from typing import Any

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
            text = re.sub(
                rf"{sign}[0-9.,]*[0-9]+|[0-9.,]*[0-9]+{sign}", partial(_amount, language, currency), text
            )
    if language != "tr":
        text = _DECIMAL.sub(lambda found: _words(float(found[0].replace(",", ".")), language), text)
    ordinal = re.compile(rf"([0-9]+)(?:{_ORDINALS[language]})")
    text = ordinal.sub(lambda found: _words(int(found[1]), language, ordinal=True), text)
    return re.sub(r"[0-9]+", lambda found: _words(int(found[0]), language), text)


def _amount(language: str, currency: str, found: re.Match[str]) -> str:
    amount = float(re.sub(r"[^\d.]", "", found[0].replace(",", ".")))
    return _words(amount, language, to="currency", currency=currency)


def _words(number: float, language: str, **how: Any) -> str:
    from num2words import num2words  # noqa: PLC0415  needed where there is a number

    return str(num2words(number, lang=language, **how))

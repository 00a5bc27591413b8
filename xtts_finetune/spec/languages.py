"""The languages that XTTS v2 speaks, by the codes that it knows them by."""

from __future__ import annotations

from xtts_finetune.spec.reading.words import did_you_mean

# From the model card of XTTS v2: its tokenizer has one token for each of these.
LANGUAGES = {
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "de": "German",
    "it": "Italian",
    "pt": "Portuguese",
    "pl": "Polish",
    "tr": "Turkish",
    "ru": "Russian",
    "nl": "Dutch",
    "cs": "Czech",
    "ar": "Arabic",
    "zh-cn": "Chinese",
    "hu": "Hungarian",
    "ko": "Korean",
    "ja": "Japanese",
    "hi": "Hindi",
}


def language_problem(code: str) -> str | None:
    """What is wrong with `code` as a language of XTTS, in words, or None."""
    if code in LANGUAGES:
        return None
    by_name = {name.casefold(): known for known, name in LANGUAGES.items()}
    head = code.casefold().replace("_", "-").partition("-")[0]
    meant = by_name.get(code.casefold()) or next((c for c in LANGUAGES if c.partition("-")[0] == head), None)
    hint = f"; did you mean '{meant}'?" if meant else did_you_mean(code, LANGUAGES)
    return f"'{code[:40]}' is not a language of XTTS{hint or '; it speaks ' + ', '.join(LANGUAGES)}"


def as_xtts_names_it(code: str) -> str:
    """XTTS's code for a language as data sets write it: 'en-US', 'pt_BR', 'zh-CN', 'Hungarian'.

    A language that XTTS lacks comes back as it was, in lower case.
    """
    plain = code.strip().casefold().replace("_", "-")
    head, *regions = plain.split("-")
    # Written Chinese is Mandarin but where Cantonese is spoken; XTTS knows Mandarin alone.
    if head in ("zh", "cmn"):
        return plain if {"hk", "mo", "yue"} & set(regions) else "zh-cn"
    by_name = {name.casefold(): known for known, name in LANGUAGES.items()}
    return by_name.get(plain) or (head if head in LANGUAGES else plain)

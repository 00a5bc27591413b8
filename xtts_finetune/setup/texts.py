"""The language of recordings, as letters and common words of their texts tell it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

# Scripts that one language of XTTS has for itself.
SCRIPTS = {
    "ja": r"[\u3040-\u30ff]",
    "ko": r"[\uac00-\ud7af]",
    "zh-cn": r"[\u4e00-\u9fff]",
    "hi": r"[\u0900-\u097f]",
    "ar": r"[\u0600-\u06ff]",
    "ru": r"[\u0400-\u04ff]",
}
# The commonest short words of the languages in Latin letters. A word may stand in several.
WORDS = {
    "en": "the and of to in is that it was for you with on have not this are be at",
    "es": "el la de que y en un los se por las una con para es como pero está lo muy",
    "fr": "le la les de des et un une est que pas dans pour qui sur avec il je vous ce",
    "de": "der die das und ist nicht ich ein eine zu den mit sich auf auch wir es sie von im",
    "it": "il la di che e un una per non è sono con del della ma gli come più le si",
    "pt": "o a os de que e um uma não para com é do da em por mais como você está",
    "pl": "i w na się nie jest że do to z jak ale co o po za tak już był ma",
    "tr": "ve bir bu için de da ne çok ama değil gibi var daha ben o mi olarak sonra her kadar",
    "nl": "de het een en van is niet ik dat op te zijn met voor maar ook er aan wat hij",
    "cs": "a je se na to že v s z do jsem ale jak tak jako by byl pro co už",
    "hu": "a az és hogy nem egy is ez van volt de csak meg már mint vagy még itt azt el",
}
# Letters that are rare or missing elsewhere, as good as a word.
LETTERS = {
    "hu": "őű",
    "pl": "łżźśąęć",
    "cs": "řěů",
    "tr": "ğışİ",
    "pt": "ãõ",
    "es": "ñ¿¡",
    "de": "ß",
    "fr": "œù",
}
# Shares of words that are common ones, for a guess: fewer are names and chance.
LEAST_SHARE, LEAST_LEAD = 0.05, 1.25
TEXTS_READ = 400


def guess_language(texts: Iterable[str]) -> str | None:
    """XTTS's code of the language that the texts are likely in, None where nothing is plain."""
    text = " ".join(text for text, _ in zip(texts, range(TEXTS_READ), strict=False)).casefold()
    letters = sum(character.isalpha() for character in text)
    for code, script in SCRIPTS.items():
        if letters and len(re.findall(script, text)) > 0.2 * letters:
            return code
    words = re.findall(r"[^\W\d_]+", text)
    if not words:
        return None
    counted = Counter(words)
    hits = {
        code: sum(counted[word] for word in common.split())
        + sum(text.count(letter) for letter in LETTERS.get(code, ""))
        for code, common in WORDS.items()
    }
    (best, most), (_, second) = Counter(hits).most_common(2)
    return best if most >= LEAST_SHARE * len(words) and most >= LEAST_LEAD * second else None

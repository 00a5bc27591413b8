"""The language that texts are likely in, as their letters and commonest words tell it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice

from xtts_finetune.records.clips import ClipWarning, WarningKind
from xtts_finetune.spec.languages import LANGUAGES

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
    "en": "the and of to in is that it was for you with on have not this are be at he his from they we she but what",
    "es": "el la de que y en un los se por las una con para es como pero está lo muy del al su no más le ya",
    "fr": "le la les de des et un une est que pas dans pour qui sur avec il je vous ce ne au du elle nous plus en",
    "de": "der die das und ist nicht ich ein eine zu den mit sich auf auch wir es sie von im dem für wie aus sind hat",
    "it": "il la di che e un una per non è sono con del della ma gli come più le si ho al nel anche lo questo",
    "pt": "o a os de que e um uma não para com é do da em por mais como você está as no na se ao seu foi",
    "pl": "i w na się nie jest że do to z jak ale co o po za tak już był ma dla od przez są jej jego",
    "tr": "ve bir bu için de da ne çok ama değil gibi var daha ben o mi olarak sonra her kadar en ile olan şey",
    "nl": "de het een en van is niet ik dat op te zijn met voor maar ook er aan wat hij in was ze je die",
    "cs": "a je se na to že v s z do jsem ale jak tak jako by byl pro co už i o si za ve k",
    "hu": "a az és hogy nem egy is ez van volt de csak meg már mint vagy még itt azt el ha ki mert be ami nagyon",
}
# Letters that are rare or missing elsewhere, as good as a word.
LETTERS = {
    "hu": "őű",
    "pl": "łżźśąęć",
    "cs": "řěů",
    "tr": "ğışİ",
    "pt": "ãõ",
    "es": "ñ",
    "de": "ß",
    "fr": "œù",
}
# The letters that a language has beside a to z, or beside its script's usual ones: others are in names alone.
ACCENTS = {
    "en": "éï",
    "es": "áéíóúüñ",
    "fr": "àâæçéèêëîïôœùûüÿ",
    "de": "äöüßé",
    "it": "àèéìîòóù",
    "pt": "áâãàçéêíóôõúü",
    "pl": "ąćęłńóśźż",
    "tr": "çğıöşüâîû\u0307",
    "nl": "áéëïóöüèêú",
    "cs": "áčďéěíňóřšťúůýž",
    "hu": "áéíóöőúüű",
}
# Letters of a script that the language lacks: Ukrainian's, Belarusian's and Serbian's; Persian's and Urdu's.
LACKS = {"ru": "іїєґўјљњћђџ", "ar": "پچژگٹڈڑںےہ"}
MOST_FOREIGN = 0.01
# Shares of words that are common ones, for a guess: fewer are names and chance.
LEAST_SHARE, LEAST_LEAD = 0.05, 1.25
TEXTS_READ = 400
# What makes a single text plainly another language's: so many of its words, this share, and so many times the own.
PLAIN_HITS, PLAIN_SHARE, PLAIN_LEAD = 3, 0.2, 3
LONGEST_WITHOUT_KANA = 15
# Fewer texts of a data set than this, and this share of them, are quotations.
FEWEST_TOLD, LEAST_TOLD = 3, 0.02
# Share of the letters that another script has.
SCRIPT_SHARE, PLAIN_SCRIPT_SHARE = 0.2, 0.5


def guess_language(texts: Iterable[str]) -> str | None:
    """XTTS's code of the language that the texts are likely in, None where nothing is plain."""
    text = " ".join(islice(texts, TEXTS_READ)).casefold()
    if (script := _script_of(text, SCRIPT_SHARE)) is not None:
        return script if _share(text, LACKS.get(script, "")) <= MOST_FOREIGN else None
    words = _words(text)
    (best, most), (_, second) = _hits(text, words).most_common(2)
    return best if most >= max(1, LEAST_SHARE * words.total()) and most >= LEAST_LEAD * second else None


def plainly_another(text: str, language: str) -> str | None:
    """XTTS's code of the language that one text is in, where that plainly is not `language`."""
    text = text.casefold()
    if (script := _script_of(text, PLAIN_SCRIPT_SHARE)) is not None:
        # A short Japanese text may have no kana.
        japanese = language == "ja" and (_SCRIPTS["ja"].search(text) or len(text) < LONGEST_WITHOUT_KANA)
        return None if script == language or japanese else script
    words = _words(text)
    # A word says little more when it is said again.
    hits = _hits(text, Counter({word: min(count, len(word), 2) for word, count in words.items()}))
    best, most = hits.most_common(1)[0]
    plain = most >= max(PLAIN_HITS, PLAIN_SHARE * words.total()) and most > PLAIN_LEAD * hits[language]
    return best if plain and best != language else None


def language_warnings(text: str, language: str) -> Iterator[ClipWarning]:
    """That a clip's text plainly is in another language than it will be read in."""
    if (other := plainly_another(text, language)) is not None:
        yield ClipWarning(WarningKind.OTHER_LANGUAGE, f"it looks {not_but(other, language)}")


def not_but(other: str, language: str) -> str:
    """What is said of a text that looks otherwise than it will be read: 'Hungarian, not English'."""
    return f"{LANGUAGES[other]}, not {LANGUAGES.get(language, language)}"


class OtherLanguages:
    """Counts the texts of each data set that plainly are in another language than they will be read in."""

    def __init__(self) -> None:
        self._texts: Counter[str] = Counter()
        self._some: dict[str, list[str]] = defaultdict(list)
        self._others: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)

    def add(self, dataset: str, text: str, language: str, doubted: bool = True) -> None:
        """Count a text; `doubted` is False for one that is known to look as it should."""
        self._texts[dataset] += 1
        if len(self._some[dataset]) < TEXTS_READ:
            self._some[dataset].append(text)
        if doubted and (other := plainly_another(text, language)) is not None:
            self._others[dataset][language, other] += 1

    def notes(self) -> Iterator[str]:
        """A sentence for each data set that has more than a few such texts, with the cure."""
        for dataset, others in self._others.items():
            (language, other), count = others.most_common(1)[0]
            if count < max(FEWEST_TOLD, LEAST_TOLD * self._texts[dataset]):
                continue
            how_many = f"{count} of {self._texts[dataset]}"
            cure = "give each of these lines its language, or make them a data set of their own"
            if guess_language(self._some[dataset]) == other:  # each on its own, short texts do not tell
                how_many, cure = "most", f"if they are, write 'language: {other}' under it in pipeline.yaml"
            yield f"{how_many} texts in data set '{dataset}' look {not_but(other, language)}: {cure}"


def _script_of(text: str, share: float) -> str | None:
    if text.isascii():
        return None
    least = share * _letters(text)
    return next((code for code, script in _SCRIPTS.items() if len(script.findall(text)) > least), None)


def _letters(text: str) -> int:
    return sum(map(str.isalpha, text))


def _share(text: str, letters: str) -> float:
    return sum(map(text.count, letters)) / max(1, _letters(text))


def _words(text: str) -> Counter[str]:
    return Counter(_WORD.findall(text))


def _hits(text: str, words: Counter[str]) -> Counter[str]:
    """How many of the words, or rare letters, are each language's; none are a language's that lacks its accents."""
    hits = Counter(dict.fromkeys(WORDS, 0))
    for word in words.keys() & _SPOKEN_IN.keys():
        for code in _SPOKEN_IN[word]:
            hits[code] += words[word]
    if text.isascii():
        return hits
    accents = Counter(character for character in text if not character.isascii() and character.isalpha())
    most_foreign, all_of_them = MOST_FOREIGN * _letters(text), accents.total()
    for code, own in ACCENTS.items():
        hits[code] += sum(accents[letter] for letter in LETTERS.get(code, ""))
        if all_of_them - sum(accents[letter] for letter in own) > most_foreign:
            hits[code] = 0
    return hits


_SCRIPTS = {code: re.compile(script) for code, script in SCRIPTS.items()}
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_SPOKEN_IN: dict[str, list[str]] = {}
for _code, _common in WORDS.items():
    for _one in _common.split():
        _SPOKEN_IN.setdefault(_one, []).append(_code)

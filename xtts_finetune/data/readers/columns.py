"""Which column of a list holds what: by the names in its header, and by what stands in the column over all lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from xtts_finetune.spec.formats import Column
from xtts_finetune.spec.languages import LANGUAGES, as_xtts_names_it

NAMES: dict[Column, tuple[str, ...]] = {
    "audio": (
        *("audio_file", "audio_filepath", "audio_path", "audio", "file_name", "filename", "file_path", "filepath"),
        *("file", "path", "wav_file", "wav_path", "wav_filename", "wav", "clip", "clip_path", "sound", "recording"),
        *("fname", "utterance_id", "utt_id", "uttid", "id"),
    ),
    "text": (
        *("normalized_text", "text_normalized", "normalised_text", "text", "sentence", "transcription", "transcript"),
        *("transcribed_text", "content", "utterance", "caption", "label", "script"),
    ),
    "speaker": ("speaker_name", "speaker", "speaker_id", "client_id", "spk", "spk_id", "voice", "reader", "narrator"),
    "language": ("language", "lang", "locale"),
    "start": ("start", "start_time", "begin", "begin_time", "offset", "start_s", "start_sec", "start_seconds"),
    "end": ("end", "end_time", "stop", "stop_time", "end_s", "end_sec", "end_seconds"),
}
NO_SPEAKERS = {"male", "female", "m", "f", "man", "woman", "train", "test", "dev", "eval", "valid", "validation"}
# Fewer lines than this tell nothing of how often a value comes back.
FEWEST_LINES = 3
# Lines whose sounds are looked for.
LOOKED_FOR = 200
FEW = 0.2


@dataclass(frozen=True)
class Values:
    """A column, as far as its values tell what it is."""

    values: Sequence[str]

    @property
    def filled(self) -> list[str]:
        """The values that are not empty."""
        return [value for value in self.values if value]

    @property
    def different(self) -> int:
        """How many different values there are."""
        return len(set(self.filled))

    @property
    def is_text(self) -> bool:
        """Whether these are sentences, mostly different: several words, or a script without spaces."""
        return self._is_written and self.different > max(1, FEW * len(self.filled))

    @property
    def _is_written(self) -> bool:
        said = sum(map(_is_said, self.filled))
        return bool(self.filled) and said > 0.5 * len(self.filled)

    @property
    def is_few(self) -> bool:
        """Whether the same short values come again and again, as names do: no text that a clip has for itself."""
        often = self.different <= max(1, FEW * len(self.filled)) or (len(self.filled) < 10 and self.different < 3)
        return len(self.filled) >= FEWEST_LINES and often and self.different < len(self.filled) and not self.is_long

    @property
    def is_long(self) -> bool:
        """Whether most values are longer than a name."""
        return sum(len(value.split()) > 3 or len(value) > 40 for value in self.filled) > 0.5 * len(self.filled)

    @property
    def is_time(self) -> bool:
        """Whether these are numbers, some with a fraction, as times are."""
        numbers = [re.fullmatch(r"-?\d+([.,]\d+)?", value) for value in self.filled]
        return bool(numbers) and all(numbers) and any(number[1] for number in numbers if number)

    @property
    def is_language(self) -> bool:
        """Whether each value is a language by its code or name."""
        codes = {as_xtts_names_it(value) for value in self.filled}
        return bool(codes) and codes <= set(LANGUAGES) | {"yue"} and codes & set(LANGUAGES) != set()

    @property
    def is_speaker(self) -> bool:
        """Whether the values may be speakers: few, short, and neither languages nor kinds of people or of lists."""
        if not self.filled or self.is_language or {value.casefold() for value in self.values} <= NO_SPEAKERS:
            return False
        return self.different <= max(1, len(self.filled) // 2) and not self.is_time and not self.is_long


def _is_said(value: str) -> bool:
    letters = sum(character.isalpha() for character in value)
    if letters < 0.5 * len(value.replace(" ", "")) or re.match(r"\w+://", value):
        return False
    # Chinese and Japanese have no spaces; a single word of Latin letters is a name as well.
    return " " in value.strip() or any("\u3040" <= character <= "\ud7a3" for character in value) or value[-1] in ".!?…"


def roles_by_names(
    header: Sequence[str], sure: Mapping[Column, str | None] = MappingProxyType({})
) -> list[Column] | None:
    """What the columns hold by their names, the `sure` ones first; None where sound or text is not among them."""
    plain = [re.sub(r"[\s-]+", "_", name.strip().strip('"').casefold()) for name in header]
    roles: list[Column] = ["other"] * len(plain)
    for role, names in NAMES.items():
        known = (sure.get(role) or "", *names)
        found = next((plain.index(name) for name in known if name in plain), None)
        if found is not None and roles[found] == "other":
            roles[found] = role
    return roles if "audio" in roles and ("text" in roles or "text" in sure) else None


def roles_by_content(rows: Sequence[Sequence[str]], is_sound: Callable[[str], bool]) -> list[Column] | None:
    """What the columns of `rows`, all of one length, hold; None where no column names sounds or none has texts."""
    if not rows:
        return None
    columns = [Values(column) for column in zip(*rows, strict=True)]
    step = max(1, len(rows) // LOOKED_FOR)
    named = [sum(map(is_sound, filter(None, column.values[::step]))) for column in columns]
    if not max(named):
        return None
    # Of an id and a path the path is meant: it is the longer one.
    audio = max(range(len(columns)), key=lambda place: (named[place], len("".join(columns[place].values[:20]))))
    roles: list[Column] = ["other"] * len(columns)
    roles[audio] = "audio"
    rest = [place for place in range(len(columns)) if place != audio and named[place] < 0.5 * max(named)]
    texts = [place for place in rest if columns[place].is_text] or _single_words(columns, rest)
    if not texts:
        return None
    # Bytes, as Chinese says as much in fewer letters.
    sizes = {place: len("".join(columns[place].values).encode()) for place in texts}
    # The first of texts that are about as long: a second one may be a translation.
    main = next(place for place in texts if sizes[place] > 0.5 * max(sizes.values()))
    for place in texts:
        if place == main or _alike(columns[place], columns[main]):
            roles[place] = "text"
    for place in rest:
        column = columns[place]
        if roles[place] == "other" and column.is_language and "language" not in roles:
            roles[place] = "language"
        elif roles[place] == "other" and column.is_speaker and "speaker" not in roles:
            roles[place] = "speaker"
    return roles


def _single_words(columns: Sequence[Values], places: Sequence[int]) -> list[int]:
    """Columns of single words that differ, where no column has sentences."""
    return [
        place
        for place in places
        if not columns[place].is_few
        and not columns[place].is_language
        and sum(any(map(str.isalpha, value)) for value in columns[place].values) > 0.8 * len(columns[place].values)
        and not any("://" in value or re.fullmatch(r"[0-9a-f]{16,}", value) for value in columns[place].filled[:20])
    ]


def _alike(one: Values, other: Values) -> bool:
    """Whether two columns of texts say the same, one of them with its numbers written out, say."""
    shares = []
    for first, second in zip(one.values, other.values, strict=True):
        a, b = (Counter(re.findall(r"\w", value.casefold())) for value in (first, second))
        if a and b:
            shares.append((a & b).total() / max(a.total(), b.total()))
    return bool(shares) and sum(shares) / len(shares) > 0.6


def looks_like_a_header(first: Sequence[str], rows: Sequence[Sequence[str]], is_sound: Callable[[str], bool]) -> bool:
    """Whether the first line names the columns, in any words: none of it is like what stands below it."""
    if roles_by_names(first):
        return True
    if any(map(is_sound, first)) or not rows or len(first) != len(rows[0]):
        return False
    roles = roles_by_content(rows, is_sound)
    if roles is None:
        return False
    name = first[roles.index("audio")]
    shapes = {re.sub(r"\d+", "0", row[roles.index("audio")]) for row in rows}
    of_kind = re.sub(r"\d+", "0", name) in shapes or "/" in name or "\\" in name or re.search(r"\.\w{2,4}$", name)
    text = first[roles.index("text")]
    return not of_kind and len(text.split()) <= 5 and text[-1:] not in ".!?…"

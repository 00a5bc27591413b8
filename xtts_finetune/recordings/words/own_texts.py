"""The user's own text of a recording: .txt, .srt, .vtt or .lab next to it or given; what nobody says is taken out."""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from xtts_finetune.data.hearing.recogniser import EAST_ASIAN
from xtts_finetune.data.readers.encodings import encoding_of
from xtts_finetune.data.readers.subtitles import MARKS, TIMES
from xtts_finetune.errors import UserError

ENDINGS = (".txt", ".srt", ".vtt", ".lab")
MOST_NAMED = 3
_TIME = r"(?:\d+:)?\d{1,2}:\d{2}(?:[.,]\d+)?"
_TIMED_LABEL = re.compile(r"\s*\d+(?:\.\d+)?\s+\d+(?:\.\d+)?(?:\s+(.*))?")
_NO_WORD = ("sil", "sp", "spn", "pau", "<sil>", "#")
_ROLLING = re.compile(rf"<{_TIME}>")
# What is taken out, as it is told to the user.
_TAKEN_OUT = (
    ("tags", MARKS),
    ("times", re.compile(rf"[\[(]{_TIME}[\])]|^\s*{_TIME}(?=\s|$)")),
    ("notes in brackets", re.compile(r"\[[^\[\]]*\]|[♪♫][^♪♫]*[♪♫]?")),
)
_NOTE_ALONE = re.compile(r"\s*(?:[-–—]\s*)?\([^()]*\)\s*")
_DASH = re.compile(r"\s*(?:[-–—]|>>+)\s+")
_SPEAKER = re.compile(r"\s*(?:[-–—]\s*|>>+\s*)?([^\W\d_][\w.'’-]*(?: [\w.'’-]+){0,2})\s*[:：](?:\s+|$)")
# East Asian texts have no spaces: each character is a word, with the marks that belong to it.
_BETWEEN_WORDS = re.compile(
    rf"\s+|(?<=[{EAST_ASIAN}])(?<![「『（《〈【“])(?=[{EAST_ASIAN}])(?![、。，．！？：；」』）》〉】…ー々])"
)


@dataclass(frozen=True)
class OwnText:
    """A text as the user wrote it, word by word with its marks. `removed`: what was taken out, in words."""

    path: Path
    words: tuple[str, ...]
    removed: tuple[str, ...] = ()

    def __str__(self) -> str:
        out = f"; taken out, as nobody says it: {', '.join(self.removed)}" if self.removed else ""
        return f"{self.path.name} has the text ({len(self.words):,} words{out})"


def own_text_of(source: Path, texts: Path | None) -> OwnText | None:
    """The text of a recording: the file `texts`, or one of the recording's name in that folder or next to it.

    None where there is none. Raises UserError for a file that cannot be read or has no words.
    """
    if texts is not None and not texts.exists():
        raise UserError(f"--texts: there is no {texts}; name a file or a folder with texts")
    path = texts if texts is not None and texts.is_file() else _of_name(texts or source.parent, source)
    return None if path is None else read_own_text(path)


def read_own_text(path: Path) -> OwnText:
    """The words of a file of texts. Raises UserError where it cannot be read or has none."""
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise UserError(f"{path}: a text ends in {', '.join(ENDINGS)}; save it as one of these")
    try:
        content = path.read_bytes().decode(encoding_of(path).codec, errors="replace").removeprefix("\ufeff")
    except OSError as error:
        raise UserError(f"{path}: the text cannot be read ({error.strerror or error})") from None
    removed: Counter[str] = Counter()
    lines = unicodedata.normalize("NFC", content).splitlines()
    said = list(_subtitles(lines, removed) if ending in (".srt", ".vtt") else _labels(lines, removed))
    said, speakers = _without_speakers([_without_notes(line, removed) for line in said])
    words = tuple(word for line in said for word in words_of_line(_DASH.sub("", line, count=1)))
    if not words:
        raise UserError(f"{path}: there are no words in it; write the recording's text into it, or take it away")
    told = [f"{what} ({count:,})" for what, count in removed.items() if count]
    if speakers:
        named = ", ".join(f"'{name}:'" for name in list(speakers)[:MOST_NAMED])
        told.append(f"names of speakers ({speakers.total():,}: {named})")
    return OwnText(path, words, tuple(told))


def check_texts(recordings: Sequence[Path], texts: Path | None) -> list[str]:
    """Read the texts of all recordings before anything is heard; gives a line for each one that has none in `texts`.

    Raises UserError where a text cannot be read, or `texts` has none of these recordings.
    """
    if texts is not None and texts.is_file() and len(recordings) > 1:
        raise UserError(
            f"--texts {texts}: one text for {len(recordings)} recordings; name a folder with a text for each"
        )
    without = [path for path in recordings if own_text_of(path, texts) is None]
    if texts is None:
        return []
    if len(without) == len(recordings):
        raise UserError(f"--texts {texts}: it has no text for {without[0].name}; name it {without[0].stem}.txt")
    return [f"{texts} has no text for {path.name}; its clips get the words that are heard" for path in without]


def words_of_line(line: str) -> list[str]:
    """The words of a text as they are written."""
    return [word for word in _BETWEEN_WORDS.split(line) if word]


def _of_name(folder: Path, source: Path) -> Path | None:
    """'talk.srt' for talk.mp3, else 'talk.mp3.srt' or 'talk.en.srt'; the endings in their order."""
    stem = unicodedata.normalize("NFC", source.stem).casefold()
    there = sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and path.is_file())
    names = [unicodedata.normalize("NFC", path.stem).casefold() for path in there]
    for fits in (lambda name: name == stem, lambda name: re.fullmatch(rf"{re.escape(stem)}\.[\w-]{{2,7}}", name)):
        found = [path for path, name in zip(there, names, strict=True) if fits(name)]
        if found:
            return min(found, key=lambda path: ENDINGS.index(path.suffix.lower()))
    return None


def _subtitles(lines: list[str], removed: Counter[str]) -> Iterator[str]:
    """The lines that are shown: what stands between a time and the next empty line."""
    # Subtitles of machines roll: each line is shown again below the next.
    rolling = any(_ROLLING.search(line) for line in lines)
    shown, before = False, ""
    for line in lines:
        if TIMES.match(line):
            shown = True
            removed["times of subtitles"] += 1
        elif not line.strip():
            shown = False
        elif shown:
            text = html.unescape(line)
            bare = MARKS.sub("", text).strip()
            if not (rolling and bare == before):
                yield text
            before = bare


def _labels(lines: list[str], removed: Counter[str]) -> Iterator[str]:
    """The lines of a text; where every line is a label with two times, the labels."""
    written = [line for line in lines if line.strip()]
    labels = [_TIMED_LABEL.fullmatch(line) for line in written]
    if not all(labels):
        yield from written
        return
    removed["times of labels"] += len(labels)
    for label in labels:
        text = (label[1] or "").strip() if label else ""
        if text.casefold() not in _NO_WORD:
            yield text


def _without_notes(line: str, removed: Counter[str]) -> str:
    if _NOTE_ALONE.fullmatch(line):
        removed["notes in brackets"] += 1
        return ""
    for what, pattern in _TAKEN_OUT:
        line, count = pattern.subn(" ", line)
        removed[what] += count
    return line


def _without_speakers(lines: list[str]) -> tuple[list[str], Counter[str]]:
    """The lines without the names before them: those in capitals, those of several lines, all of a dialogue."""
    names = Counter(found[1] for line in lines if (found := _SPEAKER.match(line)))
    titled = {name: count for name, count in names.items() if not any(part[0].islower() for part in name.split())}
    # Half of the lines have one: it is a dialogue.
    all_are = 2 * sum(titled.values()) >= sum(bool(line.strip()) for line in lines) and len(names) < sum(names.values())
    capitals = (name for name in titled if name.isupper() and len(name) > 1)
    taken = Counter(
        {name: n for name, n in titled.items() if n > 1 or all_are} | {name: titled[name] for name in capitals}
    )
    without = []
    for line in lines:
        found = _SPEAKER.match(line)
        without.append(line[found.end() :] if found and found[1] in taken else line)
    return without, taken

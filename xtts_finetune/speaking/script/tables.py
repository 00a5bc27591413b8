"""Lines with values of their own: rows of a CSV or TSV file, entries of JSON, subtitles."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

from xtts_finetune.data.readers.subtitles import cues_of
from xtts_finetune.errors import UserError
from xtts_finetune.speaking.script.script import Script, ScriptLine
from xtts_finetune.spec.languages import language_problem

# By what a column or key is called.
KEYS: Mapping[str, tuple[str, ...]] = {
    "text": ("text", "line", "sentence", "transcript", "content"),
    "voice": ("voice", "mood", "speaker"),
    "language": ("language", "lang"),
    "seed": ("seed",),
    "pause": ("pause", "pause_s", "pause_seconds"),
    "chapter": ("chapter", "title"),
}
LONGEST_PAUSE = 60.0


def read_table(content: str, separator: str | None = None) -> Script:
    """Rows with the names of KEYS above them; or one column of texts without a name. Raises UserError."""
    rows = list(csv.reader(io.StringIO(content), delimiter=separator or _separator(content)))
    rows = [[cell.strip() for cell in row] for row in rows]
    numbered = [(number, row) for number, row in enumerate(rows, start=1) if any(row)]
    if not numbered:
        raise UserError("the table is empty")
    names = [name.casefold() for name in numbered[0][1]]
    if not set(names) & set(KEYS["text"]):
        if max(len(row) for _, row in numbered) > 1:
            has = ", ".join(name or "''" for name in numbered[0][1])
            raise UserError(f"row {numbered[0][0]}: no column is called 'text'; the first row has {has}")
        return Script.of(ScriptLine(row[0], f"row {number}") for number, row in numbered)
    # A cell too many or too few is said, not guessed at.
    for number, row in numbered[1:]:
        if len(row) > len(names) and any(row[len(names) :]):
            raise UserError(f"row {number} has {len(row)} cells, the first row {len(names)}; quote texts with commas")
    return _of_entries((f"row {number}", dict(zip(names, row, strict=False))) for number, row in numbered[1:])


def _separator(content: str) -> str:
    """The separator that the first line has most of."""
    first = next((line for line in content.splitlines() if line.strip()), "")
    return max(",;\t|", key=first.count)


def read_json_script(content: str) -> Script:
    """A list of texts or of objects with the keys of KEYS, alone or under 'lines'; or JSON Lines. Raises UserError."""
    try:
        found = json.loads(content)
    except ValueError as whole:
        try:
            found = [json.loads(line) for line in content.splitlines() if line.strip()]
        except ValueError:
            raise UserError(f"this is no JSON: {whole}") from None
    entries = found.get("lines") if isinstance(found, dict) else found
    if not isinstance(entries, list):
        raise UserError("expected a list of texts, or of objects with 'text'; or {\"lines\": [...]}")
    return _of_entries((f"entry {number}", _as_entry(each, number)) for number, each in enumerate(entries, start=1))


def _as_entry(entry: object, number: int) -> dict[str, Any]:
    if isinstance(entry, str):
        return {"text": entry}
    if not isinstance(entry, dict):
        raise UserError(f"entry {number}: expected a text or an object with 'text', got {json.dumps(entry)[:60]}")
    return {str(key).casefold(): value for key, value in entry.items()}


def read_subtitles(content: str) -> Script:
    """The subtitles, each at its time. Raises UserError where there is none."""
    cues = list(cues_of(content))
    if not cues:
        raise UserError("there is no subtitle in it: expected times such as 00:00:01,000 --> 00:00:03,000")
    return Script.of(
        ScriptLine(cue.text, f"subtitle {number}", start=cue.start) for number, cue in enumerate(cues, start=1)
    )


def _of_entries(entries: Iterable[tuple[str, Mapping[str, Any]]]) -> Script:
    lines: list[ScriptLine] = []
    chapters: list[str] = []
    for place, entry in entries:
        chapter = str(_value(entry, "chapter") or "")
        if not chapters or (chapter and chapter != chapters[-1]):
            chapters.append(chapter)
        lines.append(_line(place, entry, len(chapters) - 1))
    return Script.of(lines, chapters)


def _line(place: str, entry: Mapping[str, Any], chapter: int) -> ScriptLine:
    text = _value(entry, "text")
    if text is None:
        raise UserError(f"{place}: there is no 'text'")
    language = _value(entry, "language")
    if language is not None and (problem := language_problem(str(language))):
        raise UserError(f"{place}: language: {problem}")
    seed = _number(place, "seed", _value(entry, "seed"), 2**32 - 1)
    pause = _number(place, "pause", _value(entry, "pause"), LONGEST_PAUSE)
    voice = _value(entry, "voice")
    return ScriptLine(
        text=" ".join(str(text).split()),
        place=place,
        chapter=chapter,
        voice=None if voice is None else str(voice),
        language=None if language is None else str(language),
        seed=None if seed is None else int(seed),
        pause=pause,
    )


def _value(entry: Mapping[str, Any], key: str) -> Any:
    """What stands under any of the key's names; None for nothing, or an empty cell."""
    found = next((entry[name] for name in KEYS[key] if name in entry), None)
    return None if found == "" else found


def _number(place: str, key: str, value: Any, most: float) -> float | None:
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    whole = key != "seed" or number == number // 1
    if isinstance(value, bool) or not (0 <= number <= most and whole):
        raise UserError(f"{place}: {key} is a number from 0 to {most:g}, not '{str(value)[:40]}'")
    return number

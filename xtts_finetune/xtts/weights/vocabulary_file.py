"""The JSON files of a base, as editors and programs of all kinds leave them; vocab.json's tokens and their numbers."""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.xtts.weights.file_kind import not_a_file, why_unreadable


def read_text_of_base(path: Path, cure: str) -> str:
    """The text of a base's file, without the mark that some editors put in front of it (a byte order mark).

    Raises UserError with the reason and `cure` if it cannot be read.
    """
    if (reason := not_a_file(path)) is not None:
        raise UserError(f"{path}: {reason.partition('; ')[0]}; {cure}")
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{path}: this file cannot be read ({error.strerror or error}); {cure}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: this is not a text in UTF-8; {cure}") from None


def copy_vocabulary(vocab: Path, target: Path) -> None:
    """Copy a base's vocab.json without a byte order mark, with which stock XTTS tools cannot read it."""
    target.write_bytes(vocab.read_bytes().removeprefix(codecs.BOM_UTF8))


def write_vocabulary_for_all(vocab: Path, target: Path) -> None:
    """Copy a base's vocab.json so that programs with an older `tokenizers` read it, too.

    Since 0.20 that package writes a merge as a pair, which earlier ones refuse (xtts-api-server 0.9 has 0.15); all read
    the pair in one string with a space between, where no token has a space. A file from before 2024, as XTTS v2's, has
    strings and stays as it is, but for a byte order mark.
    """
    found = read_json_of_base(vocab, "fetch it again")
    merges = found["model"].get("merges", ())
    pairs = [merge for merge in merges if isinstance(merge, list)]
    if not pairs or any(" " in token for pair in pairs for token in pair):
        copy_vocabulary(vocab, target)
        return
    found["model"]["merges"] = [" ".join(merge) if isinstance(merge, list) else merge for merge in merges]
    target.write_text(json.dumps(found, ensure_ascii=False, indent=2), encoding="utf-8")


def read_json_of_base(path: Path, cure: str) -> Any:
    """What the JSON file holds. Raises UserError with the reason and `cure` if it cannot be read."""
    text = read_text_of_base(path, cure)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        if not text.strip():
            raise UserError(f"{path}: this file is empty; {cure}") from None
        where = f"line {error.lineno}, column {error.colno}"
        raise UserError(f"{path}: this is not readable JSON (see {where}); {cure}") from None
    except (ValueError, RecursionError):
        raise UserError(f"{path}: this is not readable JSON; {cure}") from None


@dataclass(frozen=True)
class Vocabulary:
    """The tokens by their numbers, and the pairs that are merged, in their order."""

    by_number: Mapping[int, str]
    merges: tuple[tuple[str, ...], ...]

    @property
    def tokens(self) -> int:
        """Rows that an embedding of it needs, as Coqui counts them."""
        return max(self.by_number) + 1


def read_vocabulary(path: Path) -> Vocabulary:
    """The vocabulary of a tokenizer's JSON. Raises UserError if it is none."""
    try:
        found = path.stat()
    except OSError as error:
        raise UserError(f"{path}: {why_unreadable(path, error)}; fetch it again") from None
    return _read(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=16)
def _read(path: Path, _size: int, _changed: int) -> Vocabulary:
    content = read_json_of_base(path, "fetch it again")
    try:
        model = content["model"]
        by_number = {number: str(token) for token, number in model["vocab"].items()}
        by_number |= {entry["id"]: str(entry["content"]) for entry in content.get("added_tokens") or []}
        merges = tuple(
            tuple(pair.split(" ")) if isinstance(pair, str) else tuple(map(str, pair))
            for pair in model.get("merges") or []
        )
        if not by_number or not all(type(number) is int and number >= 0 for number in by_number):
            raise ValueError
    except (LookupError, TypeError, AttributeError, ValueError):
        raise UserError(
            f"{path}: this is not the vocabulary of an XTTS base (it has no tokens with numbers); fetch it again"
        ) from None
    return Vocabulary(by_number, merges)


def differs(one: Vocabulary, base: Vocabulary) -> str | None:
    """How `one` gives the base's numbers another meaning, in words; None where both say the same.

    One with another number of tokens is not compared: it is of another model than any that fits the base.
    """
    if one.tokens != base.tokens:
        return None
    numbers = sorted(one.by_number.keys() | base.by_number.keys())
    changed = [number for number in numbers if one.by_number.get(number) != base.by_number.get(number)]
    if changed:
        first = changed[0]
        return (
            f"{len(changed):,} of {base.tokens:,} tokens mean something else, first token {first}: "
            f"{one.by_number.get(first)!r} there, {base.by_number.get(first)!r} in the base"
        )
    return "it joins letters to tokens in another order" if one.merges != base.merges else None

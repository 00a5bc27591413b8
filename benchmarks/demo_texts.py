"""Texts that the demo's voice can say and was not trained on, and how sure a share is."""

from __future__ import annotations

import importlib.util
import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType

DEMO = Path(__file__).parents[1] / "samples" / "demo"
MOST_WORDS = 3
Z = 1.96


def ordinary(count: int, seed: int) -> list[str]:
    """So many different sentences of the demo's grammar, of 3 to about 14 words."""
    return _distinct(lexicon().sentence, count, seed, _spoken_by_the_demo())


def short(count: int, seed: int) -> list[str]:
    """So many different texts of one to three words, among them 'Hello.' and 'Good morning.'"""
    words = lexicon()

    def text(rng: random.Random) -> str:
        while True:
            if len((found := str(words.fragment(rng))).split()) <= MOST_WORDS:
                return found

    return _distinct(text, count, seed, frozenset())


def lexicon() -> ModuleType:
    """The demo's grammar, which stands beside its data and is no part of a package."""
    spec = importlib.util.spec_from_file_location("lexicon", DEMO / "build" / "lexicon.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _distinct(text: Callable[[random.Random], str], count: int, seed: int, avoid: frozenset[str]) -> list[str]:
    rng, found = random.Random(seed), dict[str, None]()
    while len(found) < count:
        if (new := text(rng)) and not any(new.lower() in said for said in avoid):
            found[new] = None
    return list(found)


def _spoken_by_the_demo() -> frozenset[str]:
    """What the recordings say, and what the demo's samples do."""
    return frozenset(text.lower() for text in _known())


def _known() -> Iterator[str]:
    for metadata in sorted((DEMO / "data").glob("*/metadata.csv")):
        yield from metadata.read_text(encoding="utf-8").splitlines()
    yield (DEMO / "eval" / "utterances.yaml").read_text(encoding="utf-8")


def recordings(clips: Path) -> list[tuple[str, str, Path, str]]:
    """Text, language, file and hash of each recording that a run's clips.jsonl lists."""
    listed = [json.loads(line) for line in clips.read_text(encoding="utf-8").splitlines()]
    return [(each["text"], each["language"], clips.parent / each["audio"], each["sha256"]) for each in listed]


def share(count: int, of: int) -> str:
    """'12 of 500, 2.4 % (1.4 to 4.1)': with Wilson's interval of 95 %."""
    if not of:
        return "0 of 0"
    low, high = wilson(count, of)
    return f"{count} of {of}, {100 * count / of:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def wilson(count: int, of: int) -> tuple[float, float]:
    """The interval of 95 % of a share (Wilson 1927)."""
    found = count / of
    middle, spread = found + Z**2 / (2 * of), Z * (found * (1 - found) / of + Z**2 / (4 * of**2)) ** 0.5
    low, high = ((middle + sign * spread) / (1 + Z**2 / of) for sign in (-1, 1))
    return max(low, 0.0), min(high, 1.0)


def spread(texts: Sequence[str], count: int) -> list[str]:
    """So many of the texts, as far apart as they can be."""
    return [texts[len(texts) * number // count] for number in range(count)]

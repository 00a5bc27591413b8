"""Lines that will be held out, for every candidate to speak: training never hears them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace

from xtts_finetune.data.eval_set import choose_eval_set
from xtts_finetune.data.first_look import FirstLook, SeenClip
from xtts_finetune.errors import UserError
from xtts_finetune.spec.pipeline import EvalSetSpec

# Eight are what a first listening test takes; with what is compared there are 20, for its second look.
MOST_SENTENCES, MOST_COMPARED = 8, 12
LONGEST_TEXT = 250
# Shares of the chosen lines that are surely held out: where all sounds were heard, and where some were.
INNER, INNER_OF_SOME = 0.8, 0.5


@dataclass(frozen=True)
class Sentence:
    """A sentence to speak, and what it is there for."""

    id: str
    text: str
    why: str
    language: str = ""


@dataclass(frozen=True)
class Spoken:
    """`sentences` to write down, and how many further lines are spoken beside their recordings."""

    sentences: tuple[Sentence, ...]
    compared: int


def held_out_lines(
    look: FirstLook, spec: EvalSetSpec, of_recordings: Set[str] = frozenset(), sets: Set[str] = frozenset()
) -> Spoken:
    """Sentences for `utterances.yaml` from the lines that the eval set will hold, those of `sets` if these are named.

    The eval set is chosen by a hash of the sounds (data.eval_set), so it is known beforehand, but for clips that
    only preparing leaves out: those move the border a little, so only lines well within it are taken. Raises UserError
    where too few sounds can be read.
    """
    all_known = look.all_heard
    known = {clip.sha256: clip for clip in look.kept if clip.sha256}
    wanted = spec if all_known else spec.model_copy(update={"at_least": 1})
    chosen = [known[clip.sha256] for clip in choose_eval_set([*known.values()], wanted, of_recordings, sets).clips]
    held_out: list[SeenClip] = []
    for dataset in dict.fromkeys(clip.dataset for clip in chosen):
        own = sorted((c for c in chosen if c.dataset == dataset), key=lambda clip: _rank(clip, spec.seed))
        held_out += own[: max(1, round((INNER if all_known else INNER_OF_SOME) * len(own)))]
    # Those with the lowest hashes of all are spoken beside their recordings anyway (evaluation.utterance_state).
    held_out.sort(key=lambda clip: clip.sha256)
    compared = min(MOST_COMPARED, len(held_out) // 2)
    rest = [clip.text for clip in held_out[compared:]]
    if not rest:
        raise UserError("too few of the clips have a sound and a text that can be read; fix them first")
    fit = [text for text in dict.fromkeys(rest) if len(text) <= LONGEST_TEXT]
    languages = {clip.text: clip.language for clip in held_out}
    spoken = (replace(sentence, language=languages[sentence.text]) for sentence in _varied(fit or rest))
    return Spoken(tuple(spoken), compared)


def _rank(clip: SeenClip, seed: int) -> bytes:
    """Where a clip stands when the eval set is chosen."""
    return hashlib.sha256(f"{seed}:{clip.sha256}".encode()).digest()


def _varied(texts: Sequence[str]) -> list[Sentence]:
    """At most MOST_SENTENCES of the texts: those that show most come first, the others follow in their order."""
    wanted = (
        (
            "short",
            "the shortest: where XTTS likes to add noise at the end",
            min(texts, key=len, default=None),
        ),
        (
            "question",
            "a question",
            _first(texts, lambda text: text.rstrip("\"' »”").endswith(("?", "？", "؟"))),
        ),
        (
            "numbers",
            "digits, which are spoken as words",
            _first(texts, lambda text: any(c.isdigit() for c in text)),
        ),
        (
            "exclamation",
            "an exclamation",
            _first(texts, lambda text: text.rstrip("\"' »”").endswith(("!", "！"))),
        ),
        ("long", "the longest: is the voice still right at its end?", max(texts, key=len, default=None)),
    )
    chosen: dict[str, Sentence] = {}
    for id, why, text in wanted:
        if text is not None and text not in chosen:
            chosen[text] = Sentence(id, text, why)
    for text in texts:
        if len(chosen) >= MOST_SENTENCES:
            break
        if text not in chosen:
            chosen[text] = Sentence(f"line-{len(chosen) + 1}", text, "an ordinary line")
    return list(chosen.values())[:MOST_SENTENCES]


def _first(texts: Sequence[str], holds: Callable[[str], bool]) -> str | None:
    return next((text for text in texts if holds(text)), None)

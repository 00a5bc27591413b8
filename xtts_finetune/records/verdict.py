"""What a run came to: made once, when deciding, kept in decision.json, and shown everywhere in these words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from xtts_finetune.numbers.fixed import BASE

# Its key in decision.json.
KEY = "says"
BY_NUMBERS = "By numbers alone, nobody has listened yet:"
BY_HAND = "By your own score:"
BY_EAR = "Listeners have decided:"
TIE = "A tie, listeners hear no clear difference:"
# What reasons said before there was this record.
_NOBODY_LISTENED = "provisional: nobody has listened yet"


@dataclass(frozen=True)
class Samples:
    """How many of a model's samples pass all checks, of so many that were spoken (at least one)."""

    clean: int
    spoken: int

    @property
    def words(self) -> str:
        """'0 of 5 samples are clean'"""
        noun, verb = "sample" if self.spoken == 1 else "samples", "is" if self.clean == 1 else "are"
        return f"{self.clean} of {self.spoken} {noun} {verb} clean"

    @property
    def so_few(self) -> str:
        """'only 2 of 5 samples are clean', of a model most of whose samples fail."""
        return f"only {self.words}" if self.clean else self.words

    @property
    def mostly_faulty(self) -> bool:
        """Whether more of them fail than pass."""
        return 2 * self.clean < self.spoken


@dataclass(frozen=True)
class Condition:
    """A fact, as a sentence, and whether it speaks for what is asked; None where it is not known."""

    text: str
    holds: bool | None

    def marked(self, encoding: str | None = "utf-8") -> str:
        """'✗ phase2 was stopped by overfitting.'; with 'no' for the cross where an encoding has none."""
        sign, word = ("✓", "yes") if self.holds else ("?", "?") if self.holds is None else ("✗", "no")
        try:
            sign.encode(encoding or "ascii")
        except (LookupError, UnicodeEncodeError):
            sign = word
        return f"{sign} {self.text}"


@dataclass(frozen=True)
class Verdict:
    """The verdict on a run.

    headline         one sentence
    ship             the candidate that ships; None where nothing can, or where listeners are undecided
    meanwhile        who ships if it must be today, where they are undecided
    sure             how sure it is, a sentence; '' where there is nothing to be sure of
    clean, spoken    samples of that candidate that pass all checks, of all; None where they were not checked
    by_numbers_only  whether nobody's ears had a say
    reasons          sentences
    further          whether another phase is worth training, a sentence; '' before a phase has come to its end
    conditions       what speaks for another phase, and what against it
    """

    headline: str
    ship: str | None
    meanwhile: str | None
    status: str
    sure: str
    clean: int | None
    spoken: int | None
    by_numbers_only: bool
    reasons: tuple[str, ...]
    further: str = ""
    conditions: tuple[Condition, ...] = ()


def headline_of(
    lead: str, named: str, samples: Mapping[str, Samples], *, settled: bool = True, waiting: Sequence[str] = ()
) -> str:
    """One sentence: on what it rests (`lead`, with its colon), who ships, how many samples are clean, what is missing.

    samples  of all candidates: where none has a single clean one, nobody is called fit to ship
    settled  False where something is missing that may change who ships; `waiting` names it
    """
    who, found = the(named), samples.get(named)
    words = "its samples have not been checked" if found is None else found.words
    if found is not None and found.mostly_faulty:
        if any(each.clean for each in samples.values()):
            said = f"{who} is the best choice so far, but {found.so_few}"
        else:
            said = f"no model is fit for use yet; {who} comes first, but {words}"
    elif settled:
        said = f"{'keep' if named == BASE else 'ship'} {who} ({words})"
    else:
        said = f"{who} is the best choice so far ({words})"
    return f"{lead} {'; '.join([said, *waiting])}."


def nothing_to_ship(why: str) -> str:
    """The headline where no model can ship."""
    return f"Nothing to ship yet: {why}."


def the(name: str) -> str:
    """A candidate as sentences name it."""
    return "the base" if name == BASE else name


def samples_of(scores: Mapping[str, Mapping[str, Any]]) -> dict[str, Samples]:
    """Of gathered scores: {'gate_failures': 3, 'spoken': 5, ...} by candidate, of those that spoke."""
    return {
        name: Samples(int(each["spoken"]) - int(each["gate_failures"]), int(each["spoken"]))
        for name, each in scores.items()
        if each.get("spoken")
    }


def read_verdict(decision: Mapping[str, Any]) -> Verdict:
    """The verdict of a decision.json, also of one from before there was the record, then without its reasons.

    Reasons did not always agree with the numbers then; the next run decides again.

    Raises one of records.atomic.UNREADABLE for one that is damaged.
    """
    said = decision.get(KEY)
    if said is None:
        return _of_older(decision)
    known = {field.name: said[field.name] for field in fields(Verdict)}
    conditions = tuple(Condition(each["text"], each["holds"]) for each in known["conditions"])
    return Verdict(**{**known, "reasons": tuple(known["reasons"]), "conditions": conditions})


def _of_older(decision: Mapping[str, Any]) -> Verdict:
    ship, meanwhile, why = decision.get("ship"), decision.get("meanwhile"), decision.get("why") or []
    status = str(decision.get("status") or ("provisional" if decision.get("provisional") else "decided"))
    by_numbers = _NOBODY_LISTENED in why
    samples = samples_of((decision.get("inputs") or {}).get("scores") or {})
    named = ship or meanwhile
    heard = BY_EAR if decision.get("preferences") else BY_HAND
    lead = {"tie": TIE, "undecided": "Undecided:"}.get(status, BY_NUMBERS if by_numbers else heard)
    headline = nothing_to_ship("no model is there yet")
    if named:
        headline = headline_of(lead, named, samples, settled=status != "undecided")
    found, sure = samples.get(str(named)), str(decision.get("confidence") or "")
    return Verdict(
        headline=headline,
        ship=ship,
        meanwhile=meanwhile,
        status=status,
        sure=sentence(sure),
        clean=found.clean if found else None,
        spoken=found.spoken if found else None,
        by_numbers_only=by_numbers,
        reasons=(),
    )


def sentence(text: str) -> str:
    """`text` with a capital and a full stop; '' stays empty."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""

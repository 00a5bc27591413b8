"""What a decision rests on, and what it does not: in sentences for people.

Numbers have as many digits as it takes for them to be on the side of a limit, or of another number, that they are on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from xtts_finetune.evaluation.candidates import meaning
from xtts_finetune.evaluation.decision.evidence import Evidence
from xtts_finetune.evaluation.decision.heard import Heard, rounded
from xtts_finetune.evaluation.decision.matrix import Fit, limits_of
from xtts_finetune.evaluation.decision.model import NOT_RUN, Candidate, Mark
from xtts_finetune.evaluation.statistics.preferences import Preference
from xtts_finetune.records.verdict import the

MOST_DIGITS = 9


def numbers_in_words(evidence: Evidence, read: Candidate) -> list[str]:
    """The numbers of the candidate that the matrix is read for."""
    base = evidence.base
    mel_ce = beside(read.mel_ce, 3, limits_of(evidence.rows, "mel_ce"))
    words = f"{the(read.name)} is best at step {read.step}: mel_ce {mel_ce}"
    share = evidence.values(read, None).mel_ce_of_base
    if share is not None and base is not None and base.name != read.name:
        limits = [100 * limit for limit in limits_of(evidence.rows, "mel_ce_of_base")]
        words += f", which is {beside(100 * share, 0, limits)} % of the base's {base.mel_ce:.3f}"
    text_ce = beside(read.text_ce, 4, limits_of(evidence.rows, "text_ce"))
    words += f"; text_ce {text_ce if read.text_ce is not None else 'was not measured'}"
    if read.step == 0 and read.name in evidence.phases:
        words += "; training has not improved on where it started"
    return [opening(words) + "."]


def row_in_words(evidence: Evidence, read: Candidate, fit: Fit | None) -> list[str]:
    """Which row of the matrix fits the numbers of `read`, by what, and what it says; and which is passed over."""
    said = []
    first = evidence.fit(read, read.quality, heeded=False)
    if first is not None and (fit is None or first.row != fit.row):
        ship = evidence.rows[first.row - 1].ship
        why = "is left out" if ship in evidence.left_out else "is held back"
        said.append(f"Row {first.row} of the decision matrix fits, but it ships {the(ship)}, which {why}.")
        if fit is None:
            return said
    if fit is None:
        return [f"No row of the decision matrix fits the numbers of {the(read.name)}."]
    row, met = evidence.rows[fit.row - 1], f": {', '.join(fit.met)}" if fit.met else ""
    fits = f"may fit{met}, but {' and '.join(fit.open)} is not known yet" if fit.open else f"fits{met}"
    return [*said, f"Row {fit.row} of the decision matrix {fits}. {_verdict_of_row(evidence, row.ship, row.verdict)}"]


def _verdict_of_row(evidence: Evidence, ship: str, verdict: str) -> str:
    """What the user's own words say of a model, never without how many of its samples fail if these are the most."""
    samples = evidence.samples.get(ship)
    but = f", but {samples.so_few}" if samples is not None and samples.mostly_faulty else ""
    return f"It ships {the(ship)}, which it calls '{verdict}'{but}."


def lowest_in_words(evidence: Evidence, shipped: Candidate, because: str = "") -> list[str]:
    """Who has the lowest mel_ce of all, and why it is not the one that ships, where it is not.

    because  said of another one that may ship, as '; the matrix still ships phase1'
    """
    measured = {each.name: each.mel_ce for each in evidence.candidates if each.mel_ce is not None}
    if len(measured) < 2:
        return []
    least = min(measured.values())
    lowest = [name for name, mel_ce in measured.items() if mel_ce == least]
    if len(lowest) > 1 and shipped.name in lowest:
        return [f"{opening(listed(list(map(the, lowest))))} have the same mel_ce, the lowest of all: {least:.3f}."]
    if shipped.name in lowest:
        return [f"{opening(the(shipped.name))} has the lowest mel_ce of all: {least:.3f}."]
    found = evidence.candidate(lowest[0])
    assert found is not None
    if found.name in evidence.passed_over:
        because = ", but is held back"
    elif not found.can_ship:
        because = ", but has no model to ship"
    numbers = f"{least:.3f}"
    if shipped.mel_ce is not None:
        numbers = f"{{}}, compared with {{}} of {the(shipped.name)}".format(*apart(least, shipped.mel_ce, 3))
    return [f"{opening(the(found.name))} has the lowest mel_ce of all ({numbers}){because}."]


def apart(one: float, other: float, digits: int) -> tuple[str, str]:
    """Two numbers with at least so many digits, and so many that different ones look different."""
    while digits < MOST_DIGITS and one != other and round(one, digits) == round(other, digits):
        digits += 1
    return f"{one:.{digits}f}", f"{other:.{digits}f}"


def beside(value: float | None, digits: int, limits: Collection[float]) -> str:
    """`value` with at least so many digits, on the same side of every limit as it is; '-' for none."""
    if value is None:
        return "-"
    while digits < MOST_DIGITS and any(_side(round(value, digits), each) != _side(value, each) for each in limits):
        digits += 1
    return f"{value:.{digits}f}"


def _side(value: float, limit: float) -> int:
    return (value > limit) - (value < limit)


def excluded_in_words(evidence: Evidence) -> list[str]:
    """Who is held back though it has a model, who is left out, and what the checks warn of."""
    out = [f"{name} is held back: {why}." for name, why in evidence.passed_over.items()]
    for name, why in evidence.left_out.items():
        means = meaning(name, evidence.rows, evidence.read)
        out.append(f"{name} is left out: {why}." + (f" So {means}." if means else ""))
    return [*out, *evidence.warnings]


def listening_in_words(evidence: Evidence, heard: Heard, votes: Mapping[str, Any]) -> list[str]:
    """Who listened to how much, who is left out, and what they said."""
    limits = limits_of(evidence.rows, "quality")
    plural = "" if heard.listeners == 1 else "s"
    of = f" of {heard.planned}" if not heard.at_a_look else ""
    said = [f"{heard.listeners} listener{plural} rated {heard.rated}{of} sentences."]
    said += left_out_in_words(votes, evidence.names)
    said += [preference_in_words(each, heard.at_a_look) for each in heard.preferences]
    if heard.marks:
        marks = [mark_in_words(name, mark, limits) for name, mark in heard.marks.items()]
        said.append(f"{opening('; '.join(marks))}.")
    return said


def preference_in_words(each: Preference, at_a_look: bool = True) -> str:
    """A pair: who won how many sentences, and whether that is more than chance; before a look, only what is so far."""
    ahead, behind, most = the(each.first), the(each.second), each.wins_first
    if each.wins_second > each.wins_first:
        ahead, behind, most = behind, ahead, each.wins_second
    decisive = each.wins_first + each.wins_second
    ties = f", {each.ties} with no difference" if each.ties else ""
    if 2 * most == decisive:
        return f"{opening(ahead)} and {behind} were preferred equally often, in {most} sentences each{ties}."
    if not at_a_look:
        so_far = f"{most} of {decisive} sentences{ties}"
        return f"So far {ahead} was preferred to {behind} in {so_far}: not all are rated yet."
    told = "more than chance" if each.significant else "chance cannot be ruled out"
    p = f"p = {each.p_holm:.2g}"
    return f"{opening(ahead)} was preferred to {behind} in {most} of {decisive} sentences{ties} ({p}: {told})."


def mark_in_words(name: str, mark: Mark, limits: Collection[float]) -> str:
    """A mark with its interval; `limits` are those that rows of the matrix have for one."""
    given, low, high = (beside(each, 1, limits) for each in (rounded(mark.mark), mark.low, mark.high))
    return f"{the(name)} was given {given} out of 10 ({low} to {high})"


def share_in_words(share: float) -> str:
    """'80 %', on its side of one half."""
    return f"{beside(100 * share, 0, [50])} %"


def left_out_in_words(votes: Mapping[str, Any] | None, known: Collection[str]) -> list[str]:
    """Listeners, tests and candidates that do not count, each with why; `known` are the declared candidates."""
    if not votes:
        return []
    gone = [name for name in votes["candidates"] if name not in known]
    undeclared = [f"Ratings of {listed(gone)} do not count: no longer among the candidates."] if gone else []
    unused = [each for each in votes["listeners"] if not each["used"]]
    listeners = [f"{each['name']}'s answers are left out: {each['why']}." for each in unused]
    return [*listeners, *undeclared, *(f"{capital(why)}." for why in votes.get("passed_over", ()))]


def not_measured(evidence: Evidence) -> tuple[str, ...]:
    """In words, what matters most first."""
    there = [each.name for each in evidence.candidates if each.status != NOT_RUN or each.mel_ce is not None]
    missing = []
    if evidence.heard is None and any(each.quality is not None for each in evidence.candidates):
        missing.append("how sure your own scores are: there was no listening test")
    elif evidence.heard is None:
        listened = "no answer of a listener counts yet" if evidence.uncounted else "nobody has listened"
        missing.append(f"how it sounds: {listened}")
    elif unheard := [name for name in there if name not in evidence.heard.names]:
        missing.append(f"how {listed(list(map(the, unheard)))} sound{'s' if len(unheard) == 1 else ''} to listeners")
    if unscored := [name for name in there if name not in evidence.scores]:
        missing.append(f"the samples of {listed(list(map(the, unscored)))}: they have not been checked")
    if waiting := [each.name for each in evidence.candidates if each.mel_ce is None]:
        missing.append(f"mel_ce of {listed(list(map(the, waiting)))}")
    why: dict[str, str] = {}
    for name in there:
        why |= evidence.scores.get(name, {}).get("not_measured", {})
    missing += [f"{instrument}: {reason}" if reason else instrument for instrument, reason in why.items()]
    return tuple(missing)


def listed(names: Sequence[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def capital(text: str) -> str:
    """`text` with a capital first."""
    return text[:1].upper() + text[1:]


def opening(text: str) -> str:
    """`text` as the start of a sentence; names of candidates stay as they are."""
    return capital(text) if text.startswith("the base") else text

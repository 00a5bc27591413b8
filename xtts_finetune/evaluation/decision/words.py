"""What a decision rests on, and what it does not: in sentences for people."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from xtts_finetune.evaluation.candidates import meaning
from xtts_finetune.evaluation.decision.evidence import Evidence
from xtts_finetune.evaluation.decision.heard import Heard
from xtts_finetune.evaluation.decision.matrix import Fit
from xtts_finetune.evaluation.decision.model import NOT_RUN, Candidate, Mark
from xtts_finetune.evaluation.statistics.preferences import Preference


def numbers_in_words(evidence: Evidence, read: Candidate) -> list[str]:
    """The numbers of the candidate that the matrix is read for."""
    base = evidence.base
    text_ce = "unknown" if read.text_ce is None else f"{read.text_ce:.4f}"
    words = f"{read.name} is best at step {read.step}: mel_ce {read.mel_ce:.3f}, text_ce {text_ce}"
    share = evidence.values(read, None).mel_ce_of_base
    if share is not None and base is not None and base.name != read.name:
        words += f"; its mel_ce is {share:.0%} of the base's {base.mel_ce:.3f}"
    if read.step == 0 and read.name in evidence.phases:
        words += "; training has not improved on where it started"
    return [words + "."]


def row_in_words(fit: Fit) -> str:
    """Which row holds, by what."""
    met = f": {', '.join(fit.met)}" if fit.met else ""
    if fit.open:
        return f"Row {fit.row} of the matrix may hold{met}; still open: {', '.join(fit.open)}."
    return f"Row {fit.row} of the matrix is the first that holds{met}."


def excluded_in_words(evidence: Evidence) -> list[str]:
    """Who does not ship by itself though it has a model, who is left out, and what the gate warns of."""
    out = [f"{name} does not ship by itself: {why}." for name, why in evidence.passed_over.items()]
    for name, why in evidence.left_out.items():
        means = meaning(name, evidence.rows, evidence.read)
        out.append(f"{name} is left out: {why}." + (f" So {means}." if means else ""))
    return [*out, *evidence.warnings]


def listening_in_words(heard: Heard, votes: Mapping[str, Any], known: Collection[str]) -> list[str]:
    """Who listened to how much, who is left out, and what they said."""
    plural = "" if heard.listeners == 1 else "s"
    of = f" of {heard.planned}" if not heard.at_a_look else ""
    said = [f"{heard.listeners} listener{plural} rated {heard.rated}{of} sentences."]
    said += left_out_in_words(votes, known)
    if len(heard.names) == 2 and not heard.at_a_look:
        return said
    said += [preference_in_words(each) for each in heard.preferences]
    if heard.marks:
        marks = [mark_in_words(name, mark) for name, mark in heard.marks.items()]
        said.append(f"{'; '.join(marks)}.")
    return said


def preference_in_words(each: Preference) -> str:
    """A pair: who won how many sentences, and whether that is more than chance."""
    ahead, behind, most = each.first, each.second, each.wins_first
    if each.wins_second > each.wins_first:
        ahead, behind, most = each.second, each.first, each.wins_second
    decisive = each.wins_first + each.wins_second
    ties = f", {each.ties} with no difference" if each.ties else ""
    if 2 * most == decisive:
        return f"{ahead} and {behind} were preferred equally often, in {most} sentences each{ties}."
    told = "more than chance" if each.significant else "chance cannot be ruled out"
    p = f"p = {each.p_holm:.2g}"
    return f"{ahead} was preferred to {behind} in {most} of {decisive} sentences{ties} ({p}: {told})."


def mark_in_words(name: str, mark: Mark) -> str:
    """A mark with its interval."""
    return f"{name} was given {mark.mark:.1f} out of 10 ({mark.low:.1f} to {mark.high:.1f})"


def left_out_in_words(votes: Mapping[str, Any] | None, known: Collection[str]) -> list[str]:
    """Listeners, tests and candidates that do not count, each with why; `known` are the declared candidates."""
    if not votes:
        return []
    gone = [name for name in votes["candidates"] if name not in known]
    undeclared = [f"Ratings of {listed(gone)} do not count: no longer among the candidates."] if gone else []
    unused = [each for each in votes["listeners"] if not each["used"]]
    listeners = [f"{each['name']}'s answers are left out: {each['why']}." for each in unused]
    return [*listeners, *undeclared, *(f"{_capital(why)}." for why in votes.get("passed_over", ()))]


def not_measured(evidence: Evidence) -> tuple[str, ...]:
    """In words, what matters most first."""
    there = [each.name for each in evidence.candidates if each.status != NOT_RUN or each.mel_ce is not None]
    missing = []
    if evidence.heard is None and any(each.quality is not None for each in evidence.candidates):
        missing.append("how sure the marks are: they were written by hand, without a listening test")
    elif evidence.heard is None:
        missing.append("how it sounds: nobody has listened")
    elif unheard := [name for name in there if name not in evidence.heard.names]:
        missing.append(f"how {listed(unheard)} sound{'s' if len(unheard) == 1 else ''} to listeners")
    if unscored := [name for name in there if name not in evidence.scores]:
        missing.append(f"the gate and the instruments of {listed(unscored)}")
    if waiting := [each.name for each in evidence.candidates if each.mel_ce is None]:
        missing.append(f"mel_ce of {listed(waiting)}")
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


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

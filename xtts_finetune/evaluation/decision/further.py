"""Whether to train another phase after the last one that was trained: the facts that speak for it, and against it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from xtts_finetune.evaluation.decision.by_checks import MORE_FAULTY, compared
from xtts_finetune.evaluation.decision.evidence import Evidence
from xtts_finetune.evaluation.decision.model import GoOn
from xtts_finetune.evaluation.decision.words import apart, listed
from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.records.stopping import Reason
from xtts_finetune.records.verdict import Condition, the

# The success level that a pipeline aims for, where it has one of this name; else the highest.
TARGET = "target"
# text_ce moves by about a twentieth between evaluations of one and the same quality.
RISEN, UNCHANGED = 1.05, 0.01


def go_on(training: Mapping[str, Any] | None, evidence: Evidence) -> GoOn | None:
    """The advice; None where no phase has come to its end, or where the config has phases that are not trained.

    Advised where mel_ce was still falling and no other condition fails. What is not known (nobody has listened, no
    scores) does not stand in the way, and is said.
    """
    if training is None or training["status"] != "done":
        return None
    name = training["phase"]
    if name in evidence.phases and name != evidence.phases[-1]:
        return None  # the config has a further one already
    found = (
        _falling(name, training),
        _text_kept(training),
        _ended(name, training),
        _target_missed(name, training),
        _sounds_no_worse(name, evidence),
        _passes_the_checks(name, evidence),
    )
    conditions = tuple(each for each in found if each is not None)
    advised = conditions[0].holds is True and all(each.holds is not False for each in conditions)
    return GoOn(_next_phase(name), advised, conditions)


def _falling(name: str, training: Mapping[str, Any]) -> Condition:
    verdict, words = training["trend"]["verdict"], training["trend"]["words"]
    if verdict == "too short":
        return Condition(f"The curve of {name}'s mel_ce is {words}.", None)
    return Condition(f"At the end of {name} mel_ce was {words}.", bool(verdict == "falling"))


def _text_kept(training: Mapping[str, Any]) -> Condition:
    start, best = training["text_ce"]["start"], training["text_ce"]["best"]
    if start is None or best is None:
        return Condition("text_ce has not been measured.", None)
    kept, (before, after) = best <= start * RISEN, apart(start, best, 4)
    if abs(best - start) < start * UNCHANGED:
        return Condition(f"text_ce stayed at {start:.4f}.", True)
    if best > start:
        moved = "rose slightly, which is within its noise," if kept else "rose"
        return Condition(f"text_ce {moved} from {before} to {after}.", kept)
    return Condition(f"text_ce fell from {before} to {after}.", True)


def _ended(name: str, training: Mapping[str, Any]) -> Condition | None:
    known = [reason.value for reason in Reason]
    if training["reason"] not in known:
        return None
    reason = Reason(training["reason"])
    if reason is Reason.OVERFITTING:
        return Condition(f"{name} was stopped by overfitting.", False)
    if training["trend"]["verdict"] == "rising":
        return None  # said already, and no rule was there to stop it
    return Condition(f"{name} ended without overfitting ({reason.words}).", True)


def _target_missed(name: str, training: Mapping[str, Any]) -> Condition:
    levels, reached = training["levels"], str(training["level"] or "")
    if not levels:
        return Condition(f"{name} has no goal under 'success': there may be more to gain.", True)
    target = TARGET if TARGET in levels else levels[-1]
    # A level by its numbers alone reads 'target (by its numbers; not heard yet)'.
    level = reached.split(" (")[0]
    if level in levels and levels.index(level) >= levels.index(target):
        return Condition(f"{name} has reached '{target}' already.", False)
    return Condition(f"{name} is still short of '{target}'.", True)


def _sounds_no_worse(name: str, evidence: Evidence) -> Condition:
    place = evidence.phases.index(name) if name in evidence.phases else 0
    before = evidence.phases[place - 1] if place else BASE
    if evidence.uncounted:
        return Condition("No answer of a listener counts yet.", None)
    pair = evidence.heard.pair(before, name) if evidence.heard else None
    if pair is None or evidence.heard is None:
        return Condition(f"Nobody has compared {name} with {the(before)} yet.", None)
    if not evidence.heard.at_a_look:
        rated = f"{evidence.heard.rated} of {evidence.heard.planned}"
        return Condition(f"Listeners have rated {rated} sentences so far: too early to tell.", None)
    if pair.preferred == before:
        return Condition(f"Listeners prefer {the(before)} to {name}.", False)
    if pair.preferred == name:
        return Condition(f"Listeners prefer {name} to {the(before)}.", True)
    return Condition(f"Listeners hear no clear difference between {name} and {the(before)}.", None)


def _passes_the_checks(name: str, evidence: Evidence) -> Condition:
    """Compared with the phase before, and with the base."""
    place = evidence.phases.index(name) if name in evidence.phases else 0
    others = [each for each in (*evidence.phases[place - 1 : place], BASE) if each in evidence.samples]
    own = evidence.samples.get(name)
    if own is None or BASE not in others:
        return Condition(f"The samples of {name if own is None else 'the base'} have not been checked.", None)
    counts = [f"{evidence.samples[each].clean} of {evidence.samples[each].spoken} of {the(each)}" for each in others]
    all_ = f"{own.clean} of {own.spoken}, compared with {listed(counts)}"
    more = {each: compared(evidence.scores, name, each)[0] for each in others}
    faultier = max(others, key=lambda each: more[each])
    if more[faultier] >= MORE_FAULTY:
        return Condition(f"Fewer samples of {name} are clean than of {the(faultier)}: {all_}.", False)
    if more[faultier] > 0:
        return Condition(f"Fewer samples of {name} are clean than of {the(faultier)}, maybe by chance: {all_}.", None)
    how = "More" if all(each < 0 for each in more.values()) else "No fewer"
    return Condition(f"{how} samples of {name} are clean: {all_}.", True)


def _next_phase(name: str) -> str:
    """The name with the next number: phase3 after phase2."""
    numbered = re.fullmatch(r"(.*?)(\d+)", name)
    return f"{numbered[1]}{int(numbered[2]) + 1}" if numbered else "a further phase"

"""Whether to train another phase after the last one that was trained: the facts that speak for it, and against it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from xtts_finetune.evaluation.decision.evidence import Evidence
from xtts_finetune.evaluation.decision.model import GoOn
from xtts_finetune.evaluation.decision.words import apart
from xtts_finetune.fixed import BASE
from xtts_finetune.records.stopping import Reason
from xtts_finetune.records.verdict import Condition, the

# The success level that a pipeline aims for, where it has one of this name; else the highest.
TARGET = "target"
# text_ce moves by about a twentieth between evaluations of one and the same quality.
RISEN = 1.05


def go_on(training: Mapping[str, Any] | None, evidence: Evidence) -> GoOn | None:
    """The advice; None where no phase has come to its end.

    Advised where mel_ce was still falling and no other condition fails. What is not known (nobody has listened, no
    scores) does not stand in the way, and is said.
    """
    if training is None or training["status"] != "done":
        return None
    name = training["phase"]
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
    return GoOn(_next_phase(name, evidence.phases), advised, conditions)


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
    if best > start:
        moved = "rose slightly, which is within its noise," if kept else "rose"
        return Condition(f"text_ce {moved} from {before} to {after}.", kept)
    if best == start:
        return Condition(f"text_ce stayed at {before}.", True)
    return Condition(f"text_ce fell from {before} to {after}.", True)


def _ended(name: str, training: Mapping[str, Any]) -> Condition | None:
    known = [reason.value for reason in Reason]
    if training["reason"] not in known:
        return None
    reason = Reason(training["reason"])
    if reason is Reason.OVERFITTING:
        return Condition(f"{name} was stopped by overfitting.", False)
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
    pair = evidence.heard.pair(before, name) if evidence.heard else None
    if pair is None or evidence.heard is None or not evidence.heard.at_a_look:
        return Condition(f"Nobody has compared {name} with {the(before)} yet.", None)
    if pair.preferred == before:
        return Condition(f"Listeners prefer {the(before)} to {name}.", False)
    if pair.preferred == name:
        return Condition(f"Listeners prefer {name} to {the(before)}.", True)
    return Condition(f"Listeners hear no clear difference between {name} and {the(before)}.", True)


def _passes_the_checks(name: str, evidence: Evidence) -> Condition:
    own, base = evidence.samples.get(name), evidence.samples.get(BASE)
    if own is None or base is None:
        return Condition(f"The samples of {name if own is None else 'the base'} have not been checked.", None)
    both = f"{own.clean} of {own.spoken}, and {base.clean} of {base.spoken} of the base"
    if name in evidence.by_gate:
        return Condition(f"Fewer samples of {name} are clean: {both}.", False)
    difference = own.clean * base.spoken - base.clean * own.spoken
    if difference < 0:
        return Condition(f"Fewer samples of {name} are clean, which may be chance: {both}.", None)
    return Condition(f"{'More' if difference else 'As many'} samples of {name} are clean: {both}.", True)


def _next_phase(name: str, phases: Sequence[str]) -> str:
    """The phase listed after `name`, else its name with the next number: phase3 after phase2."""
    place = list(phases).index(name) if name in phases else len(phases)
    if place + 1 < len(phases):
        return phases[place + 1]
    numbered = re.fullmatch(r"(.*?)(\d+)", name)
    return f"{numbered[1]}{int(numbered[2]) + 1}" if numbered else "a further phase"

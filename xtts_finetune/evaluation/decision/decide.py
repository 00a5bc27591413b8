"""Decides from what a run's folder or decision.json holds, and whether a further phase is worth training."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from xtts_finetune.evaluation.decision.by_ears import answer_by_ears
from xtts_finetune.evaluation.decision.by_numbers import answer_by_numbers
from xtts_finetune.evaluation.decision.evidence import Evidence, read_evidence
from xtts_finetune.evaluation.decision.inputs import gather_inputs
from xtts_finetune.evaluation.decision.model import Condition, Decision, GoOn
from xtts_finetune.evaluation.decision.words import left_out_in_words, not_measured
from xtts_finetune.fixed import BASE
from xtts_finetune.records.atomic import write_json_atomic
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration

# The level that a pipeline aims for, where it declares one of this name; else the highest.
TARGET = "target"
# text_ce moves by about a twentieth between evaluations of one and the same quality.
RISEN = 1.05


def decide(declaration: Declaration, run: RunFolder) -> Decision:
    """Decide from what the run's folder holds now. Raises UserError for a record that cannot be read."""
    return decide_from(gather_inputs(declaration, run))


def write_decision(run: RunFolder, decision: Decision) -> None:
    """Write decision.json."""
    write_json_atomic(run.decision, decision.to_json())


def decide_from(inputs: Mapping[str, Any]) -> Decision:
    """Decide from gathered inputs alone: the same inputs always give the same answer."""
    evidence = read_evidence(inputs)
    heard, votes = evidence.heard, inputs.get("votes")
    if heard is not None and votes is not None:
        answer = answer_by_ears(evidence, heard, votes)
    else:
        answer = answer_by_numbers(evidence)
        answer = replace(answer, why=(*answer.why, *left_out_in_words(votes, evidence.names)))
    return Decision(
        ship=answer.ship,
        verdict=answer.verdict,
        provisional=answer.provisional,
        why=answer.why,
        row=answer.row,
        then=answer.then,
        candidates=evidence.candidates,
        inputs=inputs,
        status=answer.status,
        meanwhile=answer.meanwhile,
        confidence=answer.confidence,
        more_sentences=answer.more_sentences,
        preferences=heard.preferences if heard else (),
        strengths=heard.strengths if heard else {},
        quality=heard.marks if heard else {},
        go_on=go_on(inputs.get("training"), evidence),
        excluded=evidence.excluded,
        not_measured=not_measured(evidence),
    )


def go_on(training: Mapping[str, Any] | None, evidence: Evidence) -> GoOn | None:
    """The advice whether to train on after the last phase that was trained; None where none has come to its end.

    Advised where mel_ce was still falling and no other condition fails. What is not known (nobody has listened, no
    scores) does not stand in the way, and is said.
    """
    if training is None or training["status"] != "done":
        return None
    name = training["phase"]
    conditions = (
        Condition(f"mel_ce of {name} at its end: {training['trend']['words']}", _falling(training)),
        _text_kept(training),
        Condition(f"{name} was not ended by overfitting", training["reason"] != "overfitting"),
        _target_missed(training),
        _sounds_no_worse(name, evidence),
        _passes_the_gate(name, evidence),
    )
    advised = conditions[0].holds is True and all(each.holds is not False for each in conditions)
    return GoOn(_next_phase(name, evidence.phases), advised, conditions)


def _falling(training: Mapping[str, Any]) -> bool | None:
    verdict = training["trend"]["verdict"]
    return None if verdict == "too short" else bool(verdict == "falling")


def _text_kept(training: Mapping[str, Any]) -> Condition:
    start, best = training["text_ce"]["start"], training["text_ce"]["best"]
    if start is None or best is None:
        return Condition("text_ce has not risen", None)
    return Condition(f"text_ce has not risen ({start:.4f} at the start, {best:.4f} at its best)", best <= start * RISEN)


def _target_missed(training: Mapping[str, Any]) -> Condition:
    levels, reached = training["levels"], str(training["level"] or "")
    if not levels:
        return Condition("no target level is declared", True)
    target = TARGET if TARGET in levels else levels[-1]
    # A level by its numbers alone reads 'target (by its numbers; not heard yet)'.
    name = reached.split(" (")[0]
    there = name in levels and levels.index(name) >= levels.index(target)
    return Condition(f"the level '{target}' is not reached yet", not there)


def _sounds_no_worse(name: str, evidence: Evidence) -> Condition:
    place = evidence.phases.index(name) if name in evidence.phases else 0
    before = evidence.phases[place - 1] if place else BASE
    pair = evidence.heard.pair(before, name) if evidence.heard else None
    text = f"{name} does not sound worse than {before}"
    if pair is None or evidence.heard is None or not evidence.heard.at_a_look:
        return Condition(f"{text} (not heard yet)", None)
    return Condition(text, pair.preferred != before)


def _passes_the_gate(name: str, evidence: Evidence) -> Condition:
    text = f"no more of {name}'s utterances fail the gate than of the base's"
    if BASE not in evidence.scores or name not in evidence.scores:
        return Condition(f"{text} (not measured)", None)
    return Condition(text, name not in evidence.by_gate)


def _next_phase(name: str, phases: Sequence[str]) -> str:
    """The phase declared after `name`, else its name with the next number: phase3 after phase2."""
    place = list(phases).index(name) if name in phases else len(phases)
    if place + 1 < len(phases):
        return phases[place + 1]
    numbered = re.fullmatch(r"(.*?)(\d+)", name)
    return f"{numbered[1]}{int(numbered[2]) + 1}" if numbered else "a further phase"

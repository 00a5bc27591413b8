"""Decides from what a run's folder or decision.json holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from xtts_finetune.evaluation.decision.by_ears import answer_by_ears
from xtts_finetune.evaluation.decision.by_numbers import answer_by_numbers
from xtts_finetune.evaluation.decision.conclusion import verdict_of
from xtts_finetune.evaluation.decision.evidence import read_evidence
from xtts_finetune.evaluation.decision.further import go_on
from xtts_finetune.evaluation.decision.inputs import gather_inputs
from xtts_finetune.evaluation.decision.model import Decision
from xtts_finetune.evaluation.decision.words import left_out_in_words, not_measured
from xtts_finetune.records.atomic import write_json_atomic
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration


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
    further = go_on(inputs.get("training"), evidence)
    return Decision(
        ship=answer.ship,
        verdict=answer.verdict,
        provisional=answer.provisional,
        why=answer.why,
        row=answer.row,
        then=answer.then,
        candidates=evidence.candidates,
        inputs=inputs,
        says=verdict_of(evidence, answer, further, votes),
        status=answer.status,
        meanwhile=answer.meanwhile,
        confidence=answer.confidence,
        more_sentences=answer.more_sentences,
        preferences=heard.preferences if heard else (),
        strengths=heard.strengths if heard else {},
        quality=heard.marks if heard else {},
        go_on=further,
        excluded=evidence.excluded,
        not_measured=not_measured(evidence),
    )

"""Gathers from a run's folder everything that its decision depends on, as plain JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from xtts_finetune.curves.judge import trend_of
from xtts_finetune.evaluation.candidates import candidate_names, left_out
from xtts_finetune.evaluation.decision.heard import marks_heard
from xtts_finetune.evaluation.decision.model import NOT_RUN
from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.records.candidates.closing import read_model_info
from xtts_finetune.records.heard.listening import Vote, Votes, read_votes
from xtts_finetune.records.heard.scores import UtteranceScores, read_scores
from xtts_finetune.records.metrics import EvalRecord, Metrics, read_metrics
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.records.values import strict_json
from xtts_finetune.spec.declaration import Declaration


def gather_inputs(declaration: Declaration, run: RunFolder) -> dict[str, Any]:
    """Everything that the decision depends on.

    read, rows   the matrix
    phases       names of the declared phases, in order
    candidates   measures of each, with a mark that was written by hand
    scores       {candidate: gate and similarity of its utterances}, of those that were scored
    votes        the listeners' answers, unblinded; None where nobody has listened
    training     how the last phase that was trained ended; None where none was
    left_out     {candidate: why} of those that the others are compared without; only where there is one

    Raises UserError for a record that cannot be read.
    """
    out = left_out(declaration, run)
    names = [name for name in candidate_names(declaration) if name not in out]
    # Histories are long: each is read once.
    metrics = {name: read_metrics(run.candidate(name).metrics) for name in dict.fromkeys([*names, *declaration.phases])}
    inputs = {
        "read": declaration.decision.read,
        "rows": [row.model_dump(mode="json", exclude_none=True) for row in declaration.decision.rows],
        "phases": list(declaration.phases),
        "candidates": [
            {
                **_measured(run.candidate(name), metrics[name].best),
                "quality": declaration.decision.quality.get(name),
            }
            for name in names
        ],
        "scores": {name: found for name in names if (found := _scored(run.candidate(name))) is not None},
        "votes": _voted(read_votes(run)),
        "training": _training(declaration, run, metrics),
        # Only where it says something, so that runs from before there was the key stay as they are.
        **({"left_out": out} if out else {}),
    }
    # A number that JSON lacks must decide as it does when it is read back.
    return dict(strict_json(inputs))


def marks_given(declaration: Declaration, run: RunFolder) -> dict[str, float]:
    """Each candidate's mark out of 10: the listeners' where it was heard, else the one that was written by hand.

    Raises UserError for a listening test that cannot be read.
    """
    return {**declaration.decision.quality, **marks_heard(_voted(read_votes(run)))}


def _measured(folder: CandidateFolder, best: EvalRecord | None) -> dict[str, Any]:
    info = read_model_info(folder)
    if best is None:
        status = NOT_RUN if info is None else str(info.get("status"))
        return {"name": folder.name, "status": status, "has_model": False}
    return {
        "name": folder.name,
        "status": "unfinished" if info is None else str(info.get("status")),
        # The base's weights lie where the user keeps them; what was evaluated can ship.
        "has_model": folder.name == BASE or folder.best_model.is_file(),
        "mel_ce": best.mel_ce,
        "text_ce": best.text_ce,
        "stop_ce": best.stop_ce,
        "step": best.step,
    }


def _scored(folder: CandidateFolder) -> dict[str, Any] | None:
    scores = read_scores(folder.scores_json)
    if scores is None:
        return None
    return {
        "gate_failures": scores.gate_failures,
        "spoken": scores.spoken,
        "faults": dict(scores.faults),
        "similarity": scores.mean("similarity"),
        "utterances": [[each.id, each.seed, bool(each.faults)] for each in scores.utterances],
        "readings": [[each.id, each.seed, *words_and_voice(each)] for each in scores.utterances],
        "not_measured": {name: each.why for name, each in scores.instruments.items() if each.state == "not measured"},
    }


def words_and_voice(said: UtteranceScores) -> tuple[float | None, float | None]:
    """The share of the words that are understood (of the letters, where there are no words), and the likeness."""
    wrong = said.number("wer") if said.number("wer") is not None else said.number("cer")
    likeness = said.number("similarity")
    words = None if wrong is None else round(1.0 - min(wrong, 1.0), 4)
    return words, None if likeness is None else round(min(max(likeness, 0.0), 1.0), 4)


def votes_now(run: RunFolder) -> dict[str, Any] | None:
    """The votes as the inputs of a decision hold them. Raises UserError for a test that cannot be read."""
    found: dict[str, Any] | None = dict(strict_json({"votes": _voted(read_votes(run))}))["votes"]
    return found


def _voted(votes: Votes) -> dict[str, Any] | None:
    """The votes as JSON; notes and fault boxes decide nothing and stay where they are."""
    if not (votes.votes or votes.listeners or votes.passed_over):
        return None
    return {
        "votes": [_vote(vote) for vote in votes.votes],
        "listeners": [asdict(listener) for listener in votes.listeners],
        "candidates": list(votes.candidates),
        "looks_done": votes.looks_done,
        "sentences": votes.sentences,
        "planned": votes.planned,
        "extended": votes.extended,
        "passed_over": list(votes.passed_over),
        "asked": [asdict(each) for each in votes.asked],
    }


def _vote(vote: Vote) -> dict[str, Any]:
    kept = ("test", "look", "listener", "sentence", "seed", "first", "second", "preference", "marks")
    return {name: getattr(vote, name) for name in kept}


def _training(declaration: Declaration, run: RunFolder, histories: Mapping[str, Metrics]) -> dict[str, Any] | None:
    """How the last phase that was evaluated ended; None where there is none."""
    begun = [name for name in declaration.phases if histories[name].evals]
    if not begun:
        return None
    metrics, info = histories[begun[-1]], read_model_info(run.candidate(begun[-1])) or {}
    trend = trend_of([each.step for each in metrics.evals], [each.mel_ce for each in metrics.evals])
    return {
        "phase": begun[-1],
        "status": info.get("status", "unfinished"),
        "reason": (info.get("reason") or {}).get("name"),
        "trend": {"verdict": trend.verdict, "words": trend.words},
        "text_ce": {
            "start": metrics.initial.text_ce if metrics.initial else None,
            "best": metrics.best.text_ce if metrics.best else None,
        },
        "levels": list(declaration.phases[begun[-1]].success),
        "level": info.get("level"),
    }

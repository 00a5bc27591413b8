"""Which candidates a listening test compares where none is named, and what of its question is open yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xtts_finetune.evaluation.decision import decide_from, gather_inputs
from xtts_finetune.evaluation.decision.model import Candidate, Decision
from xtts_finetune.evaluation.listening.plan import Pair
from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.records.heard.listening_files import ListeningTest
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.sources import source_of


def best_two(declaration: Declaration, run: RunFolder, spoken: Sequence[str]) -> tuple[str, ...]:
    """The two best of those that have spoken, by the numbers alone: whom the decision matrix ships, then the lowest
    mel_ce; those that do not ship by themselves come last. What listeners said changes nothing, so that a question
    under way stays the same. A phase that gained nothing is the model that it started from: of those that are one
    model only the first counts, and one name is left where all are.

    Raises UserError for a record that cannot be read.
    """
    return _best_two(declaration, decide_from({**gather_inputs(declaration, run), "votes": None}), spoken)


def _best_two(declaration: Declaration, by_numbers: Decision, spoken: Sequence[str]) -> tuple[str, ...]:
    known = {each.name: each for each in by_numbers.candidates}

    def place(name: str) -> tuple[bool, bool, bool, float]:
        mel_ce = known[name].mel_ce if name in known else None
        excluded = name in by_numbers.excluded
        return excluded, name != by_numbers.ship, mel_ce is None, 0.0 if mel_ce is None else mel_ce

    models: dict[str, str] = {}
    for name in sorted(spoken, key=place):
        model = _model_of(declaration, known, name)
        models.setdefault(model, BASE if model == BASE in spoken else name)
    best = list(models.values())[:2]
    return tuple(name for name in spoken if name in best)


def _model_of(declaration: Declaration, known: Mapping[str, Candidate], name: str) -> str:
    """Whose best model a candidate's is: its own, but for a phase that was best before its first step."""
    while name in declaration.phases and name in known and known[name].step == 0:
        source = source_of(declaration, name)
        if source.file is not None or source.checkpoint != "best":
            break
        name = source.phase or BASE
    return name


def winner_and_base(told: Mapping[str, Any], tests: Sequence[ListeningTest], spoken: Sequence[str]) -> Pair | None:
    """The base and whom listeners chose, where nobody has compared these two; else None.

    told   the decision as decision.json holds it
    tests  those of the weights as they are now
    """
    winner = str(told.get("ship"))
    if told.get("status") != "decided" or not told.get("preferences") or winner not in spoken or BASE not in spoken:
        return None
    asked = {frozenset(pair) for test in tests for pair in test.pairs}
    if winner == BASE or frozenset((BASE, winner)) in asked or not any(winner in pair for pair in asked):
        return None
    return BASE, winner


def is_open(test: ListeningTest, told: Mapping[str, Any]) -> bool:
    """Whether listeners have not told all pairs of a test apart."""
    settled = {
        frozenset((each["first"], each["second"])) for each in told.get("preferences") or () if each["significant"]
    }
    return any(frozenset(pair) not in settled for pair in test.pairs)


def heard_in(looks: Sequence[ListeningTest]) -> tuple[str, ...]:
    """The sentences of all looks of a test."""
    return tuple(dict.fromkeys(sentence for test in looks for sentence in test.sentences))

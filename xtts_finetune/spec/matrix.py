"""Checks of the decision matrix against the phases: which candidates there are, and that only they are named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.spec.files import STEP, problem_of_path
from xtts_finetune.spec.names import TAKEN, is_name
from xtts_finetune.spec.reading.document import Document, Keys, label
from xtts_finetune.spec.reading.words import did_you_mean, listed


def check_matrix(decision: Document, names: Sequence[str], phases: Mapping[str, Document]) -> None:
    """Check what `candidates` lists, and that whatever the matrix reads, marks or ships is one of them."""
    candidates = _check_listed(decision, names, phases)
    named: list[tuple[Keys, object]] = [(("read",), decision.get("read"))]
    marks = decision.get("quality")
    named += [(("quality", name), name) for name in marks] if isinstance(marks, dict) else []
    named += [(("rows", index, "ship"), decision.get("rows", index, "ship")) for index, _ in decision.entries("rows")]
    for keys, name in named:
        if is_name(name) and name not in candidates:
            hint = did_you_mean(name, candidates) or f"; candidates: {listed(candidates)}"
            shown = label(keys[:1] if keys[0] == "quality" else keys)
            decision.complain(keys, f"{shown}: '{name}' is not a candidate{hint}")


def _check_listed(decision: Document, names: Sequence[str], phases: Mapping[str, Document]) -> list[str]:
    """The candidates' names; every entry of `candidates` that cannot be one is a problem."""
    found = [BASE]
    for index, entry in decision.entries("candidates"):
        keys: Keys = ("candidates", index)
        if isinstance(entry, dict):
            _check_made(decision, keys, entry, [BASE, *names, *found], phases)
            keys, entry = (*keys, "name"), entry.get("name")
            _refuse_taken(decision, keys, entry, names)
        elif is_name(entry) and entry != BASE and entry not in names:
            hint = did_you_mean(entry, names) or f"; phases: {listed(names)}"
            decision.complain(keys, f"{label(keys)}: there is no phase '{entry}'{hint}")
        twice = is_name(entry) and str(entry).casefold() in (name.casefold() for name in found if name != BASE)
        if twice and keys not in decision.faulty:
            decision.complain(keys, f"{label(keys)}: there are two candidates named '{entry}'")
        if is_name(entry):
            found.append(str(entry))
    return found if decision.get("candidates") else [BASE, *names]


def _refuse_taken(decision: Document, keys: Keys, name: object, phases: Sequence[str]) -> None:
    if not is_name(name):
        return
    taken = {phase.casefold(): "a phase has that name" for phase in phases} | TAKEN
    reason = taken.get(str(name).casefold())
    if reason:
        decision.complain(keys, f"{label(keys)}: a candidate cannot be named '{name}': {reason}")


def _check_made(
    decision: Document,
    keys: Keys,
    entry: dict[str, object],
    before: list[str],
    phases: Mapping[str, Document],
) -> None:
    parts = entry.get("average")
    named: list[tuple[Keys, object]] = [((*keys, "model"), entry.get("model"))]
    named += [((*keys, "average", index), part) for index, part in enumerate(parts)] if isinstance(parts, list) else []
    for place, part in named:
        if is_name(part) and part not in before:
            hint = did_you_mean(part, before) or f"; it can be made of {listed(dict.fromkeys(before))}"
            decision.complain(place, f"{label(place)}: there is no '{part}' above it{hint}")
    phase, place = entry.get("phase"), (*keys, "phase")
    if is_name(phase) and phase not in phases:
        hint = did_you_mean(phase, phases) or f"; phases: {listed(phases)}"
        decision.complain(place, f"{label(place)}: there is no phase '{phase}'{hint}")
    document = phases.get(str(phase))
    if document is not None:
        _check_best(decision, keys, entry.get("best"), str(phase), document)
    _check_checkpoint(decision, keys, entry.get("checkpoint"), phase, document)


def _check_best(decision: Document, keys: Keys, best: object, phase: str, document: Document) -> None:
    kept = document.get("keep", "best") or 1
    if isinstance(best, int) and isinstance(kept, int) and best > kept:
        message = f"'{phase}' keeps {kept} of its best models; write 'keep: {{best: {best}}}' in {document.name}"
        decision.complain((*keys, "best"), f"{label((*keys, 'best'))}: {message}")


def _check_checkpoint(
    decision: Document, keys: Keys, checkpoint: object, phase: object, document: Document | None
) -> None:
    if not isinstance(checkpoint, str):
        return
    place, message = (*keys, "checkpoint"), ""
    step = STEP.fullmatch(checkpoint)
    if phase is None:
        message = (
            f"'{checkpoint}' needs 'phase': of which phase?"
            if step or checkpoint in ("best", "last")
            # One that is gone, or a folder, is left out, and that is said.
            else problem_of_path(decision.folder, checkpoint)
        )
    elif checkpoint == "best":
        message = f"a phase's best is a candidate as it is; write '{phase}' instead of the mapping"
    elif step is None and checkpoint != "last":
        message = f"expected 'last' or 'step N' with 'phase: {phase}' but got '{checkpoint[:60]}'"
    elif step and _beyond(int(step.group(1)), document):
        message = f"'{checkpoint}' is beyond the end of '{phase}', which has {_planned(document)} steps"
    if message:
        decision.complain(place, f"{label(place)}: {message}")


def _planned(document: Document | None) -> object:
    return None if document is None else document.get("steps")


def _beyond(step: int, document: Document | None) -> bool:
    planned = _planned(document)
    return type(planned) is int and step > planned

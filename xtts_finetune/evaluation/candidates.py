"""The models that may ship: which there are, and what each is made of. Without torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xtts_finetune.errors import UserError
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.spec.candidates import BASE, MadeCandidate
from xtts_finetune.spec.declaration import Declaration


@dataclass(frozen=True)
class Part:
    """One model that a made candidate is made of, and how much it counts."""

    file: Path
    weight: float = 1.0


def candidate_names(declaration: Declaration) -> tuple[str, ...]:
    """The base first, then as declared: left out, every phase."""
    entries = declaration.decision.candidates
    if not entries:
        return (BASE, *declaration.pipeline.phases)
    names = [entry.name if isinstance(entry, MadeCandidate) else entry for entry in entries]
    return (BASE, *(name for name in names if name != BASE))


def made_candidates(declaration: Declaration) -> dict[str, MadeCandidate]:
    """By name, in the declared order: an average may have one before it as a part."""
    entries = declaration.decision.candidates
    return {entry.name: entry for entry in entries if isinstance(entry, MadeCandidate)}


def sources_of(made: MadeCandidate) -> tuple[str, ...]:
    """The candidates that must be there before `made` can be made; none where it is the user's own file."""
    if made.average:
        return made.average
    return () if made.phase is None else (made.phase,)


def parts_of(made: MadeCandidate, base_model: Path, run: RunFolder) -> tuple[Part, ...]:
    """The files that `made` is the mean of; `base_model` is the base's model.pth.

    Raises UserError where a phase has not what is wanted of it. Whether the files are whole, reading them says.
    """
    if made.average:
        weights = made.weights or (1.0,) * len(made.average)
        files = [base_model if name == BASE else run.candidate(name).best_model for name in made.average]
        return tuple(map(Part, files, weights))
    if made.phase is None:
        return (Part(made.file),)
    folder = run.candidate(made.phase)
    if made.best is not None:
        return _best_models(made.name, folder, made.best)
    return (_checkpoint(made.name, folder, str(made.checkpoint)),)


def _best_models(name: str, folder: CandidateFolder, wanted: int) -> tuple[Part, ...]:
    there = dict(folder.best_models())
    if len(there) < wanted:
        raise UserError(
            f"{name}: {folder.name} has {len(there)} of the {wanted} best models wanted; declare keep: "
            f"{{best: {wanted}}} in phases/{folder.name}.yaml and train it anew: run_pipeline {folder.name} --fresh"
        )
    evals = [record for record in read_metrics(folder.metrics).evals if record.step in there]
    return tuple(Part(there[record.step]) for record in sorted(evals, key=lambda e: e.mel_ce)[:wanted])


def _checkpoint(name: str, folder: CandidateFolder, wanted: str) -> Part:
    there = dict(folder.checkpoints())
    step = max(there, default=0) if wanted == "last" else int(wanted.removeprefix("step "))
    if step not in there:
        kept = ", ".join(str(step) for step in there) or "none"
        raise UserError(
            f"{name}: {folder.name} has no checkpoint of {wanted}; it has of steps: {kept}. Choose one of them, or "
            f"train it anew, which now keeps that step: run_pipeline {folder.name} --fresh"
        )
    return Part(there[step])

"""The models that may ship: which there are, what each is made of, and which of them are left out. Without torch.

A made candidate is left out when its file is gone or broken, or when it could not be made. Such a failure is noted in
the candidate's folder and lasts until it is made: an input that is wrong until that changes, anything else until the
next command tries again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from xtts_finetune.errors import UserError
from xtts_finetune.look.commands import command
from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.records.atomic import json_or_none, write_json_atomic
from xtts_finetune.records.candidates.closing import read_model_info
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.spec.decision import MadeCandidate, RowSpec
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.xtts.base import find_base
from xtts_finetune.xtts.weights.fit import problem_of_weights


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
    source = made.phase or made.model
    return () if source is None else (source,)


def parts_of(made: MadeCandidate, base_model: Path, run: RunFolder) -> tuple[Part, ...]:
    """The files that `made` is the mean of; `base_model` is the base's model.pth.

    Raises UserError where a phase has not what is wanted of it. Whether the files are whole, reading them says.
    """
    if made.average or made.model:
        sources = sources_of(made)
        weights = made.weights or (1.0,) * len(sources)
        files = [base_model if name == BASE else run.candidate(name).best_model for name in sources]
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
            f"{name}: {folder.name} has {len(there)} of the {wanted} best models wanted; set keep: "
            f"{{best: {wanted}}} in phases/{folder.name}.yaml and train it again: "
            f"{command(f'{folder.name} --fresh', 'run_pipeline')}"
        )
    evals = [record for record in read_metrics(folder.metrics).evals if record.step in there]
    return tuple(Part(there[record.step]) for record in sorted(evals, key=lambda e: e.mel_ce)[:wanted])


def _checkpoint(name: str, folder: CandidateFolder, wanted: str) -> Part:
    there, path = dict(folder.checkpoints()), folder.named(wanted)
    if path not in there.values():
        kept = ", ".join(str(step) for step in there) or "none"
        raise UserError(
            f"{name}: {folder.name} has no checkpoint of {wanted}; it has of steps: {kept}. Choose one of them, or "
            f"train it anew, which now keeps that step: {command(f'{folder.name} --fresh', 'run_pipeline')}"
        )
    return Part(path)


def is_made(folder: CandidateFolder) -> bool:
    """Whether the candidate is there, whole."""
    return read_model_info(folder) is not None and folder.best_model.is_file()


def _made_since(folder: CandidateFolder, file: Path) -> bool:
    """Whether the candidate was made after its file came to be as it is."""
    if not is_made(folder):
        return False
    try:
        now = file.stat()
        # st_ctime too: a copy may keep the time of its content.
        return max(now.st_mtime_ns, now.st_ctime_ns) < folder.best_model.stat().st_mtime_ns
    except OSError:
        return False


def left_out(declaration: Declaration, run: RunFolder) -> dict[str, str]:
    """Each candidate that is left out as things are, with why: for the decision and the report."""
    found = broken_files(declaration, run)
    for name, made in made_candidates(declaration).items():
        failure = read_failure(run.candidate(name))
        if name not in found and failure is not None:
            found[name] = failure.why
        elif name not in found and (why := without_part(made, found)):
            found[name] = why
    return found


def standing(declaration: Declaration, run: RunFolder) -> tuple[str, ...]:
    """The names of the candidates that are not left out, in their order."""
    out = left_out(declaration, run)
    return tuple(name for name in candidate_names(declaration) if name not in out)


def broken_files(declaration: Declaration, run: RunFolder) -> dict[str, str]:
    """The candidates that are a file of the user's that cannot be used, each with why.

    What was made of a file stays when the file is gone. A file that nothing was made of yet, or that changed since, is
    read whole, a second for each GB and once in a process; of the others the table of contents is read.
    """
    made = {name: one for name, one in made_candidates(declaration).items() if one.is_file}
    if not made:
        return {}
    try:
        base = find_base(declaration.pipeline.base)
    except UserError:
        return {}  # nothing can be made without one, and that is said elsewhere
    found = {}
    for name, one in made.items():
        if is_made(run.candidate(name)) and not one.file.exists():
            continue
        values = not _made_since(run.candidate(name), one.file)
        if (problem := problem_of_weights(one.file, base, values)) is not None:
            found[name] = problem
    return found


def without_part(made: MadeCandidate, out: Mapping[str, str]) -> str:
    """Why one that is made of others is left out with one of them; '' if all of them stand."""
    parts = [name for name in sources_of(made) if name in out]
    if not parts:
        return ""
    kind = "an average of" if made.average else "the model of"
    return f"it is {kind} {' and '.join(parts)}, which is left out"


def meaning(name: str, rows: Sequence[RowSpec], read: str | None) -> str:
    """What it means for the matrix that a candidate is left out; '' for nothing."""
    said = []
    if read == name:
        said.append("the matrix is read for the last phase in its place")
    ships = [str(number) for number, row in enumerate(rows, 1) if row.ship == name]
    if len(ships) == 1:
        said.append(f"row {ships[0]} of the matrix, which ships it, does not count")
    elif ships:
        said.append(f"rows {', '.join(ships)} of the matrix, which ship it, do not count")
    return ", and ".join(said)


@dataclass(frozen=True)
class Failure:
    """Why a candidate could not be made, from which inputs (their hash), and whether they are what was wrong."""

    why: str
    inputs: str
    lasting: bool


def read_failure(folder: CandidateFolder) -> Failure | None:
    """Why the candidate could not be made when that was last tried; None where nothing says so."""
    return json_or_none(folder.left_out, lambda it: Failure(str(it["why"]), str(it["inputs"]), bool(it["lasting"])))


def write_failure(folder: CandidateFolder, failure: Failure) -> None:
    """Note why the candidate could not be made."""
    write_json_atomic(folder.left_out, asdict(failure))


def forget_failure(folder: CandidateFolder) -> None:
    """The candidate is tried again."""
    folder.left_out.unlink(missing_ok=True)

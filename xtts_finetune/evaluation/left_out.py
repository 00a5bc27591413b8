"""Made candidates that the others are compared without: their file is gone or broken, or they could not be made.

A failure is noted in the candidate's folder and lasts until it is made: an input that is wrong until that changes,
anything else until the next command tries again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.candidates import candidate_names, made_candidates
from xtts_finetune.records.atomic import write_json_atomic
from xtts_finetune.records.closing import read_model_info
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.spec.candidates import MadeCandidate
from xtts_finetune.spec.decision import RowSpec
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.xtts.base import find_base
from xtts_finetune.xtts.weights.fit import problem_of_weights


@dataclass(frozen=True)
class Failure:
    """Why a candidate could not be made, from which inputs (their hash), and whether they are what was wrong."""

    why: str
    inputs: str
    lasting: bool


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
    """Why an average is left out with one of its parts; '' if all of them stand."""
    parts = [name for name in made.average if name in out]
    return f"it is an average of {' and '.join(parts)}, which is left out" if parts else ""


def is_made(folder: CandidateFolder) -> bool:
    """Whether the candidate is there, whole."""
    return read_model_info(folder) is not None and folder.best_model.is_file()


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


def read_failure(folder: CandidateFolder) -> Failure | None:
    """Why the candidate could not be made when that was last tried; None where nothing says so."""
    try:
        found = json.loads(folder.left_out.read_text(encoding="utf-8"))
        return Failure(str(found["why"]), str(found["inputs"]), bool(found["lasting"]))
    except (OSError, ValueError, TypeError, LookupError):
        return None


def write_failure(folder: CandidateFolder, failure: Failure) -> None:
    """Note why the candidate could not be made."""
    write_json_atomic(folder.left_out, asdict(failure))


def forget_failure(folder: CandidateFolder) -> None:
    """The candidate is tried again."""
    folder.left_out.unlink(missing_ok=True)

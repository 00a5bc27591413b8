"""What becomes of everything that does not ship: by the rule `ship.others`, and never before shipping is verified."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xtts_finetune.records.checkpoints import read_checkpoint_records, remove_checkpoint
from xtts_finetune.records.closing import read_model_info
from xtts_finetune.records.json_lines import JsonLinesWriter
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.spec.candidates import MadeCandidate
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.sources import kept_steps, last_is_needed
from xtts_finetune.times import now


@dataclass(frozen=True)
class Surplus:
    """A file that nothing declared needs any more; `step` where it is a checkpoint, which has a record beside it."""

    folder: CandidateFolder
    path: Path
    bytes: int
    why: str
    step: int | None = None


def surplus(declaration: Declaration, run: RunFolder) -> list[Surplus]:
    """What 'thin' deletes: of phases that are done, the checkpoints and models that nothing declared needs.

    The best model of every candidate stays, and so does every checkpoint that a declared phase or candidate is made
    of: the plan stays as it is, and any candidate can still be heard, averaged and shipped.
    """
    found: list[Surplus] = []
    for name in declaration.phases:
        folder = run.candidate(name)
        if (read_model_info(folder) or {}).get("status") == "done" and folder.best_model.is_file():
            found += _checkpoints(declaration, folder) + _models(declaration, folder)
    return found


def delete(run: RunFolder, found: Sequence[Surplus], after: str) -> tuple[int, list[str]]:
    """Delete the files; the bytes that became free, and in words what could not be deleted.

    Each is written down before it goes. `after` says what had been shipped and verified.
    """
    freed, left = 0, []
    with JsonLinesWriter(run.deleted) as record:
        for each in found:
            name = each.path.relative_to(run.root).as_posix()
            record.write({"when": now(), "file": name, "bytes": each.bytes, "why": each.why, "after": after})
            record.sync()
            try:
                if each.step is None:
                    each.path.unlink()
                else:
                    remove_checkpoint(each.folder, each.step)
                freed += each.bytes
            except OSError as error:
                left.append(f"{each.path} could not be deleted: {error.strerror or error}")
    return freed, left


def _checkpoints(declaration: Declaration, folder: CandidateFolder) -> list[Surplus]:
    records = read_checkpoint_records(folder)
    needed = {kept.step for kept in kept_steps(declaration, folder.name)}
    if records and last_is_needed(declaration, folder.name):
        needed.add(records[-1].step)
    return [
        Surplus(folder, path, path.stat().st_size, "a checkpoint to go on training from", record.step)
        for record in records
        if record.step not in needed and (path := folder.checkpoint(record.step)).is_file()
    ]


def _models(declaration: Declaration, folder: CandidateFolder) -> list[Surplus]:
    """Models of evaluations that were not the best one; what best_model.pth is another name of frees nothing."""
    evals = read_metrics(folder.metrics).evals
    kept = _best_steps_needed(declaration, folder.name)
    ranking = sorted((each for each in evals if each.mel_ce == each.mel_ce), key=lambda each: each.mel_ce)
    there = dict(folder.best_models())
    best = [each.step for each in ranking if each.step in there][: max(1, kept)]
    found = []
    for step, path in there.items():
        with contextlib.suppress(OSError):
            if step not in best and not path.samefile(folder.best_model):
                found.append(Surplus(folder, path, path.stat().st_size, "a model that was not the best"))
    return found


def _best_steps_needed(declaration: Declaration, phase: str) -> int:
    """How many best models of the phase a declared candidate is the mean of."""
    entries = [entry for entry in declaration.decision.candidates if isinstance(entry, MadeCandidate)]
    return max((entry.best or 0 for entry in entries if entry.phase == phase), default=0)

"""Earlier tries of a phase: models that another declaration set aside, each in a folder of its own; and their words."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xtts_finetune.errors import UserError
from xtts_finetune.look.quantities import now, readable_size
from xtts_finetune.records.atomic import json_or_none, write_json_atomic
from xtts_finetune.records.candidates.closing import read_model_info
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder


def earlier_words(tries: Sequence[EarlierTry]) -> list[str]:
    """'2 earlier tries of phase2, 3.7 GB', a line a phase."""
    phases = dict.fromkeys(each.phase for each in tries)
    lines = []
    for phase in phases:
        own = [each for each in tries if each.phase == phase]
        many = "1 earlier try" if len(own) == 1 else f"{len(own)} earlier tries"
        lines.append(f"{many} of {phase}, {readable_size(tries_bytes(own))}")
    return lines


def try_facts(each: EarlierTry) -> list[str]:
    """How far a try came and how good it was, since when it is set aside and why."""
    facts = []
    with contextlib.suppress(UserError):
        info = read_model_info(each.folder)
        done = info is not None and info.get("status") == "done"
        facts.append("finished" if done else "not finished")
        best = read_metrics(each.folder.metrics).best
        if best is not None:
            facts.append(f"best mel_ce {best.mel_ce:.3f} at step {best.step}")
    if each.when:
        why = f" ({each.why})" if each.why else ""
        facts.append(f"set aside {each.when[:16].replace('T', ' ')}{why}")
    return facts


@dataclass(frozen=True)
class EarlierTry:
    """What was set aside of a phase.

    folder   its model and records, as they were in the phase's own folder
    when     it was set aside, in ISO 8601
    why      what was declared otherwise then: 'learning_rate: 1e-06 -> 5e-05'
    needed   steps of its checkpoints that later phases or candidates start from
    unasked  whether a changed declaration did it; what somebody asked to have trained anew is not taken up by itself
    """

    phase: str
    folder: CandidateFolder
    when: str = ""
    why: str = ""
    needed: tuple[int, ...] = ()
    unasked: bool = True

    @property
    def name(self) -> str:
        """As commands take it: 'phase2/2026-11-29_17-05-33_learning_rate_1e-06'."""
        return f"{self.phase}/{self.folder.path.name}"


def write_try(folder: CandidateFolder, phase: str, why: str, needed: Iterable[int] = (), unasked: bool = True) -> None:
    """Say in a phase's folder, which is about to be set aside, when and why that is."""
    content = {"phase": phase, "when": now(), "why": why, "needed": sorted(needed), "unasked": unasked}
    write_json_atomic(folder.set_aside, content)


def read_tries(run: RunFolder, phase: str | None = None) -> list[EarlierTry]:
    """All earlier tries, or those of one phase, the oldest first. A damaged record costs only its words."""
    found = []
    for folder in sorted(run.earlier.iterdir()) if run.earlier.is_dir() else []:
        if folder.is_dir() and phase in (None, folder.name):
            whole = (path for path in sorted(folder.iterdir()) if path.is_dir() and path.name[0] != ".")
            found += [_read(folder.name, CandidateFolder(path)) for path in whole]
    return found


def tries_bytes(tries: Iterable[EarlierTry]) -> int:
    """What the models and checkpoints of the tries take up, and removing them would free.

    A file counts once, and one that has a name elsewhere, as in the phase's own folder, does not count.
    """
    names: Counter[tuple[int, int]] = Counter()
    sizes: dict[tuple[int, int], tuple[int, int]] = {}
    for each in tries:
        for file in each.folder.models():
            found = file.stat()
            names[found.st_dev, found.st_ino] += 1
            sizes[found.st_dev, found.st_ino] = found.st_size, found.st_nlink
    return sum(size for file, (size, links) in sizes.items() if links <= names[file])


def _read(phase: str, folder: CandidateFolder) -> EarlierTry:
    known = json_or_none(folder.set_aside, dict) or {}
    needed = known.get("needed")
    return EarlierTry(
        phase,
        folder,
        str(known.get("when", "")),
        str(known.get("why", "")),
        tuple(step for step in needed if isinstance(step, int)) if isinstance(needed, list) else (),
        bool(known.get("unasked", True)),
    )

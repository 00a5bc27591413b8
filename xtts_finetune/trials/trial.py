"""A trial: a phase with a run folder of its own that reads the clips and the frozen eval set of the pipeline's run.

Its folder is a pipeline of one phase, so that the ordinary phase child can train in it. A task is a trial to be brought
to a step, in words that any machine with the run's folder understands.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from xtts_finetune.errors import UserError
from xtts_finetune.look.commands import command, run_first
from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.pipeline.plan.disk import weights_bytes
from xtts_finetune.pipeline.plan.inputs import data_content
from xtts_finetune.pipeline.plan.phase_state import Surroundings, phase_stage
from xtts_finetune.pipeline.plan.stages import Stage
from xtts_finetune.records.atomic import write_text_atomic
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.records.values import hash_of
from xtts_finetune.spec.declaration import Declaration, load_declaration
from xtts_finetune.spec.files import is_base_folder
from xtts_finetune.xtts.base import find_base
from xtts_finetune.xtts.base_as_recorded import fingerprint_in

HEADER = "# Written by xtts-finetune: what this trial is trained from. Change the remedy's own file instead.\n"

# A trial has few steps and is judged by mel_ce: speaking meanwhile is left to the phase that adopts it.
_LEFT_OUT = frozenset({"resume_from", "utterances_every_evals", "success", "search"})


@dataclass(frozen=True)
class Trial:
    """A phase to try out.

    folder      its run folder, for itself alone
    phase       the phase's declaration, as a phase's file holds it
    checkpoint  where its first weights come from; None: the base
    optimizer   whether the moments of that checkpoint go on
    """

    name: str
    folder: Path
    phase: Mapping[str, Any] = field(repr=False)
    checkpoint: Path | None = None
    optimizer: Literal["keep", "reset"] = "reset"

    @property
    def candidate(self) -> CandidateFolder:
        """The folder of its model and records."""
        return RunFolder(self.folder).candidate(self.name)


def trial_work(work: Work, trial: Trial, matrix: Mapping[str, Any] | None = None) -> Work:
    """The work of a trial: its own declaration, in its own folder, on the clips of the run that it belongs to.

    `matrix` holds what its decision matrix has besides rows.
    Raises UserError when what is declared is wrong.
    """
    file = _write_declaration(work.declaration, trial, matrix or {})
    declaration = load_declaration(file, (), trial.folder)
    return Work(declaration, (), work.device, work.console, work.again, work.child_command, work.run.data_root)


def trial_stage(own: Work, trial: Trial) -> Stage:
    """The trial's phase as a stage of a plan. Raises UserError when the clips are not prepared."""
    clips = data_content(own.run)
    if clips is None:
        raise UserError(run_first(f"{own.run.data_root}: the clips are not prepared", command("prepare")))
    base = find_base(own.declaration.pipeline.base)
    weights = weights_bytes(base.model)
    around = Surroundings(own.declaration, own.run, fingerprint_in(own.run, base), weights, clips, as_begun=True)
    return phase_stage(around, trial.name, None)


def _write_declaration(of: Declaration, trial: Trial, matrix: Mapping[str, Any]) -> Path:
    """Write pipeline.yaml and what it names into a trial's folder; return pipeline.yaml.

    Nothing is touched that is there already, word for word. Paths are relative wherever they can be, so that machines
    may have the shared folder in different places.
    """
    folder = trial.folder
    pipeline = {
        **of.pipeline.model_dump(mode="json", exclude_unset=True),
        "name": trial.name,
        "base": _base(of, folder),
        "datasets": [_dataset(data, folder) for data in of.pipeline.datasets],
        "phases": [trial.name],
        "utterances": relative_to(of.pipeline.utterances, folder),
        "decision": "decision.yaml",
    }
    values = {key: value for key, value in trial.phase.items() if key not in _LEFT_OUT}
    values["stop_when"] = [rule for rule in values.get("stop_when") or () if rule["rule"] != "quality_falling"]
    if trial.checkpoint is not None:
        start = relative_to(trial.checkpoint, folder / "phases")
        values["resume_from"] = {"checkpoint": start, "optimizer": trial.optimizer}
    # Nothing is decided here, but a declaration has a matrix.
    rows = [{"mel_ce": {"below": 1000}, "ship": BASE, "verdict": "one of a race"}]
    file = folder / "pipeline.yaml"
    for path, content in (
        (folder / "decision.yaml", {**matrix, "rows": rows}),
        (folder / "phases" / f"{trial.name}.yaml", values),
        (file, pipeline),
    ):
        _write(path, content)
    return file


def _write(path: Path, content: Mapping[str, Any]) -> None:
    text = HEADER + yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text_atomic(path, text)


def _dataset(data: Any, folder: Path) -> dict[str, Any]:
    return {**data.model_dump(mode="json", exclude_unset=True), "path": relative_to(data.path, folder)}


def _base(of: Declaration, folder: Path) -> str:
    base = of.pipeline.base
    return relative_to(Path(base), folder) if is_base_folder(of.folder, base) else base


def relative_to(path: Path, folder: Path) -> str:
    """The path as a file in `folder` names it; absolute where there is no other way, as on another drive."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        return str(path)


@dataclass(frozen=True)
class Task:
    """What a worker does next.

    folder, checkpoint  relative to the run's folder, which machines may have in different places
    overrides           those of the command that asks for it: they are part of what is declared
    """

    name: str
    folder: str
    phase: Mapping[str, Any]
    checkpoint: str | None
    optimizer: Literal["keep", "reset"]
    to_step: int
    overrides: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Tells it from every other task of the run; the same whenever it is asked for."""
        return hash_of(self.to_json())

    def __str__(self) -> str:
        return f"{self.name} to step {self.to_step}"

    def trial(self, run: RunFolder) -> Trial:
        """The trial as this machine has it."""
        checkpoint = None if self.checkpoint is None else run.root / self.checkpoint
        return Trial(self.name, run.root / self.folder, self.phase, checkpoint, self.optimizer)

    def to_json(self) -> dict[str, Any]:
        """As the ledger holds it."""
        return asdict(self)


def task_of(work: Work, trial: Trial, to_step: int) -> Task:
    """The task of bringing a trial of this run to a step."""

    root = work.run.root
    return Task(
        name=trial.name,
        folder=relative_to(trial.folder, root),
        phase=trial.phase,
        checkpoint=None if trial.checkpoint is None else relative_to(trial.checkpoint, root),
        optimizer=trial.optimizer,
        to_step=to_step,
        overrides=work.overrides,
    )


def read_task(content: Mapping[str, Any]) -> Task:
    """A task back from the ledger. Raises KeyError or TypeError for what is none."""
    return Task(**{**content, "overrides": tuple(content["overrides"])})

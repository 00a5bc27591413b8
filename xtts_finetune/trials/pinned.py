"""What trials of a phase are run from, pinned in their folder: the same for a race of remedies and a search for values.

`start.pth` is a hard link to the checkpoint that all trials start from, so that they stay what they are while the phase
goes on; `setup.json` is written last.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from xtts_finetune.errors import UserError
from xtts_finetune.look.commands import command, run_first
from xtts_finetune.look.quantities import readable_size
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.pipeline.plan.disk import DiskUse, free_bytes, planned_disk
from xtts_finetune.records.atomic import link_or_copy, read_json, write_json_atomic
from xtts_finetune.records.candidates.checkpoints import read_checkpoint_records
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.run_folder import TrialsFolder
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.sources import Source, source_of
from xtts_finetune.spec.train import is_lora
from xtts_finetune.trials.trial import Trial
from xtts_finetune.xtts.base import quick_hash

VERSION = 2
# Trials take a third of the phase's steps, unless they are told otherwise.
SHARE_OF_PHASE = 3
# The last checkpoint counts as well as the best one where its mel_ce is no worse than by this share.
AS_GOOD_AS_BEST = 0.005
# Rules of the phase that guard its trials, too. The others end a phase that has done its work, or count evaluations,
# of which trials have more.
GUARDS = frozenset({"text_ce_above", "exploding", "not_finite", "no_op"})
# What a phase is for, and how long it is: a trial has a length of its own, and is judged by mel_ce alone.
_OF_THE_PHASE = {
    "goal",
    "epochs",
    "success",
    "resume_from",
    "utterances_every_evals",
    "optimization_level",
    "search",
}

StartAt = Literal["start", "last", "best"]


@dataclass(frozen=True)
class Wishes:
    """What the user asks for; None leaves it to the tool, or to the setup that is there."""

    steps: int | None = None
    start: StartAt | None = None


@dataclass(frozen=True)
class PinnedStart:
    """What all trials start from.

    which        the phase's 'last' or 'best' checkpoint; 'start': what the phase itself starts from
    step         of the phase; None where that is another one's checkpoint, or the base
    mel_ce       there, in nats; None where nobody has measured it
    optimizer    whether the moments of the checkpoint go on
    fingerprint  of start.pth; '' where trials start from the base
    """

    which: StartAt
    step: int | None
    mel_ce: float | None
    optimizer: Literal["keep", "reset"]
    fingerprint: str = ""


@dataclass(frozen=True)
class Setup:
    """What trials are run from. Lengths and marks count evaluations; `eval_every` the control's steps between two."""

    phase: str
    start: PinnedStart
    evals: int
    marks: tuple[int, ...]
    eval_every: int

    @property
    def steps(self) -> int:
        """Steps of the control, the phase unchanged."""
        return self.evals * self.eval_every

    @classmethod
    def own_parts(cls, content: dict[str, Any]) -> dict[str, Any]:
        """What setup.json says besides, as the fields hold it."""
        return content

    @classmethod
    def of_version(cls, version: int, content: dict[str, Any], folder: TrialsFolder) -> dict[str, Any]:
        """What an older setup.json says, in the words of today. Raises ValueError for one that is too old."""
        raise ValueError(f"it is of another version, {version}")


SomeSetup = TypeVar("SomeSetup", bound=Setup)


def write_setup(folder: TrialsFolder, setup: Setup) -> None:
    """Write setup.json."""
    write_json_atomic(folder.setup, {"version": VERSION, **asdict(setup)})


def read_setup(folder: TrialsFolder, kind: type[SomeSetup]) -> SomeSetup | None:
    """Read it back, None where there is none. Raises UserError when it cannot be understood."""

    def made(content: dict[str, Any]) -> SomeSetup:
        version = content.pop("version")
        if version != VERSION:
            content = kind.of_version(version, content, folder)
        start = PinnedStart(**content.pop("start"))
        marks = tuple(int(mark) for mark in content.pop("marks"))
        return kind(start=start, marks=marks, **kind.own_parts(content))

    if not folder.setup.is_file():
        return None
    return read_json(folder.setup, made, "damaged", f"start the {folder.kind} over with --fresh")


def declared_phase(work: Work, name: str) -> PhaseSpec:
    """The phase. Raises UserError for one that is not declared."""
    if name not in work.declaration.phases:
        known = ", ".join(work.declaration.phases)
        raise UserError(f"unknown phase '{name}'; {work.declaration.file.name} has {known}")
    return work.declaration.phases[name]


def find_start(work: Work, phase: str, wished: StartAt | None) -> tuple[PinnedStart, Path | None]:
    """Where trials start, and the file of its weights, None for the base.

    None is wished: the last checkpoint, with its moments, unless the best model is clearly better.
    Raises UserError where there are no such weights yet.
    """
    spec, candidate = work.declaration.phases[phase], work.run.candidate(phase)
    if wished == "start":
        source = source_of(work.declaration, phase)
        path = _file_of(work, source)
        if path is not None and not path.is_file():
            raise UserError(run_first(f"{phase} starts from {source}, but there is no {path}", command("run")))
        return PinnedStart("start", None, None, source.optimizer), path
    metrics = read_metrics(candidate.metrics)
    resumes = [record for record in read_checkpoint_records(candidate) if record.resumes]
    best, final = metrics.best, metrics.final
    if best is None or final is None or not (resumes or candidate.best_model.is_file()):
        raise UserError(run_first(f"{phase} has no model to start from yet", command(phase, "run_pipeline")))
    worse = not final.mel_ce <= (1 + AS_GOOD_AS_BEST) * best.mel_ce
    if wished == "best" or not resumes or (wished is None and worse):
        return PinnedStart("best", best.step, best.mel_ce, "reset"), candidate.best_model
    step = resumes[-1].step
    measured = next((record.mel_ce for record in metrics.evals if record.step == step), None)
    # Adapters start anew, so there are no moments for them.
    optimizer: Literal["keep", "reset"] = "reset" if is_lora(spec.train) else "keep"
    return PinnedStart("last", step, measured, optimizer), candidate.checkpoint(step)


def pin(folder: TrialsFolder, start: PinnedStart, weights: Path | None) -> PinnedStart:
    """Keep the weights as start.pth, which needs no room beside the phase's own where files can have two names."""
    if weights is None:
        return start
    folder.path.mkdir(parents=True, exist_ok=True)
    link_or_copy(weights, folder.start)
    return replace(start, fingerprint=quick_hash(folder.start))


def lasting_values(spec: PhaseSpec) -> dict[str, Any]:
    """The phase's values that its trials share: rules that guard against damage stay, those that end a phase go."""
    values = spec.model_dump(mode="json", exclude_unset=True, exclude=_OF_THE_PHASE)
    if "stop_when" in values:
        values["stop_when"] = [rule for rule in values["stop_when"] if rule["rule"] in GUARDS]
    return values | {"keep": {"best": 1, "checkpoints": 1}}


def warmup_steps(values: Mapping[str, Any]) -> int:
    """Steps of warm-up in a phase's values, which nobody may have checked yet."""
    schedule = values.get("schedule")
    return int(schedule.get("warmup_steps") or 0) if isinstance(schedule, Mapping) else 0


def make_trial(folder: TrialsFolder, setup: Setup, name: str, values: Mapping[str, Any]) -> Trial:
    """The trial of these values, from the pinned start."""
    optimizer = "reset" if is_lora(values.get("train")) else setup.start.optimizer
    checkpoint = folder.start if setup.start.fingerprint else None
    return Trial(name, folder.trial(name), values, checkpoint, optimizer)


def step_at(trial: Trial, setup: Setup, mark: int) -> int:
    """The step of a trial at a mark: as many clips are seen by then as by the control, whatever its batches are."""
    if mark == setup.evals:
        return int(trial.phase["steps"])
    return mark * int(trial.phase["eval_every_steps"])


def check_room(folder: TrialsFolder, needs: Iterable[DiskUse], who: str, cure: str) -> None:
    """Raise UserError when the disk has no room for the trials; those that leave give back what they can."""
    disk = planned_disk(needs, free_bytes(folder.path))
    if not disk.fits:
        raise UserError(
            f"{folder.path}: {who} up to {readable_size(disk.peak)}, but {readable_size(disk.free)} are free; "
            f"make room, or {cure}"
        )


def forget(work: Work, folder: TrialsFolder) -> None:
    """Remove all that is there, where there is something."""
    if folder.path.is_dir():
        shutil.rmtree(folder.path)
        work.say(f"--fresh: removed {folder.path}")


def _file_of(work: Work, source: Source) -> Path | None:
    return source.file if source.phase is None else work.run.candidate(source.phase).named(source.checkpoint)

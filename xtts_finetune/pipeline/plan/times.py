"""How long the phases of a plan train: by steps measured on this machine, else by an estimate that says so."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.look.quantities import about
from xtts_finetune.machine.cards import find_gpu, problem_of, torch_build
from xtts_finetune.numbers.usual import CPU_SPEED, GPU_SPEED, Speed, gpt_weights
from xtts_finetune.pipeline.plan.inputs import data_info
from xtts_finetune.pipeline.plan.stage_records import read_phase_yaml
from xtts_finetune.pipeline.plan.stages import Plan, Stage
from xtts_finetune.records.atomic import json_or_none
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.pace import Pace, pace_of
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.train import is_lora
from xtts_finetune.xtts.base import find_base, read_config

CPU = "cpu"
# An evaluation goes forward alone: about a third of a step's work.
FORWARD_SHARE = 1 / 3


def ran_on(device: str) -> dict[str, str]:
    """This machine, and what trains on it where `device` is 'auto', 'cpu' or 'cuda': 'cpu' or the GPU's name."""
    gpu = find_gpu(device)
    unused = gpu is None or problem_of(gpu, torch_build()) is not None
    return {"machine": platform.node(), "device": CPU if gpu is None or unused else gpu.name}


@dataclass(frozen=True)
class Measured:
    """The pace of a phase that trained here, and how its batches were."""

    where: str
    pace: Pace
    adapters: bool


@dataclass(frozen=True)
class PlannedTimes:
    """Seconds of each phase that is due and whose steps are known, and in words where they come from."""

    seconds: Mapping[str, float]
    source: str

    @property
    def lines(self) -> list[str]:
        """What to print: nothing where no phase is due."""
        if not self.seconds:
            return []
        total = about(sum(self.seconds.values()))
        of_each = ", ".join(f"{name} {about(seconds)}" for name, seconds in self.seconds.items())
        many = f" ({of_each})" if len(self.seconds) > 1 else ""
        return [f"Training takes about {total}{many}, unless a stop rule stops it earlier.", self.source]


def planned_times(declaration: Declaration, plan: Plan, device: str) -> PlannedTimes:
    """The times of the plan's phases on this machine."""
    here = ran_on(device)
    due = [stage for stage in plan.due if stage.kind == "phase" and stage.steps is not None]
    arguments = read_config(find_base(declaration.pipeline.base))["model_args"]
    run = RunFolder(declaration.run_folder)
    measured = {phase.adapters: phase for phase in reversed(list(_measured(run, here, arguments)))} if due else {}
    eval_clips = _eval_clips(declaration, run)
    seconds, used = {}, []
    for stage in due:
        spec = declaration.phases[stage.name]
        known = measured.get(is_lora(spec.train)) or next(iter(measured.values()), None)
        speed = CPU_SPEED if here["device"] == CPU else GPU_SPEED
        pace = _estimated(spec, gpt_weights(arguments), eval_clips, speed)
        if known is not None:
            used.append(known)
            pace = _for_batches(known.pace, spec, pace)
        left = 0.0 if _brought_back(stage) else pace.seconds_left(stage.length, stage.resumes_at or 0)
        seconds[stage.name] = left or 0.0
    return PlannedTimes(seconds, _source(used, here, speed) if due else "")


def _source(used: list[Measured], here: Mapping[str, str], speed: Speed) -> str:
    on = "this machine's CPU" if here["device"] == CPU else f"this machine's {here['device']}"
    if used:
        return f"Measured: {used[0].pace.step:.2g} s a step in {used[0].where}, on {on}."
    return f"An estimate, as no step was measured on {on} yet: {speed.source}. It is scaled to the size of your base."


def _brought_back(stage: Stage) -> bool:
    return stage.brings_back is not None and stage.resumes_at is None


def _eval_clips(declaration: Declaration, run: RunFolder) -> int:
    with contextlib.suppress(UserError):
        held_out = data_info(run).get("eval_clips")
        if isinstance(held_out, int):
            return held_out
    return declaration.pipeline.eval_set.at_least


def _estimated(spec: PhaseSpec, weights: float, eval_clips: int, speed: Speed) -> Pace:
    """By the speed of another machine, scaled with the size of the model."""
    clips = spec.batch_size * spec.accumulate
    a_clip = speed.seconds_a_clip * weights / speed.weights
    a_step = max(clips * a_clip, spec.accumulate * speed.least_seconds) * (4 / 3 if spec.gradient_checkpointing else 1)
    return Pace(a_step, clips, eval_clips * a_clip * FORWARD_SHARE)


def _for_batches(pace: Pace, spec: PhaseSpec, estimated: Pace) -> Pace:
    """A measured pace for a phase with other batches, and for evaluations that were not measured."""
    clips = spec.batch_size * spec.accumulate
    step = pace.step * clips / pace.clips if pace.clips else pace.step
    return replace(pace, step=step, evaluation=pace.evaluation or estimated.evaluation * step / estimated.step)


def _measured(run: RunFolder, here: Mapping[str, str], arguments: Mapping[str, Any]) -> Iterator[Measured]:
    """What was measured here with a model of this size, the newest of this run first, then of the runs beside it."""
    beside = run.root.parent.iterdir() if run.root.parent.is_dir() else iter(())
    others = sorted((path for path in beside if path.is_dir() and path != run.root), key=_changed, reverse=True)
    for root in (run.root, *others):
        folders = RunFolder(root).tried_candidates()
        for folder in sorted(folders, key=lambda each: _changed(each.metrics), reverse=True):
            with contextlib.suppress(UserError, OSError, KeyError, TypeError, ValueError):
                found = _pace_in(folder, here, arguments)
                if found is not None:
                    where = folder.name if root == run.root else f"{folder.name} of {root.name}"
                    yield Measured(where, *found)


def _pace_in(
    folder: CandidateFolder, here: Mapping[str, str], arguments: Mapping[str, Any]
) -> tuple[Pace, bool] | None:
    recorded = read_phase_yaml(folder) if folder.phase_yaml.is_file() else None
    if recorded is None or recorded.get("ran_on") != dict(here):
        return None
    config = json_or_none(folder.config, dict)
    if config is not None and gpt_weights(config["model_args"]) != gpt_weights(arguments):
        return None
    pace = pace_of(read_metrics(folder.metrics))
    return None if pace is None else (pace, isinstance(recorded["declaration"].get("train"), Mapping))


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0

"""All checks together: the quick ones before anything starts, all of them for `xtts-finetune doctor`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from xtts_finetune.errors import UserError
from xtts_finetune.look.commands import command
from xtts_finetune.machine.cards import Gpu, find_gpu, number_of, problem_of, torch_build, visible_gpus
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.pipeline.plan.checks.check import Check, Verdict, error
from xtts_finetune.pipeline.plan.checks.machine import SLOW, check_count, check_device, check_torch, check_versions
from xtts_finetune.pipeline.plan.checks.memory import Memory, check_memory, computer_memory, estimate, longest_clip
from xtts_finetune.pipeline.plan.checks.model_files import check_base, loads_base, weights_checks
from xtts_finetune.pipeline.plan.checks.plan_checks import (
    check_data,
    check_disk,
    check_folder,
    check_nobody_at_work,
    check_sources,
    value_checks,
)
from xtts_finetune.pipeline.plan.checks.speech_checks import language_checks, voice_checks
from xtts_finetune.pipeline.plan.checks.text_checks import text_check
from xtts_finetune.pipeline.plan.disk import weights_bytes
from xtts_finetune.pipeline.plan.made_state import left_out_checks
from xtts_finetune.pipeline.plan.plan import make_plan
from xtts_finetune.pipeline.plan.stage_records import read_phase_yaml, recorded_batches
from xtts_finetune.pipeline.plan.stages import Plan
from xtts_finetune.records.clips import iter_clips
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.training.closing import as_it_ran
from xtts_finetune.xtts.base import find_base, is_small, read_config


def check_first(work: Work, plan: Plan, agrees: Callable[[str], bool] = lambda question: True) -> None:
    """Say what may go wrong. Raises UserError with everything that will; nothing is written before.

    A plan with nothing to do starts nothing, and nothing is checked. `agrees` is asked before phases train for days on
    a CPU that nobody has asked for; UserError where the answer is no.
    """
    if not plan.due:
        return
    checks = quick_checks(work.declaration, work.device, plan)
    for check in checks:
        if check.verdict is Verdict.WARNING:
            work.say(f"warning: {check}", "yellow")
    errors = [str(check) for check in checks if check.verdict is Verdict.ERROR]
    if errors:
        raise UserError("\n".join([*errors, f"nothing was started; to see all checks: {command('doctor')}"]))
    phases = any(stage.kind == "phase" for stage in plan.due)
    slow = phases and work.device == "auto" and any(check.found == SLOW[0] for check in checks)
    if slow and not agrees("There is no NVIDIA GPU that can be used. Train on the CPU, for days?"):
        raise UserError("nothing was started; to train on the CPU without being asked: --device cpu")


def quick_checks(declaration: Declaration, device: str, plan: Plan) -> list[Check]:
    """What can be said before the plan's first stage: in half a second, and a second more for each GB of
    weights that due stages load. Nothing is written."""
    base = check_base(declaration.pipeline.base, deep=loads_base(plan))
    checks = [base, check_folder(declaration.run_folder), check_disk(plan), *language_checks(declaration)]
    if declaration.pipeline.check_texts == "on" and plan.stage("data").due:
        checks.append(text_check(declaration))
    if base.verdict is Verdict.ERROR:
        return checks
    checks += weights_checks(declaration, plan, RunFolder(declaration.run_folder))
    checks += left_out_checks(declaration, plan)
    gpu, build = find_gpu(device), torch_build()
    small = is_small(find_base(declaration.pipeline.base))
    used = gpu if gpu is not None and problem_of(gpu, build) is None else None
    checks += [check_device(device, gpu, small, build), *memory_checks(declaration, plan, used)]
    if used is not None:
        checks += count_checks(declaration, plan, device)
    return [*checks, *value_checks(declaration, plan), *voice_checks(declaration, plan)]


def count_checks(declaration: Declaration, plan: Plan, device: str) -> list[Check]:
    """What several GPUs are asked for, where there are not as many."""
    wanted = {stage.name: declaration.phases[stage.name].devices for stage in plan.due if stage.kind == "phase"}
    if max(wanted.values(), default=1) == 1:
        return []
    if number_of(device) is not None:
        cure = "say device: cuda, and name the cards in CUDA_VISIBLE_DEVICES, such as 0,1"
        return [error("device", f"{device} is one card, but several devices are asked for", cure)]
    gpus = len(visible_gpus())
    checks = [check_count(name, devices, gpus) for name, devices in wanted.items()]
    return [check for check in checks if check is not None]


def all_checks(declaration: Declaration, device: str) -> list[Check]:
    """Everything that can be looked at; takes as long as reading the base and importing torch."""
    base = check_base(declaration.pipeline.base, deep=True)
    gpu = find_gpu(device)
    checks = [*check_versions(), check_torch(device, gpu), base, check_folder(declaration.run_folder)]
    checks.append(check_nobody_at_work(declaration.run_folder))
    checks += [*language_checks(declaration, deep=True), text_check(declaration)]
    if base.verdict is Verdict.ERROR:
        return checks
    try:
        plan = make_plan(declaration)
    except UserError as fault:
        return [*checks, error("plan", str(fault), "correct that first")]
    small, build = is_small(find_base(declaration.pipeline.base)), torch_build()
    checks += [check_device(device, gpu, small, build), check_data(plan)]
    checks += [*check_sources(declaration, plan), check_disk(plan), *value_checks(declaration, plan)]
    checks += [
        *voice_checks(declaration, plan),
        *weights_checks(declaration, plan, RunFolder(declaration.run_folder)),
        *left_out_checks(declaration, plan),
    ]
    used = gpu if gpu is not None and problem_of(gpu, build) is None else None
    try:
        return [*checks, *memory_checks(declaration, plan, used)]
    except UserError as fault:
        return [*checks, error("clips", str(fault), "correct that first")]


def installation_checks() -> list[Check]:
    """What can be said without any declaration."""
    gpu = find_gpu()
    return [
        *check_versions(),
        check_torch("auto", gpu),
        check_device("auto", gpu, small=gpu is None, build=torch_build()),
    ]


def memory_checks(declaration: Declaration, plan: Plan, gpu: Gpu | None) -> list[Check]:
    """One for each phase that is due, with the batches that it will run with."""
    base, run = find_base(declaration.pipeline.base), RunFolder(declaration.run_folder)
    memory = Memory(gpu.name, gpu.total, gpu.free) if gpu is not None else computer_memory()
    longest = longest_clip(iter_clips(run.clips, "train") if run.clips.is_file() else [])
    model, config = weights_bytes(base.model), read_config(base)
    checks = []
    for stage in plan.due:
        if stage.kind == "phase":
            recorded = None
            with contextlib.suppress(UserError):  # planned all the same, so it is trained anew
                recorded = read_phase_yaml(run.candidate(stage.name))
            fingerprint = str((recorded or {}).get("fingerprint"))
            declared = declaration.phases[stage.name]
            phase = as_it_ran(declared, recorded_batches(recorded, fingerprint, declared))
            needed = estimate(model, config, phase, longest, on_gpu=gpu is not None)
            checks.append(check_memory(stage.name, needed, memory))
    return checks

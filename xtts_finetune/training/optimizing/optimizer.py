"""AdamW with weight decay on weights only, its moments taken over or gathered, and its learning rate scheduled.

`course` has the formulas of the learning rate.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from xtts_finetune.errors import UserError
from xtts_finetune.spec.phase import Moments
from xtts_finetune.training.optimizing.course import Course, factor, reductions
from xtts_finetune.training.optimizing.half_moments import HalfMomentsAdamW

if TYPE_CHECKING:
    from torch.distributed.optim import ZeroRedundancyOptimizer


def make_schedule(optimizer: torch.optim.Optimizer, course: Course) -> LambdaLR:
    """A scheduler that is stepped once for each optimizer step."""
    return LambdaLR(optimizer, lambda step: factor(course, step))


def begin_at(scheduler: LambdaLR, step: int) -> None:
    """Take the rates of the optimizer's groups (`initial_lr`) as the peak, and set that of step `step`, from 0 on."""
    groups = scheduler.optimizer.param_groups
    scheduler.base_lrs = [group["initial_lr"] for group in groups]
    scheduler.last_epoch = step
    for group, learning_rate in zip(groups, scheduler.get_lr(), strict=True):
        group["lr"] = learning_rate


def follow_plateau(scheduler: LambdaLR, course: Course, mel_ces: Sequence[float]) -> None:
    """Set the learning rate of the next step by all evaluations so far; other kinds than 'reduce_on_plateau' stay.

    `mel_ces` are those of all evaluations so far, in nats. What is set depends on them alone, so it is the same after
    a resume.
    """
    if course.schedule.kind != "reduce_on_plateau":
        return
    share = max(course.minimum, course.schedule.factor ** reductions(mel_ces, course.schedule.patience))
    groups = scheduler.optimizer.param_groups
    scheduler.base_lrs = [share * group["initial_lr"] for group in groups]
    for group, learning_rate in zip(groups, scheduler.get_lr(), strict=True):
        group["lr"] = learning_rate


BETAS = (0.9, 0.96)  # of XTTS's own training recipe
EPSILON = 1e-8

_NORMS = (nn.LayerNorm, nn.GroupNorm, nn.BatchNorm1d, nn.BatchNorm2d, nn.InstanceNorm1d, nn.InstanceNorm2d)


def parameter_names(gpt: nn.Module) -> tuple[list[str], list[str]]:
    """Names of the parameters with weight decay and of those without: biases, norms and embeddings.

    Both sorted: the grouping and order that Coqui's `optimizer_wd_only_on_weights` has, so that either tool
    can read the other's optimizer state.
    """
    spared = set()
    names = []
    for module_name, module in gpt.named_modules():
        for name, _ in module.named_parameters(recurse=False):
            full_name = f"{module_name}.{name}" if module_name else name
            names.append(full_name)
            if name == "bias" or isinstance(module, (*_NORMS, nn.Embedding)):
                spared.add(full_name)
    return sorted(set(names) - spared), sorted(spared)


def trained_names(gpt: nn.Module) -> tuple[list[str], list[str]]:
    """`parameter_names` of what trains, in the order of the optimizer."""
    trained = {name for name, parameter in gpt.named_parameters() if parameter.requires_grad}
    weights, spared = parameter_names(gpt)
    return [name for name in weights if name in trained], [name for name in spared if name in trained]


def make_optimizer(
    gpt: nn.Module, learning_rate: float, weight_decay: float, sharded: bool = False, moments: Moments = "fp32"
) -> torch.optim.Optimizer:
    """AdamW over those of the GPT's parameters that train (Loshchilov and Hutter, ICLR 2019).

    `sharded`: each rank steps its part of the weights and hands them to the others, so that it holds the moments of
    that part alone (ZeRO stage 1: Rajbhandari et al., SC 2020). `moments`: what they are kept in.
    """
    parameters = dict(gpt.named_parameters())
    weights, spared = trained_names(gpt)
    groups = [
        {"params": [parameters[name] for name in weights], "weight_decay": weight_decay},
        {"params": [parameters[name] for name in spared], "weight_decay": 0.0},
    ]
    settings: dict[str, Any] = {"lr": learning_rate, "betas": BETAS, "eps": EPSILON, "fused": True}
    kind = HalfMomentsAdamW if moments == "bf16" else torch.optim.AdamW
    if sharded:
        from torch.distributed.optim import ZeroRedundancyOptimizer  # noqa: PLC0415  slow to import, and for ranks only

        return ZeroRedundancyOptimizer(groups, kind, **settings)
    return kind(groups, **settings)


def _is_sharded(optimizer: torch.optim.Optimizer) -> TypeGuard[ZeroRedundancyOptimizer]:
    return hasattr(optimizer, "consolidate_state_dict")


def gather_moments(optimizer: torch.optim.Optimizer) -> None:
    """Bring the moments that other ranks hold to rank 0, for its `state_dict`; every rank has to call this."""
    if _is_sharded(optimizer):
        optimizer.consolidate_state_dict(to=0)


def take_moments(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Load an optimizer's state; one that is sharded keeps its own part of it. Raises ValueError if it does not fit.

    Nothing of it stays in a file's memory map, as Windows removes no file that is mapped; what goes to a GPU is not
    copied before.
    """
    optimizer.load_state_dict(state)
    own = optimizer.optim if _is_sharded(optimizer) else optimizer
    for moments in own.state.values():
        for name, value in moments.items():
            if isinstance(value, torch.Tensor) and value.device.type == "cpu":
                moments[name] = value.clone()
    if _is_sharded(optimizer):
        # It leaves the counts of steps on the CPU, where a fused AdamW on a GPU does not look for them.
        for weight, moments in optimizer.optim.state.items():
            moments["step"] = moments["step"].to(weight.device)


def _groups(optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
    """The groups as a state has them: parameters by their numbers."""
    numbers = itertools.count()
    return [{**group, "params": [next(numbers) for _ in group["params"]]} for group in optimizer.param_groups]


def keep_moments(optimizer: torch.optim.Optimizer, gpt: nn.Module, checkpoint: dict[str, Any], source: str) -> None:
    """Take over a checkpoint's moments while learning rate and decay stay as declared.

    Understands this package's and Coqui's checkpoints, whether their optimizer has one group or two. Where other
    parts were trained then, what is trained both times keeps its moments and the rest starts without.
    Raises UserError if the checkpoint has no optimizer state, one of another model or of other parts alone.
    """
    states = checkpoint.get("optimizer")
    state = states[0] if isinstance(states, list) and states else states
    if not isinstance(state, dict) or not state.get("state"):
        raise UserError(
            f"{source} holds no optimizer state, so its moments cannot be kept: use 'optimizer: reset', "
            "or resume from 'last'"
        )
    old_groups = state["param_groups"]
    old_order = checkpoint.get("trained")
    if old_order is None:  # of stock's trainer: everything was trained
        weights, spared = parameter_names(gpt)
        old_order = [name for name, _ in gpt.named_parameters()] if len(old_groups) == 1 else [*weights, *spared]
    old_indices = [index for group in old_groups for index in group["params"]]
    if len(old_indices) != len(old_order):
        raise UserError(f"{source}: its optimizer state is of another model; use 'optimizer: reset'")
    index_of = dict(zip(old_order, old_indices, strict=True))
    # A parameter that never had a gradient has no moments; it keeps none.
    moments = {
        new: copy.deepcopy(state["state"][index_of[name]])  # out of the file's memory map
        for new, name in enumerate(name for group in trained_names(gpt) for name in group)
        if index_of.get(name) in state["state"]
    }
    if not moments:
        raise UserError(
            f"{source}: nothing that this phase trains was trained there, so there are no moments to keep; "
            "use 'optimizer: reset'"
        )
    try:
        take_moments(optimizer, {"state": moments, "param_groups": _groups(optimizer)})
    except ValueError as error:
        raise UserError(f"{source}: its optimizer state does not fit ({error}); use 'optimizer: reset'") from error

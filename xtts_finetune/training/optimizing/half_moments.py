"""AdamW whose two moments lie in bfloat16, which halves their memory; what is computed with them is in float32."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim.adamw import adamw

MOMENTS = ("exp_avg", "exp_avg_sq")
AT_ONCE = 1 << 24
"""Weights whose moments are in float32 at the same time: 128 MiB of both."""


class HalfMomentsAdamW(torch.optim.AdamW):
    """AdamW (Loshchilov and Hutter, ICLR 2019) with moments that are rounded to bfloat16 after each step.

    With betas of 0.9 and 0.96 a step moves a moment by up to 10 and 4 %, ten times what bfloat16 tells apart, so that
    none of them sticks; with 0.999 the second one would. State dicts of AdamW are read, and AdamW reads these.
    """

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # nobody here asks for a closure's loss
        """One step with the gradients that are there; those that a GradScaler found infinite change nothing."""
        for group in self.param_groups:
            trained = [weight for weight in group["params"] if weight.grad is not None]
            for weights in _portions(trained):
                self._step(group, weights)

    def _step(self, group: dict[str, Any], weights: Sequence[Tensor]) -> None:
        states = [self._state_of(weight) for weight in weights]
        exact = {name: [state[name].float() for state in states] for name in MOMENTS}
        adamw(
            list(weights),
            [weight.grad for weight in weights if weight.grad is not None],
            exact["exp_avg"],
            exact["exp_avg_sq"],
            [],
            [state["step"] for state in states],
            fused=True,
            grad_scale=getattr(self, "grad_scale", None),
            found_inf=getattr(self, "found_inf", None),
            amsgrad=False,
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            maximize=False,
        )
        for name, moments in exact.items():
            torch._foreach_copy_([state[name] for state in states], moments)

    def _state_of(self, weight: Tensor) -> dict[str, Tensor]:
        state: dict[str, Tensor] = self.state[weight]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=weight.device)
            for name in MOMENTS:
                state[name] = torch.zeros_like(weight, dtype=torch.bfloat16, memory_format=torch.preserve_format)
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As AdamW's; moments are rounded to bfloat16, which leaves those that were saved from here as they are."""
        super().load_state_dict(state_dict)
        for state in self.state.values():
            for name in MOMENTS:
                if name in state:
                    state[name] = state[name].to(torch.bfloat16)


def _portions(weights: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """The weights in their order, `AT_ONCE` values together and one tensor at least."""
    portion: list[Tensor] = []
    for weight in weights:
        if portion and sum(each.numel() for each in portion) + weight.numel() > AT_ONCE:
            yield portion
            portion = []
        portion.append(weight)
    if portion:
        yield portion

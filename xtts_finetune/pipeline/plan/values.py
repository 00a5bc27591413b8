"""What a phase is trained with, for people: the values that its optimization level is about, and unusual ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from xtts_finetune.pipeline.plan.stages import Plan
from xtts_finetune.spec.declaration import Declaration


def value_lines(declaration: Declaration, name: str) -> list[str]:
    """The phase's level and each value that it is about, with who gave it; nothing without a level.

    phase2 at level plateau_breaker:
      learning_rate 1.5e-5 (level plateau_breaker)
      batch_size 24 (command line)
    """
    resolved = declaration.resolved.get(name, ())
    if not resolved:
        return []
    values = [f"  {one.key} {shown_value(one.value)} ({one.origin})" for one in resolved]
    level = declaration.phases[name].optimization_level
    return [f"{name} at level {level}:" if level else f"{name}:", *values]


def print_values(declaration: Declaration, plan: Plan, console: Console) -> None:
    """Print the values of all phases that would run; what is unusual about them, the checks say."""
    for stage in plan.due:
        if stage.kind == "phase":
            for line in value_lines(declaration, stage.name):
                console.print(line, highlight=False, soft_wrap=True, markup=False)


def shown_value(value: Any) -> str:
    """A value as a declaration has it: 1.5e-5, cosine_restarts, null, on; mappings as 'evals 10, metric mel_ce'."""
    if value is None:
        return "off"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int | float):
        return shown_number(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {shown_value(inner)}" for key, inner in value.items()) or "on"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(shown_value(inner) for inner in value) + "]"
    return str(value)


def shown_number(value: float) -> str:
    """0.00015 as 1.5e-4, 100.0 as 100."""
    if not 0 < abs(value) < 1e-3:
        return f"{value:g}"
    digits, _, power = f"{value:.5e}".partition("e")
    return f"{digits.rstrip('0').rstrip('.')}e{int(power)}"

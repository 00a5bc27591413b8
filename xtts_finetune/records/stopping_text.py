"""The content of STOPPING_REASON.txt: what model_info.json holds, for people."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from xtts_finetune.look.quantities import NOT_FINITE, duration
from xtts_finetune.records.candidates.facts import SCENARIOS
from xtts_finetune.records.job import ran_in_words
from xtts_finetune.records.values import flat

WIDTH = 100


def stopping_text(info: Mapping[str, Any]) -> str:
    """The text of a phase's closing record."""
    reason = info["reason"]
    parts = [stopped_words(info), _table(_facts(info))]
    if reason["numbers"]:
        parts.append("The numbers behind it\n" + textwrap.indent(_table(numbers_in_words(reason["numbers"])), "  "))
    if info["levels"]:
        parts.append("Goals\n" + textwrap.indent(_level_table(info["levels"]), "  "))
    parts.append("Hyperparameters\n" + textwrap.indent(_table(flat(info["hyperparameters"])), "  "))
    if info["ran_with"]:
        parts.append("Memory ran out\n" + _paragraph(ran_with_words(info["ran_with"])))
    parts.append("What it means\n" + _paragraph(str(info["meaning"])))
    command = f"\n    {info['command']}" if info["command"] else ""
    parts.append("What to do next\n" + _paragraph(str(info["advice"])) + command)
    parts += [f"Note: {note}" for note in info["notes"]]
    return "\n\n".join(parts) + "\n"


def stopped_words(info: Mapping[str, Any], shown: Callable[[int], str] = str) -> str:
    """'phase1 stopped at step 340 of 400: ...', and of a phase that did all its steps that it did.

    shown  how steps are written
    """
    steps, planned = int(info["steps"]), int(info["steps_planned"])
    reason = info.get("reason") or {}
    message = reason.get("message", "")
    if steps == planned and info["status"] == "done":
        at_last = "" if reason.get("name") == "all_steps_done" else f"; at the last one {message}"
        return f"{info['candidate']} did all its {shown(planned)} steps{at_last}"
    return f"{info['candidate']} stopped at step {shown(steps)} of {shown(planned)}: {message}"


def _facts(info: Mapping[str, Any]) -> dict[str, object]:
    rows: dict[str, object] = {
        "Reason": info["reason"]["words"],
        "Best": evaluation_words(info["best"]),
        "At the start": evaluation_words(info["initial"]),
        "At the end": evaluation_words(info["final"]),
        "Trend": f"mel_ce: {info['trend']['words']}",
        "Steps": f"{info['steps']} of {info['steps_planned']}",
        "Epochs": f"{info['epochs']:.1f} of {round(info['epochs_planned'], 1):g}",
        "Reached": info["level"] or "none",
        "Outcome": outcome_words(info),
        "Time": f"{info['started']} to {info['ended']} ({duration(info['seconds'])} of work)",
    }
    if info["log"]:
        rows["Log"] = info["log"]
    return rows


def outcome_words(info: Mapping[str, Any]) -> str:
    """The scenario with what it stands for: 'marginal: better than its start, but ...'."""
    scenario, best, initial = info["scenario"], info["best"], info["initial"]
    if info["status"] == "interrupted":
        return f"interrupted so far; {info['level']} already reached" if info["level"] else "interrupted so far"
    if scenario == "success" and info["status"] == "failed":
        return f"failed: {info['reason']['words']}; {info['level']} already reached"
    if scenario == "success":
        return f"success: reached {info['level']}"
    better = best is not None and initial is not None and best["step"] != initial["step"]
    if scenario == "none" and (better or best is None):
        return f"none: stopped by: {info['reason']['words']}"
    return f"{scenario}: {SCENARIOS[scenario]}"


def ran_with_words(ran_with: Mapping[str, Any]) -> str:
    """What the phase was trained with in place of what was declared, from where on and why."""
    batch, accumulate = ran_with["batch_size"], ran_with["accumulate"]
    how = ran_in_words(batch, accumulate, bool(ran_with.get("gradient_checkpointing")))
    return (
        f"{ran_with['why']}: from step {ran_with['from_step']} on it ran with {how}: "
        f"{batch * accumulate} clips a step, as before."
    )


def evaluation_words(record: Mapping[str, Any] | None) -> str:
    """One evaluation: 'mel_ce 2.431, text_ce 0.0276, stop_ce 0.100 at step 160'."""
    if record is None:
        return "not evaluated"
    digits = {"mel_ce": 3, "text_ce": 4, "stop_ce": 3}
    values = (
        f"{name} is {NOT_FINITE}" if record[name] is None else f"{name} {record[name]:.{places}f}"
        for name, places in digits.items()
    )
    return f"{', '.join(values)} at step {record['step']}"


def numbers_in_words(numbers: Mapping[str, float | None]) -> dict[str, str]:
    """The numbers of a reason: whole ones as they are, memory in GB as well, others with 6 digits."""
    return {name: _number(name, value) for name, value in numbers.items()}


def _number(name: str, value: float | None) -> str:
    if value is None:
        return NOT_FINITE
    if name.endswith("_bytes"):
        return f"{value:.0f} ({value / 1e9:.2f} GB)"
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.6g}"


def _level_table(checks: Sequence[Mapping[str, Any]]) -> str:
    rows: list[tuple[str, ...]] = [("goal", "limit", "measured", "")]
    rows += [tuple(str(check[key]) for key in ("level", "limit", "measured", "result")) for check in checks]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _table(rows: Mapping[str, object]) -> str:
    width = max((len(name) for name in rows), default=0)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows.items())


def _paragraph(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent="  ")

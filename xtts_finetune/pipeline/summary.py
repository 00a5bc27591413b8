"""What a finished command prints last, read from the records alone."""

from __future__ import annotations

from typing import Any

from xtts_finetune.pipeline.plan.inputs import data_info
from xtts_finetune.records.closing import read_model_info
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.records.stopping_text import ran_with_words
from xtts_finetune.spec.reading.words import grouped, metric
from xtts_finetune.times import duration


def data_lines(run: RunFolder) -> list[str]:
    """What was prepared: counts, what was left out, what is odd and where all that is named, notes."""
    info = data_info(run)
    minutes = float(info.get("seconds", 0)) / 60
    lines = [f"data: {info.get('clips')} clips, {minutes:.1f} min; {info.get('eval_clips')} held out"]
    if info.get("dropped"):
        lines.append(f"  {info['dropped']} left out{_counted(info.get('reasons'))}; see {run.dropped}")
    if info.get("warned"):
        lines.append(f"  {info['warned']} with warnings{_counted(info.get('warnings'))}")
    if run.data_page.is_file():
        lines.append(f"  what was found: {run.data_page}")
    return [*lines, *(f"  note: {note}" for note in info.get("notes") or [])]


def data_findings(run: RunFolder) -> str:
    """'2 clips left out, 3 with warnings'; empty when there is nothing to mend."""
    info = data_info(run)
    dropped, warned = int(info.get("dropped", 0)), int(info.get("warned", 0))
    parts = [f"{dropped} {'clip' if dropped == 1 else 'clips'} left out"] if dropped else []
    if warned:
        parts.append(f"{warned} {'clip' if warned == 1 else 'clips'} with warnings")
    return ", ".join(parts)


def _counted(kinds: object) -> str:
    """': audio file is missing (2), text is empty (1)'; nothing where no kinds are known."""
    if not isinstance(kinds, dict) or not kinds:
        return ""
    return ": " + ", ".join(f"{kind} ({count})" for kind, count in kinds.items())


def phase_lines(folder: CandidateFolder) -> list[str]:
    """How a candidate ended and what that changed; for the base, what it measures."""
    info = read_model_info(folder)
    if info is None:
        return []
    best = info.get("best") or {}
    if not info.get("steps_planned"):
        return [f"{folder.name}: mel_ce {metric(best, 'mel_ce')}   text_ce {metric(best, 'text_ce')}"]
    reason = info.get("reason") or {}
    step, planned = grouped(int(info["steps"])), grouped(int(info["steps_planned"]))
    first = f"{folder.name} stopped at step {step} of {planned}: {reason.get('message', '')}"
    initial = info.get("initial") or {}
    changes = "   ".join(change(initial, best, name) for name in ("mel_ce", "text_ce"))
    level = info.get("level") or "none"
    took = duration(float(info.get("seconds") or 0))
    lines = [first, f"  {changes}   level reached: {level}   {took}"]
    if info.get("ran_with"):
        lines.append(f"  {ran_with_words(info['ran_with'])}")
    if info.get("scenario") == "none":
        # The command goes on with what comes next; that this phase gave it nothing must not go by unseen.
        lines.append(f"  it brought nothing: {info.get('meaning', '')}")
        lines.append(f"  next: {info.get('advice', '')}")
    return [*lines, f"  record: {folder.record}"]


def change(before: dict[str, Any], after: dict[str, Any], name: str) -> str:
    """'mel_ce 3.507 -> 2.431 (-30.7 %)'."""
    text = f"{name} {metric(before, name)} -> {metric(after, name)}"
    old, new = before.get(name), after.get(name)
    if isinstance(old, int | float) and isinstance(new, int | float) and old:
        text += f" ({(new - old) / old:+.1%})".replace("%", " %")
    return text

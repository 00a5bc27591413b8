"""Lines of words about a run: what both the terminal and a pipe show."""

from __future__ import annotations

from xtts_finetune.look.quantities import duration, grouped
from xtts_finetune.monitor.state import STATES
from xtts_finetune.monitor.view import Candidate, Evaluation, Gauge, Run

METRICS = (("mel CE", "mel_ce", 3), ("text CE", "text_ce", 4), ("stop CE", "stop_ce", 3))
MARKS = {"too early": "", "good": "on target", "fair": "", "warning": "beyond the limit"}


def work_line(run: Run) -> str:
    """What is being done: 'phase2 training: step 60 of 100 (60 %), about 8 s left'."""
    work = run.work
    if work is None:
        return run.decision.headline if run.decision else run.state.words
    step = "step " if work.what == "training" else ""
    of = f" of {grouped(work.total)} ({100 * work.done // work.total} %)" if work.total else ""
    left = "" if work.seconds_left is None else f", about {duration(work.seconds_left)} left"
    return f"{work.job} {work.what}: {step}{grouped(work.done)}{of}{left}"


def reason_lines(run: Run) -> list[str]:
    """Why the verdict is what it is, and how sure; none while there is work to do."""
    if run.work is not None or run.decision is None:
        return []
    sure = [f"How sure? {run.decision.sure}"] if run.decision.sure else []
    return [*run.decision.reasons, *sure]


def metric_lines(candidate: Candidate) -> list[tuple[str, str, str]]:
    """(name, newest value, what it is compared with) of each metric."""
    rows = []
    for name, key, digits in METRICS:
        last, best, start = (_value(one, key, digits) for one in (candidate.last, candidate.best, candidate.initial))
        step = candidate.best.step if candidate.best else 0
        rows.append((name, last, f"start {start}, best step {best} ({grouped(step)})" if candidate.last else ""))
    return rows


def gauge_line(gauge: Gauge) -> str:
    """'gap 0.120 (limit 0.1), beyond the limit'."""
    value = "too early to tell" if gauge.value is None else f"{gauge.value:.3f}"
    bound = "least" if gauge.name == "improvement" else "limit"
    mark = MARKS[gauge.state]
    limit = f" ({bound} {gauge.limit:g})" if gauge.limit else ""  # none is known yet
    return f"{gauge.words}: {value}{limit}{', ' + mark if mark else ''}"


def machine_line(run: Run) -> str:
    """Speed, memory and disk."""
    machine, speed = run.machine, run.throughput
    parts = []
    if speed is not None:
        parts.append(f"{speed.clips_a_second:.2f} clips/s, {speed.seconds_a_step:.2f} s a step")
    if machine.process_memory:
        parts.append(f"memory {machine.process_memory / 1e9:.1f} GB of {(machine.memory_total or 0) / 1e9:.1f}")
    elif machine.memory_used is not None and machine.memory_total:
        parts.append(f"memory of the machine {machine.memory_used / 1e9:.1f} of {machine.memory_total / 1e9:.1f} GB")
    if machine.disk_free is not None:
        parts.append(f"disk {machine.disk_free / 1e9:.1f} GB free")
    return "   ".join(parts)


def plain_lines(run: Run) -> list[str]:
    """A run as plain lines."""
    lines = [f"{run.name}: {STATES[run.state.kind]}", f"  {work_line(run)}"]
    lines += [f"  - {reason}" for reason in reason_lines(run)]
    if run.state.cure:
        lines += [f"  {run.state.words}", f"  {run.state.cure}"]
    for candidate in run.candidates:
        if candidate.last is not None:
            values = ", ".join(f"{name} {value}" for name, value, _ in metric_lines(candidate))
            best = (
                f"   best step {candidate.best.step}: {_value(candidate.best, 'mel_ce', 3)}" if candidate.best else ""
            )
            lines.append(f"  {candidate.name} step {grouped(candidate.last.step)}: {values}{best}")
    lines += [f"  {gauge_line(gauge)}" for gauge in run.gauges]
    for warning in run.warnings:
        lines += [f"  warning: {warning.title}: {warning.found}", f"    {warning.cure}"]
    lines += [f"  unusual: {one.key}: {one.value} (usual: {one.usual}): {one.why}" for one in run.review]
    return [*lines, f"  {machine_line(run)}"]


def _value(record: Evaluation | None, key: str, digits: int) -> str:
    value = None if record is None else getattr(record, key)
    return "-" if value is None else f"{value:.{digits}f}"

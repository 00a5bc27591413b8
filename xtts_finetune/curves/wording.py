"""The verdict in a sentence or two, with the numbers that it rests on."""

from __future__ import annotations

import math
from collections.abc import Mapping

from xtts_finetune.curves.curves import Unit
from xtts_finetune.curves.movement import FEWEST, FEWEST_FLAT, Movement
from xtts_finetune.curves.verdict import SWINGS, Judgement
from xtts_finetune.look.quantities import NOT_FINITE


def words_of(judged: Judgement, numbers: Mapping[str, float], unit: Unit) -> str:
    """The verdict for people."""
    name = judged.curve.name or ("evaluation" if judged.which == "evaluation" else "training loss")
    match judged.verdict:
        case "exploding":
            return _exploding(judged, numbers, unit, name)
        case "overfitting":
            return _overfitting(judged, numbers, unit, name)
        case "oscillating":
            return (
                f"{name} jumps between {value(numbers['lowest'])} and {value(numbers['highest'])}, by "
                f"{share(numbers['swings'])} of its value from one to the next (surely more than {share(SWINGS)}: at "
                f"least {share(numbers['swings_at_least'])}); a fall would be lost in that"
            )
    if judged.end is None:
        return f"{len(judged.curve)} values of {name}: too short to tell (at least {FEWEST})"
    if judged.verdict == "falling":
        end = judged.end
        return (
            f"{name} is still falling: at this rate by {share(end.fall)} of its value in {span(end, unit)} "
            f"({_limits(end)}); it is at {value(numbers['last'])}"
        )
    return (
        _plateau(judged, judged.end, unit, name)
        if judged.verdict == "plateau"
        else _unknown(judged, numbers, unit, name)
    )


def _plateau(judged: Judgement, end: Movement, unit: Unit, name: str) -> str:
    always = bool(judged.curve.positions) and end.since == judged.curve.positions[0]
    since = "" if end.since is None else " from the start" if always else f" since {unit} {place(end.since)}"
    return (
        f"{name} has been flat at {value(end.level)}{since}: at this rate the next {span(end, unit)} would bring "
        f"{change(end.fall)} ({_limits(end)}), and a fall of {share(end.relevant)} is excluded"
    )


def _unknown(judged: Judgement, numbers: Mapping[str, float], unit: Unit, name: str) -> str:
    end = judged.end
    assert end is not None
    if not math.isfinite(end.fall_high) or end.values < FEWEST_FLAT:
        why = f"{len(judged.curve)} values of {name} are too few"
    else:
        why = f"{name} is too noisy ({share(end.noise / max(abs(end.level), 1e-12))} of its value)"
    limits = f": {span(end, unit)} at this rate bring {change(end.fall)} ({_limits(end)})"
    more = f"; about {more_values(numbers)} would tell" if "more_values" in numbers else ""
    return f"{why} to tell a plateau from a fall{limits if math.isfinite(end.fall_high) else ''}{more}"


def _exploding(judged: Judgement, numbers: Mapping[str, float], unit: Unit, name: str) -> str:
    finding = judged.finding
    since = f"since {unit} {place(finding.since)}" if finding is not None else ""
    if judged.not_finite and (after := numbers.get("values_after", 0.0)):
        are = "is" if numbers["not_finite"] == 1 else "are"
        count = f"{numbers['not_finite']:.0f} of {numbers['of_values']:.0f} values of the loss {are} {NOT_FINITE}"
        return f"{count}, the first {since.replace('since', 'at')}; the last {after:.0f} are numbers again"
    if judged.not_finite:
        return f"the loss is {NOT_FINITE} {since}: the model is broken from there on"
    if "times" in numbers:
        times = f"{numbers['times']:.1f}" if numbers["times"] < 1000 else value(numbers["times"])
        where = since.replace("since", "at") if numbers.get("values_after") else since
        return (
            f"losses explode {where}: from {value(numbers['before'])} to {value(numbers['now'])}, {times} times as much"
        )
    rise = share(numbers["rise"])
    return f"losses climb instead of falling {since}: {name} from {value(numbers['lowest'])} by {rise}"


def _overfitting(judged: Judgement, numbers: Mapping[str, float], unit: Unit, name: str) -> str:
    since = place(judged.finding.since if judged.finding is not None else None)
    train = ""
    if judged.train_end is not None and judged.train_end.direction == "falling":
        train = f", while training still falls, to {value(numbers['train_last'])}"
    elif "train_last" not in numbers:
        train = "; the file has no training losses, which would show whether these fall on"
    return (
        f"{name} was lowest at {unit} {since} ({value(numbers['lowest'])}) and has risen by {share(numbers['rise'])} "
        f"since, more than its noise{train}: the model memorises its clips"
    )


def more_values(numbers: Mapping[str, float]) -> str:
    """How many values are missing: '1 more value', '12 more values'."""
    count = int(numbers["more_values"])
    return f"{count} more value{'' if count == 1 else 's'}"


def _limits(end: Movement) -> str:
    """Both one-sided 95 % limits together are an interval of 90 %."""
    return f"90 % interval {change(end.fall_low)} to {change(end.fall_high)}"


def span(end: Movement, unit: Unit) -> str:
    """The horizon for people: '250 steps'."""
    return f"{place(end.horizon)} {unit}s"


def share(part: float) -> str:
    """A share in percent, with two digits that count."""
    percent = abs(part) * 100
    return f"{percent:.0f} %" if percent >= 10 else f"{percent:.1f} %" if percent >= 0.05 else "0 %"


def change(fall: float) -> str:
    """A fall as a change with its sign: a fall of 0.02 is '-2.0 %'."""
    if not math.isfinite(fall):
        return "unknown"
    text = share(fall)
    return text if text == "0 %" else ("-" if fall > 0 else "+") + text


def value(number: float) -> str:
    """A loss with four digits that count."""
    return f"{number:.4g}"


def place(position: float | None) -> str:
    """A step or an epoch, without needless decimals."""
    if position is None:
        return "?"
    return f"{position:.0f}" if abs(position) >= 100 or float(position).is_integer() else f"{position:.1f}"

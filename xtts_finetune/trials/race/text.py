"""BEST_MODEL_SELECTION.txt: who won a race and why, for people."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from xtts_finetune.look.quantities import duration, every
from xtts_finetune.records.stopping import Reason
from xtts_finetune.records.trials import VERDICTS, Race, Standing
from xtts_finetune.trials.race.remedies import CONTROL

WIDTH = 100
BLOCKS = "▁▂▃▄▅▆▇█"


def selection_text(race: Race, next_steps: Sequence[str] = ()) -> str:
    """The text of a race's record; `next_steps` are commands with what they are for."""
    parts = [
        f"Race of remedies for {race.phase}: {race.winner or 'no winner'}\n"
        + _wrapped(f"{race.verdict}: {VERDICTS[race.verdict]}. {sentence(race.words)}"),
        "Where it started\n" + _wrapped(_start(race)),
        "What was compared (lower mel_ce is better)\n" + _table(race),
        "Curves of mel_ce on the frozen eval set, all to one scale\n" + _curves(race),
        "What each changes, and how it ended\n" + "\n".join(_ending(standing) for standing in race.ranked),
        "How sure it is\n" + _wrapped(_noise(race)),
        "What it cost\n" + "\n".join(_wrapped(sentence(words)) for words in cost_words(race)),
    ]
    if next_steps:
        parts.append("What to do next\n" + textwrap.indent("\n".join(next_steps), "  "))
    return "\n\n".join(parts) + "\n"


def sparkline(values: Sequence[float | None], low: float, high: float) -> str:
    """One block for each value, between `low` and `high`; a dot for None."""
    span = high - low or 1.0
    return "".join(
        "." if value is None else BLOCKS[round((len(BLOCKS) - 1) * min(1.0, max(0.0, (value - low) / span)))]
        for value in values
    )


def table_rows(race: Race) -> list[tuple[str, ...]]:
    """The comparison as rows of text under `HEADINGS`, one for each remedy but advice."""
    control = next((s.best for s in race.standings if s.name == CONTROL), None)
    rows: list[tuple[str, ...]] = []
    places = race.places
    for standing in race.ranked:
        if standing.name not in places:
            continue
        gain = ""
        if standing.best is not None and control is not None and standing.name != CONTROL:
            gain = f"{standing.best - control:+.4f}"
        rows.append(
            (
                str(places[standing.name]),
                standing.name + (" *" if standing.name == race.winner else ""),
                "-" if standing.best is None else f"{standing.best:.4f}",
                gain,
                str(standing.best_step if standing.best_step is not None else "-"),
                str(standing.steps),
                str(standing.clips),
                duration(standing.seconds),
                _left(standing),
            )
        )
    return rows


HEADINGS = ("", "remedy", "best mel_ce", "to control", "at step", "steps", "clips", "time", "")


def _table(race: Race) -> str:
    rows = [HEADINGS, *table_rows(race)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if number in (1, 8) else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(("  " + "  ".join(cells)).rstrip())
    return "\n".join(lines)


def _left(standing: Standing) -> str:
    if standing.status == "failed":
        return "failed"
    if standing.out_at is not None:
        return f"out after evaluation {standing.out_at}"
    return "no training" if standing.kind == "average" else "to the end"


def _curves(race: Race) -> str:
    drawn = [standing for standing in race.ranked if len(standing.points) > 1]
    values = [value for standing in drawn for _, value in standing.points if value is not None]
    if not values:
        return "  none yet"
    low, high, width = min(values), max(values), max(len(standing.name) for standing in drawn)
    lines = [f"  {'':{width}}  {high:.4f} is the highest, {low:.4f} the lowest"]
    for standing in drawn:
        curve = sparkline([value for _, value in standing.points], low, high)
        ends = [value for _, value in standing.points if value is not None]
        lines.append(f"  {standing.name:{width}}  {curve}  {ends[0]:.4f} -> {ends[-1]:.4f}")
    return "\n".join(lines)


def _ending(standing: Standing) -> str:
    words = f"{standing.name}: {standing.change}"
    if standing.kind == "advice":
        return _wrapped(f"{words}; {standing.why}")
    if standing.reason and standing.reason not in (Reason.PAUSED.value, Reason.ALL_STEPS_DONE.value):
        reason = Reason(standing.reason)
        words += f". Ended by '{reason.words}': {standing.message}. {reason.meaning}"
    elif standing.out_at is not None:
        words += f". It was dropped after evaluation {standing.out_at}: better ones continued"
    elif standing.message:
        words += f". {standing.message}"
    return _wrapped(words if words.endswith(".") else f"{words}.")


def _start(race: Race) -> str:
    value = race.start.get("mel_ce")
    moments = "with its moments" if race.start.get("optimizer") == "keep" else "with fresh moments"
    said = f" {sentence(race.diagnosis)}" if race.diagnosis else ""
    of = "" if value is None else f", mel_ce {value:.4f}"
    which, step = race.start.get("checkpoint"), race.start.get("step")
    return f"The {which} checkpoint of {race.phase}, step {step}{of}, {moments}.{said}"


def _noise(race: Race) -> str:
    if race.noise is None:
        return "The noise is not known: there were too few evaluations."
    said = f"Noise of one number: {race.noise:.4f} nats, {race.noise_source}."
    if race.threshold is not None:
        said += (
            f" A remedy had to beat the control by more than {race.threshold:.4f} (Student's t, one-sided, 5 % shared "
            f"out over the remedies, or a thousandth of the value if that is more)."
        )
    return said if race.cost.seeds else said + " For a surer answer: --seeds 3."


def cost_words(race: Race) -> list[str]:
    """What it cost, in sentences: the race against the five usual remedies, the further seeds, how it was compared."""
    cost, said = race.cost, []
    clips = f"{cost.clips} clips seen in all, those of the control and of every remedy that left counted"
    if cost.share_of_five is not None:
        clips += (
            f": {100 * cost.share_of_five:.1f} % of the {cost.five_to_the_end} that running the five usual remedies "
            f"to the end would take, without a control (at most {100 * cost.most_share:.0f} % are allowed)"
        )
    said.append(f"{clips}; {duration(cost.seconds)} of work")
    if cost.why_over:
        said.append(f"that is more than allowed: {cost.why_over}. A longer race (--steps) stays below it")
    if cost.seeds:
        said.append(
            f"{cost.seeds} runs with further seeds came on top: {cost.seeds_clips} clips seen, "
            f"{duration(cost.seeds_seconds)} of work. They are not in the share"
        )
    went_on = f"; one in {race.cut} continued (rounded up), and the control always" if len(race.marks) > 1 else ""
    said.append(
        f"compared after the evaluations {', '.join(map(str, race.marks))}, one {every(race.eval_every)} "
        f"of the control{went_on}. The same spent means as many clips "
        "seen, whatever the batches"
    )
    return said


def sentence(words: str) -> str:
    """Words as a sentence: with a capital, and a full stop."""
    words = words.strip()
    words = words[:1].upper() + words[1:]
    return words if words.endswith((".", "!", "?")) else f"{words}."


def _wrapped(text: str) -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )

"""RECORD.md in a phase's folder: a form filled in from its closing record, the declaration and the decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.decision import marks_given
from xtts_finetune.evaluation.decision.words import listed
from xtts_finetune.look.commands import command
from xtts_finetune.look.quantities import duration
from xtts_finetune.look.templating import Markdown, code, escaped, markdown_template
from xtts_finetune.records.atomic import finding, json_or_none, write_text_atomic
from xtts_finetune.records.candidates.closing import read_model_info, rewrite_judgement
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.stopping import Reason
from xtts_finetune.records.stopping_text import numbers_in_words, outcome_words, ran_with_words
from xtts_finetune.records.verdict import Samples, read_verdict
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.train import train_words
from xtts_finetune.training.closing import judge

NOT_HEARD = "not heard yet"
QUALITIES = ("smoothness", "naturalness", "emotion", "overall")
METRICS = {"mel_ce": 3, "text_ce": 4, "stop_ce": 3}


def record_text(info: Mapping[str, Any], declaration: Declaration, decision: Mapping[str, Any] | None) -> str:
    """RECORD.md of one phase. `decision` is None before there is one. Texts of users never become markup."""
    reached, short = reached_in_words(info)
    quality = info["quality"]
    return markdown_template("RECORD.md.j2").render(
        info=info,
        pipeline=declaration.pipeline.name,
        metrics=[_metric(info, name, digits) for name, digits in METRICS.items()],
        numbers=numbers_in_words(info["reason"]["numbers"]),
        outcome=outcome_words(info),
        memory=ran_with_words(info["ran_with"]) if info["ran_with"] else "",
        trained=train_words(info["hyperparameters"].get("train", "all")),
        took=duration(info["seconds"]),
        marks=_marks(str(info["candidate"]), declaration, decision or {}),
        decision=decision,
        says=None if decision is None else read_verdict(decision),
        reached=reached,
        spoken=Samples(quality["passed"], quality["spoken"]).words if quality else "",
        because=_because(info, short),
        tries=_tries(info, declaration, short),
    )


def reached_in_words(info: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """What the phase reached of its success levels, a line each; and the names of those beyond it that it missed.

    The last one whose limits are all met is the one reached; an earlier one that asks for something else is named.
    """
    missed: dict[str, list[str]] = {}
    for check in info["levels"]:
        if check["result"] in ("not met", "not measured"):
            measured = "not measured" if check["result"] == "not measured" else f"it is {check['measured']}"
            missed.setdefault(check["level"], []).append(f"{check['limit']}: {measured}")
    names = list(dict.fromkeys(check["level"] for check in info["levels"]))
    reached = str(info["level"] or "none")
    place = names.index(name) if (name := reached.split(" (")[0]) in names else -1
    lines = [f"Reached: {reached}."]
    if place < 0 and not missed:
        lines = [f"Reached: none. The limits are met, but the phase was stopped by: {info['reason']['words']}."]
    short = [name for name in names[place + 1 :] if name in missed]
    lines += [f"Not reached: {name} ({'; '.join(missed[name])})." for name in short]
    for earlier in [name for name in names[: max(place, 0)] if name in missed]:
        lines.append(f"{earlier} also asks for what {name} does not ({'; '.join(missed[earlier])}).")
    return lines, short


def _metric(info: Mapping[str, Any], name: str, digits: int) -> dict[str, str]:
    """A line of the table: a metric at the start, best and final, and by how much the best differs from the start."""
    values = {when: (info[when] or {}).get(name) for when in ("initial", "best", "final")}
    line = {when: "-" if value is None else f"{value:.{digits}f}" for when, value in values.items()}
    start, best = values["initial"], values["best"]
    return {"name": name, **line, "change": _change(start, best)}


def _change(start: float | None, best: float | None) -> str:
    """By what share the best is below the start, in percent."""
    if best is None or not start:
        return "-"
    share = (start - best) / start
    if abs(share) < 0.0005:
        return "none"
    return f"{abs(share) * 100:.1f} % {'lower' if share > 0 else 'higher'}"


def _marks(candidate: str, declaration: Declaration, decision: Mapping[str, Any]) -> dict[str, str]:
    """The four marks of listeners, out of 10: those of the listening tests, or the one that was written by hand."""
    heard = (decision.get("quality") or {}).get(candidate)
    if heard is not None:
        marks = {name: f"{mark:.1f}" for name, mark in heard["marks"].items()}
        marks["overall"] = f"{heard['mark']:.1f} ({heard['low']:.1f} to {heard['high']:.1f})"
    else:
        written = declaration.decision.quality.get(candidate)
        marks = {} if written is None else {"overall": f"{written:g}"}
    return {**dict.fromkeys(QUALITIES, "not scored" if marks else NOT_HEARD), **marks}


def _tries(info: Mapping[str, Any], declaration: Declaration, short: Sequence[str]) -> list[Markdown]:
    """What to try; of a phase that has not come to its end, only to continue it."""
    if info["status"] == "interrupted":
        again = f" {code(info['command'])}" if info["command"] else ""
        return [Markdown(f"**Continue.** {escaped(info['advice'])}{again}")]
    return wishes(declaration) if short or info["scenario"] != "success" else []


def _because(info: Mapping[str, Any], short: Sequence[str]) -> str:
    if info["status"] == "interrupted":
        return "The phase has not come to its end."
    if short:
        return f"{listed(short)} {'was' if len(short) == 1 else 'were'} not reached."
    if info["scenario"] == "none":
        return "The phase brought nothing."
    return "The phase is better than its start; the config sets no `success` to compare it with."


def wishes(declaration: Declaration) -> list[Markdown]:
    """What to try where the phase did not reach what it was to, or brought nothing."""
    inference = declaration.utterances.inference
    cooler = max(0.1, round(inference.temperature - 0.1, 2))
    # Below what is usual for XTTS v2 it was lowered on purpose: a small model drops held vowels under a higher one.
    stricter = round(inference.repetition_penalty + 2, 2) if inference.repetition_penalty >= 5 else None
    settings = f"--set utterances.inference.temperature={cooler:g}"
    repeats = ""
    if stricter is not None:
        settings += f" --set utterances.inference.repetition_penalty={stricter:g}"
        repeats = f" A higher repetition penalty stutters less; now it is {inference.repetition_penalty:g}."
    tries = [
        "**More data.** More clips of the same voice help most: add a data set under `datasets` in "
        f"{escaped(declaration.file.name)}.",
        "**Augmentation.** Clips of other moods, rooms and tempos of the same voice, or altered copies of training "
        "clips (a little faster, softer, with some room). Never copies of a clip that `clips.jsonl` marks as "
        "`eval`: the model would be tested on what it has heard.",
        "**Inference settings.** They cost no training. A lower temperature speaks more steadily; now it is "
        f"{inference.temperature:g}.{repeats} Try {code(command(f'samples {settings}'))} and listen.",
        "**Accept.** Listen before you put more work into numbers; the decision names the best model there is.",
    ]
    return [Markdown(text) for text in tries]


def update_records(declaration: Declaration, run: RunFolder) -> None:
    """Bring the levels and RECORD.md of every closed phase up to what is declared and decided by now.

    Success levels and listeners' marks may come or change after a phase has ended; neither trains it anew.
    Nothing is written where nothing changed. Raises UserError for a record that cannot be read.
    """
    for name in declaration.phases:
        write_record(declaration, run, name)


def write_record(declaration: Declaration, run: RunFolder, name: str) -> Path | None:
    """Write RECORD.md of a closed phase and return its path; None for a phase that is not closed.

    Raises UserError for a record that cannot be read, OSError when the disk has no room.
    """
    folder = run.candidate(name)
    info = read_model_info(folder)
    # A record of an older version has no levels to bring up to date.
    if info is None or "levels" not in info or name not in declaration.phases:
        return None
    quality = marks_given(declaration, run).get(name)
    try:
        reason = Reason(info["reason"]["name"])
        judgement = judge(declaration.phases[name].success, read_metrics(folder.metrics), reason, quality)
        info = rewrite_judgement(folder, info, judgement)
        text = record_text(info, declaration, read_decision(run, info, quality))
    except (LookupError, TypeError, ValueError) as error:
        raise UserError(
            f"{folder.model_info}: damaged, or of another version ({finding(error)}); "
            f"train the phase again: {command(f'{name} --fresh', 'run_pipeline')}"
        ) from None
    path = folder.record
    if not path.is_file() or path.read_text(encoding="utf-8", errors="replace") != text:
        write_text_atomic(path, text)
    return path


def read_decision(run: RunFolder, info: Mapping[str, Any], quality: float | None) -> Mapping[str, Any] | None:
    """decision.json, if it was made with this phase's best evaluation and mark; None for one of before."""

    def with_seen(decision: dict[str, Any]) -> tuple[dict[str, Any], Mapping[str, Any]]:
        (seen,) = (each for each in decision["candidates"] if each["name"] == info["candidate"])
        return decision, seen

    found = json_or_none(run.decision, with_seen)
    if found is None:
        return None
    decision, seen = found
    best = info["best"] or {}
    known = [seen.get("step"), seen.get("mel_ce"), seen.get("quality"), seen.get("status")]
    now = [best.get("step"), best.get("mel_ce"), quality, info["status"]]
    return decision if known == now else None

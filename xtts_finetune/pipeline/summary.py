"""What a command prints of data, voice, phases and the decision, read from the records alone."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from rich.table import Table

from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.whose_voice import whose_voice
from xtts_finetune.look.quantities import duration, grouped, metric
from xtts_finetune.look.tables import print_table
from xtts_finetune.pipeline.children.running import Work, verb
from xtts_finetune.pipeline.next_step import say_next
from xtts_finetune.pipeline.plan.inputs import data_info
from xtts_finetune.records.atomic import read_json
from xtts_finetune.records.candidates.closing import read_model_info
from xtts_finetune.records.clips import read_dropped, skipped_lines
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.records.stopping_text import ran_with_words, stopped_words
from xtts_finetune.records.verdict import Verdict, read_verdict, samples_of
from xtts_finetune.spec.declaration import Declaration


def voice_words(declaration: Declaration, run: RunFolder) -> str:
    """'the voice of anna: 3 training clips; also in the data: ben (12 min)'.

    Raises UserError where no voice can be chosen: the declared speaker is unknown, say.
    """
    return whose_voice(declaration, run).words


def voice_lines(declaration: Declaration, run: RunFolder) -> list[str]:
    """The same for prepared data, and how to choose another speaker; nothing where there is one speaker alone.

    Raises UserError as `voice_words`.
    """
    voice = whose_voice(declaration, run)
    if not voice.others:
        return []
    lines = [f"  samples are spoken in {voice.words}"]
    if declaration.utterances.reference.speaker is None and voice.clips:
        file = declaration.pipeline.utterances.name
        lines.append(f"  for another voice, name the speaker in {file}: reference: {{speaker: NAME}}")
    return lines


def say_outcome(work: Work) -> None:
    """The decision, and where to listen."""
    if work.run.decision.is_file():
        cure = f"decide again: {verb(work, 'decide')}"
        decision, says = read_json(work.run.decision, lambda it: (dict(it), read_verdict(it)), "damaged", cure)
        say_decision(work, decision, says)
    work.say(f"  report: {work.run.report}")
    say_next(work)


def say_decision(work: Work, decision: Mapping[str, Any], says: Verdict) -> None:
    """The candidates with what is known of each, and the verdict. `decision` is as decision.json has it."""
    print_table(work.console, _table(decision))
    work.say(says.headline, "bold")
    for reason in says.reasons:
        work.say(f"  {reason}")
    if says.sure:
        work.say(f"  How sure? {says.sure}")
    if decision.get("then"):
        work.say(f"  Your decision matrix says: {decision['then']}")
    if says.further:
        work.say(f"  {says.further}")
    for condition in says.conditions:
        work.say(f"    {condition.marked(work.console.encoding)}")


def _table(decision: Mapping[str, Any]) -> Table:
    table = Table(title="decision", title_justify="left", title_style="bold")
    samples = samples_of((decision.get("inputs") or {}).get("scores") or {})
    for heading in ("candidate", "status", "mel_ce", "text_ce", "step", "clean", "score", "row"):
        table.add_column(heading, justify="left" if heading in ("candidate", "status") else "right")
    for candidate in decision.get("candidates", []):
        ships = candidate.get("name") == decision.get("ship")
        clean = samples.get(candidate.get("name", ""))
        shown = None if clean is None else f"{clean.clean} of {clean.spoken}"
        cells = [candidate.get("step"), shown, _mark(decision, candidate), candidate.get("row")]
        table.add_row(
            candidate.get("name"),
            str(candidate.get("status", "")),
            metric(candidate, "mel_ce"),
            metric(candidate, "text_ce"),
            *("-" if cell is None else str(cell) for cell in cells),
            style="bold" if ships else None,
        )
    return table


def _mark(decision: Mapping[str, Any], candidate: Mapping[str, Any]) -> str | None:
    """'8.6 (8.1 to 9.0)' of listeners, or the mark that was written by hand."""
    heard = (decision.get("quality") or {}).get(candidate.get("name"))
    if heard:
        return f"{heard['mark']:.1f} ({heard['low']:.1f} to {heard['high']:.1f})"
    written = candidate.get("quality")
    return None if written is None else f"{written:g}"


def data_lines(run: RunFolder) -> list[str]:
    """What was prepared: counts, what was left out, what is odd and where all that is named, notes."""
    info = data_info(run)
    minutes = float(info.get("seconds", 0)) / 60
    lines = [f"data: {info.get('clips')} clips, {minutes:.1f} min; {info.get('eval_clips')} held out"]
    if info.get("dropped"):
        lines.append(f"  {info['dropped']} left out{_counted(info.get('reasons'))}")
        with contextlib.suppress(UserError):  # a damaged list is no reason not to say the rest
            left_out = read_dropped(run.dropped)
            lines += [f"    {line}" for line in skipped_lines(left_out, f"each is named in {run.data_page.name}")]
    if info.get("warned"):
        lines.append(f"  {info['warned']} with warnings{_counted(info.get('warnings'))}")
    if run.data_page.is_file():
        lines.append(f"  what was found: {run.data_page}")
    return [*lines, *(f"  note: {note}" for note in info.get("notes") or [])]


def data_findings(run: RunFolder) -> str:
    """'2 clips left out, 3 with warnings'; empty when there is nothing to fix."""
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
    initial = info.get("initial") or {}
    changes = "   ".join(change(initial, best, name) for name in ("mel_ce", "text_ce"))
    level = info.get("level") or "none"
    took = duration(float(info.get("seconds") or 0))
    lines = [stopped_words(info, grouped), f"  {changes}   reached: {level}   took {took}"]
    if info.get("ran_with"):
        lines.append(f"  {ran_with_words(info['ran_with'])}")
    if info.get("scenario") == "none":
        # The command goes on with what comes next; that this phase gave it nothing must not go by unseen.
        lines.append(f"  it gained nothing: {info.get('meaning', '')}")
        lines.append(f"  next: {info.get('advice', '')}")
    return [*lines, f"  record: {folder.record}"]


def change(before: dict[str, Any], after: dict[str, Any], name: str) -> str:
    """'mel_ce 3.507 -> 2.431 (-30.7 %)'."""
    text = f"{name} {metric(before, name)} -> {metric(after, name)}"
    old, new = before.get(name), after.get(name)
    if isinstance(old, int | float) and isinstance(new, int | float) and old:
        text += f" ({(new - old) / old:+.1%})".replace("%", " %")
    return text

"""REPORT.html: what a run came to, one file for people, offline, with the verdict first; it copes with gaps."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.candidates import standing
from xtts_finetune.evaluation.decision import Candidate, Decision, decide
from xtts_finetune.evaluation.instruments import INSTRUMENTS
from xtts_finetune.evaluation.whose_voice import whose_voice
from xtts_finetune.look.quantities import duration, readable_size
from xtts_finetune.look.templating import html_page
from xtts_finetune.machine.packages import installed_version
from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.pipeline.next_step import next_step
from xtts_finetune.pipeline.plan.stage_records import read_phase_yaml
from xtts_finetune.pipeline.reports.data_report_model import SetLine
from xtts_finetune.pipeline.reports.hear import links_of, what_to_hear, without_those
from xtts_finetune.pipeline.reports.players import (
    collect_on_the_way,
    collect_references,
    collect_sentences,
    record_in,
    words_misheard,
)
from xtts_finetune.pipeline.reports.report_curves import draw_curves
from xtts_finetune.pipeline.reports.report_model import (
    CandidateLine,
    DataSummary,
    EarlierLine,
    Listening,
    Note,
    OnTheWay,
    PhaseSettings,
    Report,
)
from xtts_finetune.records.atomic import write_text_atomic
from xtts_finetune.records.candidates.closing import read_model_info
from xtts_finetune.records.candidates.tries import earlier_words, read_tries, tries_bytes, try_facts
from xtts_finetune.records.clips import read_clips, read_dropped
from xtts_finetune.records.heard.listening import read_votes
from xtts_finetune.records.metrics import Metrics, read_metrics
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.stopping import Reason
from xtts_finetune.records.values import flat
from xtts_finetune.records.verdict import samples_of
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.phase import PhaseSpec


def write_report(declaration: Declaration, run: RunFolder) -> Path:
    """Write the report of whatever the run holds by now, and return its path.

    The page needs nothing beside itself: curves, style and recordings are in it. Raises UserError for a
    record that cannot be read.
    """
    write_text_atomic(run.report, render(collect_report(declaration, run)))
    return run.report


def render(report: Report) -> str:
    """The page. Everything from data sets and declarations is escaped: text never becomes markup."""
    scripts = ("one_at_a_time.js", "sounds.js", "hear.js")
    return html_page("report.html.j2", ("report.css",), scripts, report=report, instruments=INSTRUMENTS)


def collect_listening(run: RunFolder, decision: Decision) -> Listening | None:
    """Listeners, qualities and notes; None where nobody has listened.

    Raises UserError for a listening test that cannot be read.
    """
    votes = read_votes(run)
    if not votes.listeners:
        return None
    marked = dict.fromkeys(name for mark in decision.quality.values() for name in mark.marks if name != "overall")
    notes = [
        Note(vote.sentence, f"{vote.first} and {vote.second}", vote.listener, vote.note)
        for vote in votes.votes
        if vote.note.strip()
    ]
    return Listening(votes.listeners, tuple(marked), tuple(notes))


PACKAGES = ("xtts-finetune", "coqui-tts", "coqui-tts-trainer", "torch", "transformers", "soundfile")


def collect_report(declaration: Declaration, run: RunFolder) -> Report:
    """Everything that the report shows. Raises UserError for a record that cannot be read."""
    decision = decide(declaration, run)
    pipeline = declaration.pipeline
    names, tries = standing(declaration, run), read_tries(run)
    metrics = {name: read_metrics(run.candidate(name).metrics) for name in dict.fromkeys([*names, *declaration.phases])}
    sentences = collect_sentences(run, names, decision.ship or decision.meanwhile, pipeline.language)
    recordings = tuple(collect_references(run, names))
    step = next_step(declaration, run, decision)
    hear = what_to_hear(run, decision, sentences, recordings)
    return Report(
        title=pipeline.name,
        language=pipeline.language,
        base=Path(pipeline.base).name,
        made=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M"),
        decision=decision,
        candidates=tuple(_line(candidate, decision, run) for candidate in decision.candidates),
        curves=draw_curves([(name, metrics[name]) for name in declaration.phases], metrics[BASE].best),
        evaluations=[(name, record) for name, known in metrics.items() for record in known.evals],
        listening=collect_listening(run, decision),
        voice=_voice(declaration, run, names),
        recordings=recordings,
        hear=hear,
        links=tuple(links_of(run, declaration.phases)),
        steps=((step.words, step.command), *step.instead),
        sentences=tuple(without_those(sentences, hear)),
        words_misheard=words_misheard(run, names),
        on_the_way=tuple(_on_the_way(declaration, run, metrics)),
        phases=tuple(_phase(name, phase, run) for name, phase in declaration.phases.items()),
        earlier=tuple(
            EarlierLine(each.name, readable_size(tries_bytes([each])), ", ".join(try_facts(each))) for each in tries
        ),
        earlier_words="; ".join(earlier_words(tries)),
        data=_data(declaration, run),
        settings=_speaking(declaration),
        versions=_versions(),
    )


def _on_the_way(declaration: Declaration, run: RunFolder, metrics: Mapping[str, Metrics]) -> Iterator[OnTheWay]:
    for name in declaration.phases:
        spoken = collect_on_the_way(run.candidate(name), metrics[name])
        if spoken is not None:
            yield spoken


def _line(candidate: Candidate, decision: Decision, run: RunFolder) -> CandidateLine:
    info = read_model_info(run.candidate(candidate.name)) or {}
    reason = info.get("reason") or {}
    base = next((c.mel_ce for c in decision.candidates if c.name == BASE), None)
    change = None
    if candidate.name != BASE and base and candidate.mel_ce is not None:
        change = candidate.mel_ce / base - 1
    rows, samples = decision.inputs["rows"], samples_of(decision.inputs.get("scores") or {}).get(candidate.name)
    # What the matrix calls numbers is said of no model most of whose samples fail.
    faulty = samples is not None and samples.mostly_faulty
    planned = info.get("steps_planned")
    return CandidateLine(
        candidate=candidate,
        ships=candidate.name == decision.ship,
        mel_change=change,
        row_verdict="" if candidate.row is None or faulty else str(rows[candidate.row - 1]["verdict"]),
        ended=_reason_in_words(reason.get("name"), candidate),
        message="" if reason.get("name") == Reason.ALL_STEPS_DONE.value else str(reason.get("message", "")),
        level=str(info.get("level") or ""),
        steps="" if planned is None else f"{info.get('steps', 0)} of {planned}",
        time=duration(info["seconds"]) if info.get("seconds") else "",
    )


def _reason_in_words(name: str | None, candidate: Candidate) -> str:
    if name in [reason.value for reason in Reason]:
        return Reason(name).words
    if candidate.name == BASE:
        return "not trained" if candidate.mel_ce is not None else candidate.status
    return name or candidate.status


def _phase(name: str, phase: PhaseSpec, run: RunFolder) -> PhaseSettings:
    info = read_model_info(run.candidate(name)) or {}
    # What it was trained with, which need not be what is declared by now.
    declared = dict((read_phase_yaml(run.candidate(name)) or {}).get("declaration") or phase.model_dump(mode="json"))
    goal, rules, levels = (declared.pop(key, None) for key in ("goal", "stop_when", "success"))
    settings = settings_of(declared)
    settings |= {f"stop rule {number}": _named(rule) for number, rule in enumerate(rules or (), 1)}
    settings |= {level: _named(limits) for level, limits in (levels or {}).items()}
    times = {key: str(info[key]).replace("T", " ")[:16] for key in ("started", "ended") if info.get(key)}
    status = str(info.get("status", "not run" if not run.candidate(name).metrics.is_file() else "unfinished"))
    return PhaseSettings(name, goal or "", status, {**settings, **times})


def settings_of(value: Mapping[str, Any]) -> dict[str, str]:
    """Nested settings as one list of 'part key: value', without what was left out."""
    return {
        key.replace("_", " ").replace(".", " "): _shown(item) for key, item in flat(value).items() if item is not None
    }


def _shown(item: object) -> str:
    if isinstance(item, bool):
        return "yes" if item else "no"
    return f"{item:g}" if isinstance(item, float) else str(item)


def _named(values: Mapping[str, Any]) -> str:
    """Settings on one line: 'no improvement, metric mel_ce, steps 500'."""
    rows = settings_of({key: value for key, value in values.items() if value is not False})
    return ", ".join(value.replace("_", " ") if key == "rule" else f"{key} {value}" for key, value in rows.items())


def _data(declaration: Declaration, run: RunFolder) -> DataSummary | None:
    if not run.clips.is_file():
        return None
    lines = {dataset.name: SetLine(dataset.name) for dataset in declaration.pipeline.datasets}
    dropped = read_dropped(run.dropped) if run.dropped.is_file() else []
    # Data sets that are declared no more are not counted.
    for clip in read_clips(run.clips):
        if (line := lines.get(clip.dataset)) is not None:
            line.clips += 1
            line.seconds += clip.seconds
            line.eval_clips += clip.split == "eval"
    for left_out in dropped:
        if left_out.dataset in lines:
            lines[left_out.dataset].dropped += 1
    return DataSummary(tuple(lines.values()), tuple(dropped), declaration.pipeline.eval_set.seed)


def _voice(declaration: Declaration, run: RunFolder, names: Sequence[str]) -> str:
    """Whose voice samples are spoken in, and which were in another one before; empty where that cannot be told."""
    try:
        voice = whose_voice(declaration, run)
    except UserError:
        return ""
    spoken = {name: record_in(run.candidate(name).utterances_json).get("speaker") for name in names}
    older = [f"{name} ({speaker})" for name, speaker in spoken.items() if speaker and speaker != voice.speaker]
    return voice.words + (f"; samples from before, in another voice: {', '.join(older)}" if older else "")


def _speaking(declaration: Declaration) -> dict[str, str]:
    spec = declaration.utterances
    seeds = ", ".join(str(seed) for seed in spec.seeds)
    return {
        "vocoder": declaration.pipeline.vocoder,
        "seeds": seeds,
        **settings_of(spec.inference.model_dump(mode="json")),
    }


def _versions() -> dict[str, str]:
    """Versions of what the work was done with, on the machine that writes the report; nothing is imported."""
    versions = {"Python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    return versions | {package: installed_version(package) or "not installed" for package in PACKAGES}

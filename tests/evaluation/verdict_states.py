"""Forty states of a run and more, each a folder that the real writers wrote, and what every place says of them.

`python -m tests.evaluation.verdict_states` prints the sentences as a table in Markdown.
"""

from __future__ import annotations

import io
import json
import math
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from rich.console import Console

from xtts_finetune.evaluation.candidates import Failure, write_failure
from xtts_finetune.evaluation.decision import Decision, decide, write_decision
from xtts_finetune.evaluation.utterance_state import UtterancePlan
from xtts_finetune.evaluation.whose_voice import WhoseVoice
from xtts_finetune.look.templating import escaped
from xtts_finetune.monitor.run import RunWatch
from xtts_finetune.monitor.words import plain_lines
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.pipeline.phase.record import record_text
from xtts_finetune.pipeline.reports.report import collect_report, render
from xtts_finetune.pipeline.summary import say_decision
from xtts_finetune.records.atomic import read_json
from xtts_finetune.records.candidates.closing import read_model_info, write_closing, write_untrained_info
from xtts_finetune.records.candidates.shipped import Shipped
from xtts_finetune.records.heard.listening_files import checksum
from xtts_finetune.records.heard.scores import Scores, UtteranceScores, write_scores
from xtts_finetune.records.job import Job
from xtts_finetune.records.metrics import EvalRecord, MetricsWriter, StepRecord
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.records.verdict import read_verdict
from xtts_finetune.shipping.model_card import card_text
from xtts_finetune.shipping.plan import ShipPlan
from xtts_finetune.spec.decision import DecisionSpec
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.pipeline import PipelineSpec
from xtts_finetune.spec.utterances import UtterancesSpec
from xtts_finetune.training.closing import phase_facts
from xtts_finetune.xtts.base import BaseFiles

ROWS: list[dict[str, Any]] = [
    {"mel_ce_of_base": {"below": 0.75}, "ship": "phase2", "verdict": "excellent: ship it"},
    {"mel_ce_of_base": {"at_least": 0.75, "below": 0.86}, "ship": "phase2", "verdict": "improved", "then": "more data"},
    {"mel_ce_of_base": {"at_least": 0.86, "below": 1}, "ship": "phase1", "verdict": "marginal gain"},
    {"mel_ce_of_base": {"at_least": 1}, "ship": "base", "verdict": "no improvement"},
]
EXCELLENT = {"quality": {"at_least": 9}, "ship": "phase2", "verdict": "excellent"}
BY_MARK: list[dict[str, Any]] = [EXCELLENT, {"ship": "phase1", "verdict": "fair"}]
NARROW = [{"mel_ce": {"below": 1}, "ship": "phase2", "verdict": "perfect"}]
AVERAGE = ["phase1", "phase2", {"name": "average", "average": ["phase1", "phase2"]}]
FINISHED = Stop(Reason.ALL_STEPS_DONE, "all 400 steps are done")
OVERFITTED = Stop(Reason.OVERFITTING, "mel_ce rose for 3 evaluations")
FAILED = Stop(Reason.OUT_OF_MEMORY, "out of memory")
CLEAN, BROKEN = (10, 10), (0, 5)
SENTENCES = 20


@dataclass(frozen=True)
class Heard:
    """A listening test of two: sentences in which the second was preferred, the first, neither; of `asked` ones."""

    first: str
    second: str
    won: int
    lost: int
    same: int = 0
    extended: tuple[int, int] | None = None
    failed: bool = False


@dataclass(frozen=True)
class State:
    """A state of a run. mel_ces are by candidate, the evaluations of a phase in their order; None: not run.

    scores  clean and spoken samples; None: nothing was checked
    """

    name: str
    mel_ces: Mapping[str, Sequence[float] | None]
    scores: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    rows: Sequence[Mapping[str, Any]] = tuple(ROWS)
    read: str | None = "phase2"
    marks: Mapping[str, float] = field(default_factory=dict)
    heard: Heard | None = None
    ended: Mapping[str, Stop | None] = field(default_factory=dict)
    no_model: Sequence[str] = ()
    success: Mapping[str, Any] = field(default_factory=dict)
    text_ces: Mapping[str, float] = field(default_factory=dict)
    left_out: bool = False


def both(phase1: float, phase2: float, base: float = 4.0, **more: float) -> dict[str, Sequence[float]]:
    """All trained, each falling to its number."""
    made = {name: [mel_ce] for name, mel_ce in more.items()}
    falling = [base, base - (base - phase1) / 2, phase1]
    return {"base": [base], "phase1": falling, "phase2": [phase1, phase1 - (phase1 - phase2) / 2, phase2], **made}


def scores_of(base: tuple[int, int], phase1: tuple[int, int], phase2: tuple[int, int], **more: tuple[int, int]) -> Any:
    return {"base": base, "phase1": phase1, "phase2": phase2, **more}


ONE_OF_TWO: dict[str, Any] = {"base": [4.0], "phase1": [4.0, 3.5, 3.2], "phase2": None}
WHOLE = both(3.2, 2.9)
WITH_AVERAGE = both(3.2, 3.1, average=2.95)
GOOD = scores_of(CLEAN, CLEAN, CLEAN)
BAD = scores_of(BROKEN, BROKEN, BROKEN)
MOSTLY_BAD = scores_of((3, 10), (4, 10), (4, 10))
ONE_GOOD = {"base": CLEAN, "phase1": CLEAN}
TWO_LEVELS = {"minimum": {"mel_ce": 3}, "target": {"mel_ce": 2.5}}
NOT_IN_ORDER = {"minimum": {"text_ce": 0.02}, "target": {"mel_ce": 3}}
CLEAR, UNCLEAR, IN_PART = (
    Heard("phase1", "phase2", 19, 1),
    Heard("phase1", "phase2", 12, 8),
    Heard("phase1", "phase2", 9, 2),
)
TIED, EVEN = (Heard("phase1", "phase2", won, 20 - won, extended=(10, 10)) for won in (11, 10))
STATES = (
    State("all clean, the matrix fits", WHOLE, GOOD),
    State("the demo", both(3.114, 3.102, 4.322, average=3.097), scores_of((5, 16), (6, 16), (3, 16), average=(1, 16))),
    State("all samples of all models fail", WHOLE, BAD),
    State("all samples of all phases fail, one of the base is clean", WHOLE, scores_of((1, 5), BROKEN, BROKEN)),
    State("most samples of the chosen one fail", WHOLE, MOSTLY_BAD),
    State("another one is clean", WHOLE, scores_of(BROKEN, (5, 5), BROKEN)),
    State("another one is clean, and it has no model", WHOLE, scores_of(BROKEN, (5, 5), BROKEN), no_model=("phase1",)),
    State("half of the samples are clean", WHOLE, scores_of((5, 10), (5, 10), (5, 10))),
    State("one sample alone, clean", WHOLE, scores_of((1, 1), (1, 1), (1, 1))),
    State("nothing was checked", WHOLE),
    State("the base alone was checked", WHOLE, {"base": CLEAN}),
    State("excluded by the checks, lowest mel_ce", WHOLE, scores_of((8, 10), (9, 10), (4, 10))),
    State("all phases excluded by the checks", WHOLE, scores_of(CLEAN, (3, 10), (2, 10))),
    State("one faulty sample more than the base", WHOLE, scores_of((8, 10), (8, 10), (7, 10))),
    State("average excluded, lowest of all", WITH_AVERAGE, {**GOOD, "average": (2, 10)}),
    State("the average has the lowest mel_ce and may ship", WITH_AVERAGE, {**GOOD, "average": CLEAN}),
    State("the average is left out", WITH_AVERAGE, GOOD, rows=[{"ship": "average", "verdict": "best"}], left_out=True),
    State("numbers that differ in the fourth digit", both(3.1004, 3.1001), GOOD, rows=NARROW),
    State("phases with the same mel_ce", both(3.1, 3.1), GOOD, rows=NARROW),
    State("the base has the lowest mel_ce", both(4.3, 4.2), GOOD),
    State("as good as the base", both(4.0, 4.0), GOOD),
    State("85.6 % under a limit of 86 %", both(3.6, 3.424), GOOD),
    State("85.999 % under a limit of 86 %", both(3.6, 3.43996), GOOD),
    State("exactly at a limit", both(3.6, 3.44), GOOD),
    State("74.96 % under a limit of 75 %", both(3.2, 2.9984), GOOD),
    State("no row fits", WHOLE, GOOD, rows=NARROW),
    State("no row fits, all samples fail", WHOLE, BAD, rows=NARROW),
    State("one phase of two", ONE_OF_TWO, ONE_GOOD),
    State("one phase of two, mostly faulty", ONE_OF_TWO, {"base": (2, 10), "phase1": (3, 10)}),
    State("one phase of two, which the matrix reads", ONE_OF_TWO, ONE_GOOD, read="phase1"),
    State("only the base", {"base": [4.0], "phase1": None, "phase2": None}, {"base": CLEAN}),
    State("nothing was run", {"base": None, "phase1": None, "phase2": None}),
    State("the second phase is half done", WHOLE, GOOD, ended={"phase2": None}),
    State("the second phase failed", WHOLE, GOOD, ended={"phase2": FAILED}),
    State("the second phase was stopped by overfitting", WHOLE, GOOD, ended={"phase2": OVERFITTED}),
    State("NaN from the start", ONE_OF_TWO | {"phase2": [math.nan, math.nan]}, ONE_GOOD),
    State("NaN at the end", WHOLE | {"phase2": [3.2, 2.9, math.nan]}, GOOD),
    State("no model of the second phase", WHOLE, GOOD, no_model=("phase2",)),
    State("the base was not evaluated", WHOLE | {"base": None}, {"phase1": CLEAN, "phase2": CLEAN}),
    State("a score by hand fits a row", WHOLE, GOOD, rows=BY_MARK, marks={"phase2": 9.4}),
    State("a score by hand, all samples fail", WHOLE, BAD, rows=BY_MARK, marks={"phase2": 9.4}),
    State("a score by hand of another candidate", WHOLE, GOOD, marks={"phase1": 8}),
    State("a row that waits for a score", WHOLE, GOOD, rows=BY_MARK[:1]),
    State("listeners prefer phase1", WHOLE, GOOD, heard=Heard("base", "phase1", 19, 1)),
    State("listeners prefer the base", WHOLE, GOOD, heard=Heard("base", "phase1", 1, 19)),
    State("listeners prefer a mostly faulty one", WHOLE, MOSTLY_BAD, heard=Heard("base", "phase1", 19, 1)),
    State("listeners prefer one without a clean sample", WHOLE, BAD, heard=CLEAR),
    State("listeners prefer one that is not finished", WHOLE, GOOD, heard=CLEAR, ended={"phase2": None}),
    State("undecided", WHOLE, GOOD, heard=UNCLEAR),
    State("undecided, all samples fail", WHOLE, BAD, heard=UNCLEAR),
    State("undecided, most samples fail", WHOLE, MOSTLY_BAD, heard=UNCLEAR),
    State("a test rated in part", WHOLE, GOOD, heard=IN_PART),
    State("a tie after the last look", WHOLE, GOOD, heard=TIED),
    State("a tie, all samples fail", WHOLE, BAD, heard=EVEN),
    State("nobody hears a difference", WHOLE, GOOD, heard=Heard("phase1", "phase2", 0, 0, 20, extended=(0, 0))),
    State("a listener who failed the checks", WHOLE, GOOD, heard=Heard("phase1", "phase2", 19, 1, failed=True)),
    State("one phase alone", {"base": [4.0], "phase1": [4.0, 3.5, 3.2]}, ONE_GOOD, read=None),
    State("reached more, but not what comes before it", WHOLE, GOOD, success=NOT_IN_ORDER),
    State("short of the target", WHOLE, GOOD, success=TWO_LEVELS),
    State("text_ce rose", WHOLE, GOOD, text_ces={"phase2": 0.0301}),
)


def build(state: State, folder: Path) -> tuple[Declaration, RunFolder]:
    """The run's folder, as far as what judges it reads it, its decision among it."""
    declaration = declare(state, folder)
    run = RunFolder(declaration.run_folder)
    for name, mel_ces in state.mel_ces.items():
        if mel_ces is not None:
            add_candidate(state, declaration, run, name, mel_ces)
    for name, (clean, spoken) in state.scores.items():
        found = (UtteranceScores(f"s{n}", 1, f"s{n}.wav", "x", ("cut end",) * (n >= clean)) for n in range(spoken))
        write_scores(run.candidate(name).scores_json, Scores(name, "f", {}, tuple(found)))
    if state.left_out:
        write_failure(run.candidate("average"), Failure("its file is damaged", "f", lasting=True))
    if state.heard is not None:
        add_test(run, state.heard, "test 1", 1, state.heard.won, state.heard.lost, state.heard.same)
        if state.heard.extended is not None:
            won, lost = state.heard.extended
            add_test(run, state.heard, "test 2", 2, won, lost, SENTENCES - won - lost)
    write_decision(run, decide(declaration, run))
    return declaration, run


def declare(state: State, folder: Path) -> Declaration:
    """Two phases, and the average of both where a state has one."""
    phases = [name for name in state.mel_ces if name.startswith("phase")]
    candidates = AVERAGE if "average" in state.mel_ces else phases
    common = {"learning_rate": 1e-6, "steps": 400}
    pipeline = {"name": "voice", "base": "xtts_v2", "language": "en", "phases": phases}
    datasets = [{"name": "a", "path": str(folder / "a"), "format": "ljspeech"}]
    rows = [row for row in state.rows if row["ship"] in ("base", "average", *phases)]
    decision = {"rows": rows, "read": state.read, "quality": dict(state.marks), "candidates": candidates}
    return Declaration(
        file=folder / "pipeline.yaml",
        pipeline=PipelineSpec.model_validate({**pipeline, "datasets": datasets}),
        phases={name: PhaseSpec.model_validate({**common, "success": dict(state.success)}) for name in phases},
        utterances=UtterancesSpec.model_validate({"sentences": [{"id": "s0", "text": "Good morning."}]}),
        decision=DecisionSpec.model_validate(decision),
        run_folder=folder / "run" / "voice",
    )


def add_candidate(state: State, declaration: Declaration, run: RunFolder, name: str, mel_ces: Sequence[float]) -> None:
    """The evaluations of a candidate, its model, and how it ended."""
    folder = run.candidate(name)
    with MetricsWriter(folder.metrics) as writer:
        for number, mel_ce in enumerate(mel_ces):
            text_ce = state.text_ces.get(name, 0.028) if number == len(mel_ces) - 1 else 0.028
            if number:
                writer.write(StepRecord(100 * number, number, 1e-6, mel_ce, mel_ce, 2.8, 0.7, 3, 0.5, 0.01))
            writer.write(EvalRecord(100 * number, mel_ce, text_ce, 100 * text_ce, 0.1, 900, 120, 4.0, None))
    if name not in state.no_model and name != "base":
        folder.best_model.touch()
    if name not in declaration.phases:
        write_untrained_info(folder, "2026-11-29T20:00:00+00:00", "2026-11-29T20:01:00+00:00", 60.0, "f")
    elif (stop := state.ended.get(name, FINISHED)) is not None:
        job = Job(declaration.file, (), run.root, run.root, "cpu", run.job_events(name), "f", phase=name)
        write_closing(folder, phase_facts(job, declaration.phases[name], declaration.pipeline.datasets, stop), stop)


def add_test(run: RunFolder, heard: Heard, name: str, look: int, won: int, lost: int, same: int) -> None:
    """A listening test of two looks, as it was written before there were three, and the answers of two people."""
    folder, rated = run.listening_test(name), won + lost + same
    folder.ratings.mkdir(parents=True)
    trials = [{"trial": f"t{n}", "kind": "pair", "sentence": f"{name} {n}", "repeats": None} for n in range(SENTENCES)]
    if heard.failed:
        trials += [
            {**each, "trial": f"r{n}", "kind": "repeat", "repeats": f"t{n}"} for n, each in enumerate(trials[:4])
        ]
    trials = [{**each, "a": heard.first, "b": heard.second} for each in trials]
    candidates = {one: sha(run, one) for one in (heard.first, heard.second)}
    folder.key.write_text(json.dumps({"id": name, "trials": trials, "candidates": candidates}), encoding="utf-8")
    protocol = {"id": name, "name": name, "form": "short", "look": look, "seed": 5, "utterance_seed": 1}
    folder.protocol.write_text(json.dumps({**protocol, "checks": {"passed_at_least": 0.6}}), encoding="utf-8")
    for listener in ("anna", "béla"):
        said = [2] * won + [-2] * lost + [0] * same
        answers = [answer(f"t{n}", said[n]) for n in range(rated)]
        if heard.failed:
            answers += [answer(f"r{n}", said[n]) for n in range(4)]
        rating = {"listener": listener, "answers": answers, "checksum": checksum(answers)}
        (folder.ratings / f"{listener}-00000000.json").write_text(json.dumps(rating), encoding="utf-8")


def sha(run: RunFolder, name: str) -> str:
    """What the candidate's samples say they were spoken with."""
    folder = run.candidate(name)
    folder.utterances.mkdir(parents=True, exist_ok=True)
    folder.utterances_json.write_text(json.dumps({"model_sha": name, "utterances": []}), encoding="utf-8")
    return name


def answer(trial: str, preference: int) -> dict[str, Any]:
    marks = {"a": {"overall": 7.0}, "b": {"overall": 8.0}}
    more = {"faults": {"a": [], "b": []}, "note": "", "seconds": 9}
    return {"trial": trial, "preference": preference, "marks": marks, **more}


@dataclass(frozen=True)
class Told:
    """What one place says: its sentence, and why."""

    headline: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Shown:
    """What all places say of a state. There is no card where nothing can ship."""

    decision: Decision
    page: Page
    places: Mapping[str, Told]
    records: tuple[str, ...]


class Page(HTMLParser):
    """The report's headline, its reasons and its table of candidates, as they are shown."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: dict[str, list[str]] = {"h1": [], "li": []}
        self.rows: dict[str, list[str]] = {}
        self.conditions: list[str] = []
        self._open, self._words, self._where = "", "", ""
        self._cells: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag == "section":
            self._where = known.get("aria-label") or known.get("aria-labelledby") or ""
        if tag == "ul" and known.get("class") == "conditions":
            self._where = "conditions"
        if tag in ("h1", "h2", "li", "td", "th", "span"):
            self._open, self._words = (tag, "") if tag != "span" else (self._open, self._words + " ")
        if tag == "tr":
            self._cells = []

    def handle_data(self, data: str) -> None:
        self._words += data

    def handle_endtag(self, tag: str) -> None:
        words = " ".join(self._words.split())
        if tag == self._open == "h1":
            self.texts["h1"].append(words)
        elif tag == self._open == "h2" and self._where.startswith("Why"):
            self._where = f"Why {words}"
        elif tag == self._open == "li":
            if self._where == "Why Why":
                self.texts["li"].append(words)
            elif self._where == "conditions":
                self.conditions.append(words)
        elif tag == self._open and tag in ("td", "th"):
            self._cells.append(words)
        elif tag == "tr" and self._where == "candidates" and len(self._cells) > 3:
            self.rows[self._cells[0].split()[0]] = self._cells
        if tag in ("h1", "h2", "li", "td", "th"):
            self._open, self._words = "", ""


def shown(declaration: Declaration, run: RunFolder) -> Shown:
    """What report, monitor, terminal, card and records say: read from what each really shows."""
    decision = decide(declaration, run)
    page = Page(render(collect_report(declaration, run)))
    told = read_json(run.decision, dict, "damaged", "")
    places = {
        "report": Told(page.texts["h1"][0], tuple(page.texts["li"])),
        "terminal": _terminal(declaration, told),
        "monitor": _monitor(run),
    }
    named = decision.ship or decision.meanwhile
    if named is not None:
        places["card"] = _card(declaration, run, decision, named)
    infos = [info for name in declaration.phases if (info := read_model_info(run.candidate(name))) is not None]
    return Shown(decision, page, places, tuple(record_text(info, declaration, told) for info in infos))


def _terminal(declaration: Declaration, told: Mapping[str, Any]) -> Told:
    console = Console(file=io.StringIO(), width=200)
    say_decision(Work(declaration, (), "cpu", console, "again"), told, read_verdict(told))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    first = next(n for n, line in enumerate(lines) if line.startswith("└")) + 1
    reasons = [line.strip() for line in lines[first + 1 :] if line.startswith("  ") and not line.startswith("    ")]
    after = ("How sure?", "Your decision matrix says:", "Training another")
    ends = [n for n, line in enumerate(reasons) if line.startswith(after)]
    return Told(lines[first], tuple(reasons[: min(ends, default=len(reasons))]))


def _monitor(run: RunFolder) -> Told:
    look = RunWatch(run.root).look()
    sent = look.to_json()["decision"]
    lines = plain_lines(look)
    assert f"  {sent['headline']}" in lines
    reasons = tuple(line.removeprefix("  - ") for line in lines if line.startswith("  - "))
    assert reasons == (*sent["reasons"], *([f"How sure? {sent['sure']}"] if sent["sure"] else []))
    return Told(sent["headline"], tuple(sent["reasons"]))


def _card(declaration: Declaration, run: RunFolder, decision: Decision, name: str) -> Told:
    spoken = UtterancePlan(name, BaseFiles(run.root), None, "x", "hifigan", (), None, {}, (), "f", {})
    whose = WhoseVoice(None, 1, False)
    plan = ShipPlan(declaration, run, name, "voice", run.shipped, spoken, whose, {}, decision, (), "f")
    record = Shipped("voice", name, "x", "en", "hifigan", {}, "full", "as set", (), (), "today", {}, "f", {})
    why = card_text(plan, record).split("## Why this one")[1].split("### Listening")[0].splitlines()
    (headline,) = (line.strip("*") for line in why if line.startswith("**"))
    return Told(unescaped(headline), tuple(unescaped(line[2:]) for line in why if line.startswith("* ")))


def unescaped(markdown: str) -> str:
    """Text that `escaped` made Markdown of."""
    text = markdown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("\\", "")
    assert escaped(text) == markdown
    return text


def main() -> None:
    """Print the table."""
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    print("| state | report = monitor = terminal = card | ships | clean | lowest mel_ce |\n|---|---|---|---|---|")
    for state in STATES:
        with tempfile.TemporaryDirectory() as folder:
            found = shown(*build(state, Path(folder)))
        said = {each.headline for each in found.places.values()}
        assert len(said) == 1, state.name
        says = found.decision.says
        clean = "not checked" if says.clean is None else f"{says.clean} of {says.spoken}"
        ships = says.ship or (f"({says.meanwhile})" if says.meanwhile else "-")
        known = {each.name: each.mel_ce for each in found.decision.candidates if each.mel_ce is not None}
        least = ", ".join(name for name, mel_ce in known.items() if mel_ce == min(known.values()))
        print(f"| {state.name} | {said.pop()} | {ships} | {clean} | {least or '-'} |")


if __name__ == "__main__":
    main()

"""RECORD.md: the form of each scenario, levels and marks that change later, and texts that would be markup."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from tests.pipeline.project import Project
from xtts_finetune.errors import UserError, WorkFailed
from xtts_finetune.pipeline.phase.closing import close_or_fail
from xtts_finetune.pipeline.phase.record import update_records
from xtts_finetune.records.atomic import write_json_atomic
from xtts_finetune.records.candidates.closing import read_model_info
from xtts_finetune.records.job import Job
from xtts_finetune.records.metrics import EvalRecord, MetricsWriter
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.training.closing import close_phase

HOSTILE = (
    "<script>alert(1)</script> | a | *b* _c_ __d__ `e` ![x](http://evil/x.png) [y](javascript:z) $x$ ~~f~~ "
    "&lt; <img src=x onerror=y>\n\n# heading\n\n- item\n\u202ereversed\u0007"
)


def record_of(project: Project, phase: str = "phase1") -> str:
    return project.run_folder.candidate(phase).record.read_text(encoding="utf-8")


def with_levels(project: Project) -> None:
    phase = project.folder / "phases/phase1.yaml"
    levels = "success:\n  minimum: {mel_ce: 3.5}\n  target: {mel_ce: 2.5, quality: 9.0}\n"
    phase.write_text(phase.read_text(encoding="utf-8") + levels, encoding="utf-8")


SCENARIOS = [
    ("is done", None, "success: reached minimum", "minimum"),
    (
        "gets a little better",
        None,
        "marginal: better than its start, but no goal is reached",
        "none",
    ),
    ("gets worse", None, "none: no better than its start", "none"),
    ("trains nothing", None, "none: no better than its start", "none"),
    ("is NaN from the start", WorkFailed, "none: stopped by: NaN or infinite loss", "none"),
    ("finds a damaged clip", UserError, "none: no better than its start", "none"),
    ("disk full", WorkFailed, "none: stopped by: disk full", "none"),
]


def test_the_record_says_what_was_trained(project: Project) -> None:
    project.run(wanted=["phase1"])
    assert "| Trained | all |" in record_of(project)
    project.run("phase1.train={lora: {rank: 4}}", wanted=["phase1"])
    assert "| Trained | LoRA of rank 4 on attention and mlp |" in record_of(project)


@pytest.mark.parametrize(("told", "error", "scenario", "level"), SCENARIOS, ids=[case[0] for case in SCENARIOS])
def test_the_record_of_each_scenario(
    project: Project, told: str, error: type[Exception] | None, scenario: str, level: str
) -> None:
    with_levels(project)
    project.tell(phase1=told)
    if error is None:
        project.run(wanted=["phase1"])
    else:
        with pytest.raises(error):
            project.run(wanted=["phase1"])
    text = record_of(project)
    assert f"| Scenario | {scenario} |" in text
    assert f"Reached: {level}." in text
    assert "| target | mel\\_ce below 2.5 |" in text or "| target | mel_ce below 2.5 |" in text
    assert "| not heard yet | not heard yet | not heard yet | not heard yet |" in text
    assert "## What to try" in text
    for wish in ("More data", "Augmentation", "temperature=0.65", "repetition_penalty=7", "Accept"):
        assert wish in text
    assert "Traceback" not in text
    info = read_model_info(project.run_folder.candidate("phase1"))
    assert info is not None
    assert (info["scenario"], info["level"] or "none") == (scenario.split(":")[0], level)
    assert info["status"] == ("failed" if error else "done")


def test_all_of_the_form_is_filled_in(finished: Project) -> None:
    text = record_of(finished)
    for filled in (
        "| Start | 20",
        "| End | 20",
        "| Duration | 0.2 s of work |",
        "| mel_ce | 4.000 | 3.000 | 3.000 | 25.0 % lower |",
        "| text_ce | 0.0300 | 0.0300 | 0.0300 | none |",
        "best (step 1000)",
        "Reason: all steps done: all 1000 steps are done",
        "Goal: Learn the voice",
    ):
        assert filled in text


def test_a_declined_level_explains_itself_and_a_reached_one_asks_for_nothing(project: Project) -> None:
    phase = project.folder / "phases/phase1.yaml"
    before = phase.read_text(encoding="utf-8")
    phase.write_text(before + "success:\n  minimum: {mel_ce: 3.5}\n", encoding="utf-8")
    project.run(wanted=["phase1"])
    assert "| minimum | mel_ce below 3.5 | 3.000 | met |" in record_of(project)
    assert "## What to try" not in record_of(project)


def test_levels_that_change_after_the_phase_are_judged_anew_without_training(finished: Project) -> None:
    assert "The config sets no `success` for this phase." in record_of(finished)
    with_levels(finished)
    declaration = finished.declaration()
    assert finished.states()["phase1"] == "up to date"
    update_records(declaration, finished.run_folder)
    folder = finished.run_folder.candidate("phase1")
    info = read_model_info(folder)
    assert info is not None
    assert (info["level"], info["scenario"]) == ("minimum", "success")
    assert "success: reached minimum" in folder.stopping_reason.read_text(encoding="utf-8")
    assert "| target | mel_ce below 2.5 | 3.000 | not met |" in record_of(finished)
    assert finished.states()["phase2"] == "up to date"


def test_a_mark_given_later_fills_the_form_and_decides_the_level(finished: Project) -> None:
    phase = finished.folder / "phases/phase1.yaml"
    levels = "success:\n  target: {mel_ce: 3.5, quality: 9.0}\n"
    phase.write_text(phase.read_text(encoding="utf-8") + levels, encoding="utf-8")
    update_records(finished.declaration(), finished.run_folder)
    assert "target (by its numbers; not heard yet)" in record_of(finished)
    update_records(finished.declaration("decision.quality.phase1=9.2"), finished.run_folder)
    text = record_of(finished)
    assert "| target | score of at least 9 out of 10 | 9.2 | met |" in text
    assert "| not scored | not scored | not scored | 9.2 |" in text
    assert "success: reached target |" in text
    update_records(finished.declaration("decision.quality.phase1=8"), finished.run_folder)
    assert "Reached: none" in record_of(finished)


def test_the_decision_is_named_once_it_was_made_for_this_very_model(finished: Project) -> None:
    update_records(finished.declaration(), finished.run_folder)
    file = finished.run_folder.decision
    decision = json.loads(file.read_text(encoding="utf-8"))
    assert f"**{decision['says']['headline']}**" in record_of(finished)
    for candidate in decision["candidates"]:
        candidate["mel_ce"] = 1.0
    write_json_atomic(file, decision)
    update_records(finished.declaration(), finished.run_folder)
    assert "Not decided yet." in record_of(finished)
    file.write_text("[", encoding="utf-8")
    update_records(finished.declaration(), finished.run_folder)
    assert "Not decided yet." in record_of(finished)


def test_nothing_is_written_where_nothing_changed(finished: Project) -> None:
    declaration, folder = finished.declaration(), finished.run_folder.candidate("phase1")
    update_records(declaration, finished.run_folder)
    files = [folder.record, folder.model_info, folder.stopping_reason]
    before = [file.stat().st_mtime_ns for file in files]
    update_records(declaration, finished.run_folder)
    assert [file.stat().st_mtime_ns for file in files] == before
    finished.run()
    assert finished.run().strip().startswith("Everything is up to date; nothing was run.")


def test_the_record_of_an_older_version_is_left_alone(finished: Project) -> None:
    folder = finished.run_folder.candidate("phase1")
    (folder.record).unlink()
    write_json_atomic(folder.model_info, {"candidate": "phase1", "status": "done", "level": None})
    update_records(finished.declaration(), finished.run_folder)
    assert not (folder.record).exists()


def test_a_phase_is_closed_with_the_same_facts_whoever_saw_its_end(finished: Project) -> None:
    folder, run = finished.run_folder.candidate("phase1"), finished.run_folder
    by_its_child = read_model_info(folder)
    assert by_its_child is not None
    job = Job.read(run.job_file("phase1"))
    folder.model_info.unlink()
    close_or_fail(finished.work(), job, Stop(Reason.ALL_STEPS_DONE, by_its_child["reason"]["message"]))
    by_the_command = read_model_info(folder)
    assert by_the_command == {**by_its_child, "ended": by_the_command["ended"] if by_the_command else None}


def hostile(declaration: Declaration) -> Declaration:
    """The same declaration with texts that try to be markup."""
    phase = declaration.phases["phase1"].model_copy(update={"goal": HOSTILE})
    pipeline = declaration.pipeline.model_copy(update={"name": HOSTILE})
    return Declaration(
        file=declaration.folder / "*p*.yaml",
        pipeline=pipeline,
        phases={**declaration.phases, "phase1": phase},
        utterances=declaration.utterances,
        decision=declaration.decision,
        run_folder=declaration.run_folder,
    )


def test_texts_of_users_never_become_markup(finished: Project) -> None:
    declaration = hostile(finished.declaration())
    folder = finished.run_folder.candidate("phase1")
    folder.metrics.unlink()
    with MetricsWriter(folder.metrics) as metrics:
        metrics.write(EvalRecord(0, 4.0, 0.03, 3.0, 1.0, 9, 9, 0.1))
    stop = Stop(Reason.UNREADABLE, HOSTILE, {"a|b": 1.0})
    job = replace(
        finished.work().job(finished.run_folder.job_events("phase1")),
        phase="phase1",
        started=HOSTILE,
        commands={"again": HOSTILE, "go_on": HOSTILE},
    )
    close_phase(declaration, job, stop)
    update_records(declaration, finished.run_folder)
    text = record_of(finished)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202a-\u202e]", text)
    page = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text)
    tags = {tag.lower() for tag in re.findall(r"</?([a-zA-Z][\w]*)", page)}
    assert tags <= {
        "h1",
        "h2",
        "p",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "ul",
        "ol",
        "li",
        "strong",
        "code",
    }
    assert page.count("<h1>") == 1
    assert "&lt;script&gt;alert(1)&lt;/script&gt; | a | *b* _c_ __d__ `e`" in page
    assert "&amp;lt;" in page
    rows = [line for line in text.splitlines() if line.startswith("| ") and "Start" in line]
    assert len(re.findall(r"(?<!\\)\|", rows[0])) == 3
    plain = folder.stopping_reason.read_text(encoding="utf-8")
    assert plain.splitlines()[0].startswith("phase1 stopped at step 0 of 1000: <script>")

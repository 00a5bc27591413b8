"""Every order of run, listen, ratings, decide, extend and ship: each printed next command works as it is printed."""

from __future__ import annotations

import functools
import io
import json
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from tests.evaluation.listening.made_ratings import as_bytes, rate
from tests.pipeline.project import Project, fake_child, make_project
from xtts_finetune.cli import exits, run_pipeline
from xtts_finetune.cli import main as program
from xtts_finetune.evaluation.decision import decide
from xtts_finetune.evaluation.decision.inputs import votes_now
from xtts_finetune.evaluation.listening import taking
from xtts_finetune.look import loopback
from xtts_finetune.look.commands import NAMED
from xtts_finetune.pipeline.children import running
from xtts_finetune.records.heard.listening_files import ListeningTest, checksum, read_tests

SENTENCES = 12
# What listeners may say: the first of a pair is better, neither; only half of that; or all without listening.
ANSWERS = ("first", "neither", "half", "careless")


def ratings_of(test: ListeningTest, answers: str, session: int) -> bytes:
    """A listener who passes the checks, unless careless."""
    many = len(test.counted) // 2 if answers == "half" else None
    rating = rate(test, many, form=test.form, session=f"{session:016x}", listener=f"Anna {session}")
    first = test.pairs[0][0]
    for answer in rating["answers"]:
        key = test.trials[answer["trial"]]
        good = {"pair": 2 if key.b == first else -2, "repeat": 0}.get(key.kind, 0)
        if key.kind == "repeat":
            good = 2 if key.b == first else -2
        checked = 2 if key.a == "anchor" else -2 if key.b == "anchor" else 0
        preference = good if key.kind in ("pair", "repeat") and answers == "first" else 0
        if key.kind not in ("pair", "repeat"):
            preference = -checked if answers == "careless" else checked
        answer["preference"] = preference
    rating["checksum"] = checksum(rating["answers"])
    return as_bytes(rating)


class Shell:
    """Runs command lines of the program in this process, with fake children and a listener who answers at once."""

    def __init__(self, project: Project, patch: pytest.MonkeyPatch) -> None:
        self.project, self._patch, self.answers, self.sessions = project, patch, "first", 0
        real = running.Work
        patch.chdir(project.folder)
        patch.setenv(NAMED, "[]")
        for entry in (program, run_pipeline):
            patch.setattr(entry, "build_app", functools.lru_cache(entry.build_app))
        patch.setattr(running, "Work", lambda *given, **more: real(*given, **{**more, "child_command": fake_child}))
        patch.setattr(taking, "make_app", lambda test, port, taken: (test, taken))
        patch.setattr(loopback, "serve", self._serve)

    def _serve(self, app: tuple[ListeningTest, Callable[[taking.Taken], None]], listener: object) -> None:
        test, taken = app
        self.sessions += 1
        taken(taking.take(ratings_of(test, self.answers, self.sessions), [test], partial=True))

    def run(self, line: str) -> tuple[int, str]:
        """The exit code, and what was printed on both streams."""
        words = shlex.split(line)
        words += ["--port", "0"] if "--serve" in words else []
        out = io.StringIO()
        self._patch.setattr(sys, "argv", words)
        self._patch.setattr("xtts_finetune.cli.terminal.console", lambda: Console(file=out, width=120))
        self._patch.setattr(exits, "complain", lambda message: print(message, file=out))
        with pytest.raises(SystemExit) as ended:
            (run_pipeline if words[0] == "run_pipeline" else program).main()
        return int(str(ended.value.code)), out.getvalue()


def printed_commands(text: str) -> list[str]:
    """The commands under 'next:' and 'or:'."""
    return [after.strip() for line, after in pairwise(text.splitlines()) if line.startswith(("next: ", "or: "))]


def state_of(project: Project) -> tuple[Any, ...]:
    """What a next step may depend on, without names and times."""
    run, declaration = project.run_folder, project.declaration()
    decision = decide(declaration, run)
    tests = [(test.name, tuple(test.candidates), bool(test.folder.rating_files())) for test in read_tests(run)]
    recorded = json.loads(run.decision.read_text(encoding="utf-8"))
    stale = recorded["inputs"].get("votes") != votes_now(run)
    ships, shipped = decision.ship or decision.meanwhile, run.shipped / "trial" / "shipped.json"
    as_shipped = shipped.is_file() and json.loads(shipped.read_text(encoding="utf-8"))["candidate"] == ships
    return tuple(tests), decision.status, ships, stale, as_shipped


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that was run through by its printed next commands, with enough sentences for two looks."""
    project = make_project(tmp_path_factory.mktemp("every order") / "a voice")
    file = project.folder / "eval" / "utterances.yaml"
    spoken = yaml.safe_load(file.read_text(encoding="utf-8"))
    said = [{"id": f"s{number}", "text": f"Say {number} words."} for number in range(SENTENCES)]
    spoken |= {"sentences": said, "seeds": [1]}
    file.write_text(yaml.safe_dump(spoken), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        shell = Shell(project, patch)
        _, text = shell.run("xtts-finetune prepare")
        assert printed_commands(text) == ["run_pipeline"]
        _, text = shell.run("run_pipeline phase1")
        assert "next: train phase2\n  run_pipeline\n" in text
        _, text = shell.run("run_pipeline")
        assert printed_commands(text) == ["xtts-finetune listen", "xtts-finetune ship"]
    return project


@pytest.fixture
def shell(heard: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Shell]:
    whole = tmp_path / "whole"
    shutil.copytree(heard.run_folder.root, whole)
    yield Shell(heard, monkeypatch)
    restore(heard, whole)


def restore(project: Project, whole: Path) -> None:
    """The run's folder as it was; copies keep the times that fingerprints are made of."""
    shutil.rmtree(project.run_folder.root)
    shutil.copytree(whole, project.run_folder.root)


def test_every_printed_next_command_works_in_every_state_that_can_be_reached(shell: Shell, tmp_path: Path) -> None:
    """Breadth first: from each new state all printed commands and some others, each from a copy of the state."""
    project = shell.project
    waiting = [(tmp_path / "whole", shell.run("xtts-finetune report")[1], 0)]
    seen, shipped = {state_of(project)}, set()
    while waiting:
        copy, text, depth = waiting.pop(0)
        restore(project, copy)
        state = state_of(project)
        printed = printed_commands(text)
        assert printed, text
        others = {"xtts-finetune decide", "xtts-finetune ship", "xtts-finetune listen"} - set(printed)
        for command in [*printed, *sorted(others if depth < 2 else ())]:
            # What was shipped by a fake child cannot speak; and whoever ships, it takes a process.
            if " say " in command or (command == "xtts-finetune ship" and state[1:3] in shipped):
                continue
            for answers in ANSWERS[: 4 if depth < 2 else 2] if "--serve" in command else ANSWERS[:1]:
                restore(project, copy)
                shell.answers, shell.sessions = answers, 10 * depth
                code, said = shell.run(command)
                assert code == 0, f"{command}\n{said}\n{'printed' if command in printed else 'not printed'} by\n{text}"
                if command == "xtts-finetune ship":
                    shipped.add(state[1:3])
                if state_of(project) not in seen:
                    seen.add(state_of(project))
                    waiting.append((tmp_path / f"state {len(seen)}", said, depth + 1))
                    shutil.copytree(project.run_folder.root, waiting[-1][0])
    assert {state[1] for state in seen} == {"provisional", "undecided", "decided"}
    assert {status for status, _ in shipped} >= {"provisional", "undecided", "decided"}


def test_an_older_shipped_model_and_what_is_out_of_date_come_before_hearing_it(shell: Shell) -> None:
    run = shell.project.run_folder
    assert "next: say" not in shell.run("xtts-finetune ship")[1]
    record = run.shipped / "trial" / "shipped.json"
    shipped = json.loads(record.read_text(encoding="utf-8"))
    assert "again" not in shell.run("xtts-finetune report")[1]
    record.write_text(json.dumps({**shipped, "model_sha": "an older one"}), encoding="utf-8")
    text = shell.run("xtts-finetune report")[1]
    assert f"next: ship {shipped['candidate']} again: it was trained further since\n  xtts-finetune ship\n" in text
    text = shell.run("xtts-finetune report --set utterances.inference.temperature=0.31")[1]
    assert "speak again: the samples are out of date\n  run_pipeline " in text
    text = shell.run("xtts-finetune report --set phase1.learning_rate=0.00031")[1]
    assert "next: run again what is out of date: phase1" in text


def test_a_further_look_is_rated_before_it_is_decided_on(shell: Shell) -> None:
    shell.run("xtts-finetune listen base phase1")
    shell.answers = "neither"
    shell.run("xtts-finetune listen base phase1 --serve")
    shell.run("xtts-finetune decide")
    text = shell.run("xtts-finetune listen --extend base phase1")[1]
    rate_it = "next: rate test-1-look-2, at this computer\n  xtts-finetune listen base phase1 --serve\n"
    assert rate_it in text and rate_it in shell.run("xtts-finetune decide")[1]
    assert "next: rate" not in shell.run("xtts-finetune listen base phase1 --serve")[1]
    # All that there is was heard: how to get more is said before and after the voice is shipped.
    for command in ("decide", "ship", "report"):
        assert "or: to listen to more, add sentences in " in shell.run(f"xtts-finetune {command}")[1], command


def test_the_records_of_a_phase_name_what_comes_after_it(shell: Shell) -> None:
    work = shell.project.work()
    shutil.rmtree(work.run.candidate("phase2").path)
    assert running.next_commands(work, "phase1")["go_on"].startswith("run_pipeline")
    assert running.next_commands(work, "phase2")["go_on"].startswith("xtts-finetune listen")

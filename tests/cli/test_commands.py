"""The commands as a user runs them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipeline.project import make_project
from tests.spec.wrong_declarations import RIGHT, WRONG, write_files

ROOT = Path(__file__).parents[2]
PROBE = Path(__file__).with_name("probe.py")


def command(*words: str, cwd: Path, probe: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a command of the package; with `probe`, its last line lists the heavy modules that it imported."""
    program, *arguments = words
    module = "xtts_finetune.cli." + ("run_pipeline" if program == "run_pipeline" else "main")
    start = [str(PROBE), *words] if probe else ["-m", module, *arguments]
    environment = {**os.environ, "NO_COLOR": "1", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    return subprocess.run(
        [sys.executable, *start], cwd=cwd, capture_output=True, encoding="utf-8", env=environment, check=False
    )


def imported(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize(
    "words",
    [
        ("run_pipeline", "--help"),
        ("xtts-finetune", "--help"),
        ("xtts-finetune", "--version"),
        ("xtts-finetune", "run", "--help"),
        ("xtts-finetune", "prepare", "-h"),
        ("xtts-finetune", "samples", "-h"),
        ("xtts-finetune", "decide", "-h"),
        ("xtts-finetune", "report", "-h"),
        ("xtts-finetune", "monitor", "-h"),
        ("xtts-finetune", "diagnose", "-h"),
        ("xtts-finetune", "schema", "-h"),
    ],
)
def test_help_answers_without_torch(words: tuple[str, ...], tmp_path: Path) -> None:
    done = command(*words, cwd=tmp_path, probe=True)
    assert done.returncode == 0, done.stderr
    assert imported(done) == "HEAVY []"
    assert not list(tmp_path.iterdir())


def test_the_plan_is_a_table_and_starts_nothing(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    lora = ("--set", "phase2.train={lora: {targets: [mlp]}}")
    done = command("run_pipeline", "--plan", *lora, cwd=project.folder, probe=True)
    assert done.returncode == 0, done.stderr
    assert imported(done) == "HEAVY []"
    for word in ("phase1 samples", "to run", "after the data", "1 000", "9 of 9 stages would run"):
        assert word in done.stdout
    assert "phase2 trains LoRA of rank 8 on mlp.\n" in done.stdout
    assert "phase1 trains" not in done.stdout
    assert "\033[" not in done.stdout
    assert not (project.folder / "run").exists()


def test_both_commands_plan_the_same(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    plans = [
        command(*words, "--plan", "-f", str(project.file), "--lr", "2e-6", cwd=tmp_path).stdout
        for words in (("run_pipeline", "phase1"), ("xtts-finetune", "run", "phase1"))
    ]
    first, second = (re.sub(r"[\d.]+ [kMGT]?B free", "free", plan) for plan in plans)  # others use the disk, too
    assert first == second
    assert "phase2" not in first


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run_pipeline", "-f", "nope.yaml"), "nope.yaml: there is no such file"),
        (("run_pipeline", "-f", "voices/ann a"), "no such file; run this first:\n  xtts-finetune init 'voices/ann a'"),
        (("xtts-finetune", "decide", "-f", "voices/anna"), "run this first:\n  xtts-finetune init voices/anna"),
        (("run_pipeline", "phas1"), "unknown phase 'phas1'; did you mean 'phase1'?"),
        (("run_pipeline", "phas1", "--lr", "1e-6"), "unknown phase 'phas1'; did you mean 'phase1'?"),
        (
            ("run_pipeline", "phase2"),
            "phase2 starts from phase1, which is not complete; run this first:\n  run_pipeline phase1\n",
        ),
        (("run_pipeline", "--lr", "fast"), "learning_rate: expected a positive number but got 'fast'"),
        (("run_pipeline", "--epochs", "0"), "epochs"),
        (("run_pipeline", "--resume-checkpoint", "gone.pth", "phase1"), "gone.pth"),
        (("run_pipeline", "--demo", "-f", "pipeline.yaml"), "-f and --demo name two configs"),
        (("run_pipeline", "--set", "base=xtts_v2"), "run_pipeline --demo"),
        (("run_pipeline", "--plan", "--set", "base=xtts_v2"), "run_pipeline --demo"),
        (("run_pipeline", "--no-such-option"), "--no-such-option"),
        (("run_pipeline", "--device", "tpu"), "'tpu' is not one of"),
        (("xtts-finetune", "decide"), "nothing was run yet"),
        (("xtts-finetune", "report"), "nothing was run yet"),
        (("xtts-finetune", "samples"), "which are not prepared; run this first:\n  xtts-finetune prepare\n"),
        (("xtts-finetune", "prepare", "-f", "nope.yaml"), "nope.yaml: there is no such file"),
        (("xtts-finetune", "fly"), "fly"),
    ],
)
def test_wrong_input_is_said_and_nothing_is_started(
    words: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTS_HOME", str(tmp_path / "no bases here"))
    project = make_project(tmp_path)
    done = command(*words, cwd=project.folder, probe=True)
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert imported(done) == "HEAVY []"
    assert not (project.folder / "run").exists()


def test_every_wrong_declaration_through_the_command(tmp_path: Path) -> None:
    lines = []
    for number, wrong in enumerate(WRONG):
        file = write_files(wrong.files, tmp_path / str(number))
        settings = [word for setting in wrong.overrides for word in ("--set", setting)]
        lines.append(json.dumps(["-f", str(file), *settings]))
    done = subprocess.run(
        [sys.executable, str(PROBE)],
        input="\n".join(lines),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(WRONG)
    for number, (wrong, (code, errors, output, torch)) in enumerate(zip(WRONG, answers, strict=True)):
        assert (code, output, torch) == (2, "", False), (wrong.name, errors)
        assert "Traceback" not in errors, wrong.name
        for expected in wrong.expected:
            assert expected in errors, wrong.name
        assert not (tmp_path / str(number) / "run").exists(), wrong.name


def test_wrong_declarations_as_a_process_of_their_own(tmp_path: Path) -> None:
    for wrong in WRONG[:3]:
        file = write_files(wrong.files, tmp_path / wrong.name)
        done = command("run_pipeline", "-f", str(file), cwd=tmp_path, probe=True)
        assert done.returncode == 2
        assert wrong.expected[0] in done.stderr
        assert "nothing was started." in done.stderr
        assert imported(done) == "HEAVY []"


def test_letters_that_a_pipe_lacks_are_printed_all_the_same(tmp_path: Path) -> None:
    """A pipe's encoding may be ASCII or a code page: what is printed is UTF-8."""
    goal = "goal: Szép magyar hang, őű\n"
    files = {**RIGHT, "phases/phase1.yaml": (goal + "learning_rate: szép\nsteps: 5\n").encode()}
    file = write_files(files, tmp_path)
    done = command("run_pipeline", "-f", str(file), cwd=tmp_path)
    assert done.returncode == 2
    assert "'szép'" in done.stderr


def test_a_reader_that_leaves_early_gets_no_traceback(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-m", "xtts_finetune.cli.run_pipeline", "--plan"],
        cwd=project.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    errors = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(60) in (0, 1)
    assert "Traceback" not in errors and "BrokenPipe" not in errors


def test_the_demo_runs_in_the_current_folder(tmp_path: Path, demo_folder: Path) -> None:
    done = command("run_pipeline", "--demo", "--plan", cwd=tmp_path, probe=True)
    assert done.returncode == 0, done.stderr
    assert "phase2" in done.stdout
    assert imported(done) == "HEAVY []"
    assert not list(tmp_path.iterdir())

"""The verb `listen` as a user types it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_commands import command, imported
from tests.pipeline.project import make_project


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nothing was run yet"),
        (("--import",), "--import: name the files that listeners sent"),
        (("--import", "a.json", "--extend"), "--import takes files in and nothing else"),
        (("--import", "a.json", "--form", "short"), "--import takes files in and nothing else"),
        (("--partial",), "--partial belongs to --import"),
        (("--import", "a.json"), "there is no listening test to rate"),
        (("--sentences", "0"), "--sentences"),
        (("--form", "long"), "'long' is not one of"),
    ],
)
def test_wrong_input_is_said_before_anything_heavy_is_imported(
    words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    project = make_project(tmp_path)
    done = command("xtts-finetune", "listen", *words, cwd=project.folder, probe=True)
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr and "Traceback" not in done.stderr
    assert imported(done) == "HEAVY []"
    assert not (project.folder / "run").exists()


def test_help_names_what_there_is(tmp_path: Path) -> None:
    done = command("xtts-finetune", "listen", "--help", cwd=tmp_path, probe=True)
    assert done.returncode == 0 and imported(done) == "HEAVY []"
    for option in (
        "--form",
        "--extend",
        "--import",
        "--serve",
        "--seed",
        "--sentences",
        "--candidates",
        "--demo",
    ):
        assert option in done.stdout

"""`xtts-finetune prepare` as a user runs it on data with something to mend."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.cli.test_commands import command
from xtts_finetune.records.clips import read_clips, read_dropped
from xtts_finetune.records.run_folder import RunFolder


def test_strict_fails_on_what_there_is_to_mend_and_the_run_can_be_used_even_so(tmp_path: Path, demo_folder: Path):
    project = tmp_path / "első próba"
    shutil.copytree(demo_folder, project, ignore=shutil.ignore_patterns("build", "run"))
    metadata = project / "data" / "set_a" / "metadata.csv"
    lines = metadata.read_text(encoding="utf-8").splitlines()
    lines[0] = lines[0].split("|")[0] + "|No."
    metadata.write_text("\n".join([*lines, "gone|There is no sound."]) + "\n", encoding="utf-8")
    words = ("xtts-finetune", "prepare", "--device", "cpu")
    strict = command(*words, "--strict", cwd=project)
    run = RunFolder(project / "run" / "demo")
    assert strict.returncode == 1, strict.stdout + strict.stderr
    assert strict.stderr.strip() == f"--strict: 1 clip left out, 1 clip with warnings; see {run.data_page}"
    assert "audio file is missing (1)" in strict.stdout
    assert "suspicious number of characters a second (1)" in strict.stdout
    assert run.data_page.is_file() and run.data_info.is_file()
    ((place, dropped),) = [(clip.line, clip.id) for clip in read_dropped(run.dropped)]
    assert (place, dropped) == (21, "gone")
    ((odd),) = [clip for clip in read_clips(run.clips) if clip.warnings]
    assert (odd.line, odd.file) == (1, metadata)
    assert command(*words, cwd=project).returncode == 0

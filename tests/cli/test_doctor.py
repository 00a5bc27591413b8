"""`xtts-finetune doctor` as a user runs it."""

from __future__ import annotations

from pathlib import Path

from tests.cli.test_commands import command
from tests.pipeline.project import make_project


def test_the_demo_is_ready_to_run_anywhere(tmp_path: Path) -> None:
    done = command("xtts-finetune", "doctor", "--demo", "--device", "cpu", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert all(line.split()[0] == "ok" for line in lines), done.stdout
    for name in ("python", "libraries", "torch", "base", "device", "phase1", "disk", "memory of phase2"):
        assert any(line[9:].startswith(name) for line in lines)
    assert list(tmp_path.iterdir()) == []


def test_without_a_declaration_the_installation_is_looked_at(tmp_path: Path) -> None:
    done = command("xtts-finetune", "doctor", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "torch 2." in done.stdout
    assert "memory" not in done.stdout


def test_what_is_wrong_is_shown_with_its_cure(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    (project.folder / "base" / "dvae.pth").write_bytes(b"PK\x03\x04spoiled")
    done = command("xtts-finetune", "doctor", "-f", str(project.file), cwd=tmp_path)
    assert done.returncode == 2
    lines = done.stdout.splitlines()
    (number,) = (number for number, line in enumerate(lines) if line.startswith("error"))
    assert "dvae.pth: this file is not whole: it ends after 11 bytes" in lines[number]
    assert "copy or download it again" in lines[number + 1]

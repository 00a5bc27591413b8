"""What a double click does: the right command with the right arguments, the right exit code, a message that stays."""

from __future__ import annotations

import pytest

from tests.launchers.conftest import Checkout

LAUNCHERS = {"TRAIN_PHASE2.bat": "phase2", "demo.bat": "--demo"}


def test_training_checks_first_and_hands_arguments_on(checkout: Checkout) -> None:
    done = checkout.run('TRAIN_PHASE2.bat --plan --set "pipeline.name=two words"')
    assert done.returncode == 0, done.stdout + done.stderr
    assert checkout.called == [
        ["xtts-finetune", "doctor"],
        ["run_pipeline", "phase2", "--plan", "--set", '"pipeline.name=two words"'],
    ]
    assert "Done." in done.stdout


@pytest.mark.parametrize(("launcher", "code"), [("TRAIN_PHASE2.bat", 1), ("TRAIN_PHASE2.bat", 130), ("demo.bat", 2)])
def test_the_commands_exit_code_is_the_launchers(checkout: Checkout, launcher: str, code: int) -> None:
    checkout.ends_with("run_pipeline", code)
    done = checkout.run(launcher)
    assert done.returncode == code
    assert f"Ended with exit code {code}" in done.stdout and "Done." not in done.stdout
    assert checkout.called[-1] == ["run_pipeline", LAUNCHERS[launcher]]


def test_a_breakthrough_takes_batch_and_epochs_from_the_environment(checkout: Checkout) -> None:
    done = checkout.run("set BATCH_SIZE=12&& breakthrough_training.bat phase1 --plan")
    assert done.returncode == 0, done.stdout + done.stderr
    level = ["--optimization-level", "plateau_breaker", "--batch-size", '"12"', "--epochs", '"150"']
    assert checkout.called == [["python", "-m", "xtts_finetune.cli.run_pipeline", *level, "phase1", "--plan"]]


def test_nothing_is_trained_where_a_check_fails(checkout: Checkout) -> None:
    checkout.ends_with("xtts-finetune", 2)
    done = checkout.run("TRAIN_PHASE2.bat")
    assert done.returncode == 2
    assert [call[0] for call in checkout.called] == ["xtts-finetune"]


def test_the_window_waits_for_a_key(checkout: Checkout) -> None:
    done = checkout.run("set NOPAUSE=&& demo.bat")
    assert "Press" in done.stdout or "key" in done.stdout


def test_an_environment_that_is_there_is_installed_into_once(checkout: Checkout) -> None:
    (checkout.folder / ".venv" / "installed").unlink()
    assert checkout.run("demo.bat").returncode == 0
    (_, *version), (_, *asked), (_, *install), (_, *voices), demo = checkout.called
    assert version[0] == "-c"
    assert asked == ["scripts\\torch_for_card.py"]
    options = ["-m", "pip", "--disable-pip-version-check", "--quiet", "install", "-c", "constraints.txt"]
    assert install == [*options, "-e", '".[demo]"']
    assert voices == [*options, "--no-deps", "resemblyzer"]
    assert demo == ["run_pipeline", "--demo"]
    assert (checkout.folder / ".venv" / "installed").is_file()


def test_where_there_is_a_card_torch_for_it_comes_first(checkout: Checkout) -> None:
    (checkout.folder / ".venv" / "installed").unlink()
    checkout.says("python", "https://example.org/whl/cu126")
    done = checkout.run("demo.bat")
    assert done.returncode == 0
    assert "There is an NVIDIA card" in done.stdout
    _, _, (_, *torch), (_, *install), *_ = checkout.called
    assert torch[-5:] == ["--no-deps", "--index-url", "https://example.org/whl/cu126", "torch", "torchaudio"]
    assert install[-1] == '".[demo]"'


def test_a_failed_installation_is_said_and_tried_again(checkout: Checkout) -> None:
    (checkout.folder / ".venv" / "installed").unlink()
    checkout.ends_with("python", 1)
    done = checkout.run("demo.bat")
    assert done.returncode == 2 and "is not 3.11 or 3.12" in done.stdout
    assert not (checkout.folder / ".venv" / "installed").exists()


def test_without_python_the_cure_is_said(checkout: Checkout) -> None:
    (checkout.folder / ".venv" / "installed").unlink()
    (checkout.folder / ".venv" / "Scripts" / "python.exe").unlink()
    done = checkout.run("demo.bat")
    assert done.returncode == 2
    assert 'Install it from python.org with "Add python.exe to PATH"' in done.stdout


def test_a_copy_of_the_launcher_elsewhere_says_so(checkout: Checkout) -> None:
    (checkout.folder / "pyproject.toml").unlink()
    done = checkout.run("demo.bat")
    assert done.returncode == 2 and "is not the one of xtts-finetune" in done.stdout

"""The command that installs an extra can be pasted into any folder."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from xtts_finetune.machine import packages
from xtts_finetune.machine.packages import install_again, install_extra, pip_install, requirements_of_extra, shell_line
from xtts_finetune.xtts.cleaning import install_command

METADATA = """\
Metadata-Version: 2.4
Name: xtts-finetune
Version: 9
Requires-Dist: numpy>=1.26
Requires-Dist: cutlet>=0.5; extra == 'ja'
Requires-Dist: fugashi[unidic-lite]>=1.5; extra == "ja"
Requires-Dist: nothing-for-this>=1; (sys_platform == 'none') and extra == 'ja'
Requires-Dist: pypinyin<1,>=0.55; extra == 'zh'
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "xtts_finetune-9.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(METADATA, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("installed")
def test_it_names_this_python_and_what_the_installed_package_asks_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/my voices/.venv/bin/python")
    line = install_command("ja")
    assert shlex.split(line) == [
        sys.executable,
        "-m",
        "pip",
        "install",
        "cutlet>=0.5",
        "fugashi[unidic-lite]>=1.5",
    ]
    assert shlex.split(install_command("zh-cn"))[-1] == "pypinyin<1,>=0.55"
    assert requirements_of_extra("nothing") == []


def test_an_installation_without_the_extra_names_the_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "xtts_finetune-9.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(METADATA.partition("Requires-Dist")[0], encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert shlex.split(install_command("ja"))[4:] == ["cutlet", "fugashi", "unidic-lite"]
    assert shlex.split(install_command("ko"))[4:] == ["ko-speech-tools"]


def test_on_windows_what_cmd_would_take_for_a_redirection_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(sys, "executable", r"C:\my voices\.venv\python.exe")
    assert pip_install(["a>=1", "b"]) == r'"C:\my voices\.venv\python.exe" -m pip install "a>=1" b'
    assert shell_line(["python", "-m"]) == "python -m"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("in_its_folder", [True, False])
def test_what_is_missing_is_installed_from_wherever_the_package_lies(
    in_its_folder: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a project"
    folder.mkdir()
    monkeypatch.setattr(packages, "FOLDER", folder)
    tested = []
    if in_its_folder:
        for name in ("pyproject.toml", "constraints.txt"):
            (folder / name).touch()
        tested = ["-c", str(folder / "constraints.txt")]
    pip = [sys.executable, "-m", "pip", "install"]
    assert shlex.split(install_extra("zh", "none")) == [*pip, *tested, "pypinyin<1,>=0.55"]
    assert shlex.split(install_extra("nothing", "something")) == [*pip, *tested, "something"]
    again = shlex.split(install_again([Requirement("numpy>=1.26; python_version > '3'")]))
    assert again == [*pip, *tested, "-e", str(folder)] if in_its_folder else [*pip, "numpy>=1.26"]

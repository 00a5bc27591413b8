"""Windows launchers under Wine's `cmd`, with stand-ins for the interpreter and the installed commands."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Writes its name and arguments down, each on a line, and ends with the code that the test has asked for.
STAND_IN = """@echo off
set "NAME=%~n1"
set "HERE=%~dp0"
>>"%HERE%called.txt" echo [%NAME%]
shift
:next
if "%~1"=="" goto done
>>"%HERE%called.txt" echo %1
shift
goto next
:done
if exist "%HERE%%NAME%.says" type "%HERE%%NAME%.says"
if exist "%HERE%%NAME%.code" for /f "usebackq" %%c in ("%HERE%%NAME%.code") do exit %%c
exit 0
"""


@dataclass(frozen=True)
class Checkout:
    """A folder with the launchers, in which commands are stand-ins."""

    folder: Path
    prefix: Path

    def ends_with(self, command: str, code: int) -> None:
        """What a command's exit code shall be."""
        (self.folder / f"{command}.code").write_text(str(code), encoding="ascii")

    def says(self, command: str, text: str) -> None:
        """What a command shall print."""
        (self.folder / f"{command}.says").write_text(f"{text}\r\n", encoding="ascii", newline="")

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a line of the prompt in the folder."""
        # From a file: on the way through a process's arguments its quotes would change.
        typed = self.folder / "typed.bat"
        typed.write_bytes(f"@echo off\r\n{line}\r\n".encode("ascii"))
        environment = {**os.environ, "WINEPREFIX": str(self.prefix), "WINEDEBUG": "-all", "NOPAUSE": "1"}
        command = ["wine", "cmd", "/c", typed.name]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=120,
        )

    @property
    def called(self) -> list[list[str]]:
        """Every command that was called, with its arguments as they arrived."""
        log = self.folder / "called.txt"
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
        calls: list[list[str]] = []
        for line in map(str.strip, lines):
            if line.startswith("["):
                calls.append([line.strip("[]")])
            elif line:
                calls[-1].append(line)
        return calls


@pytest.fixture(scope="session")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Wine of its own, begun once: that takes seconds."""
    if shutil.which("wine") is None:
        pytest.skip("there is no Wine to run batch files with")
    prefix = tmp_path_factory.mktemp("wine")
    environment = {**os.environ, "WINEPREFIX": str(prefix), "WINEDEBUG": "-all"}
    subprocess.run(
        ["wine", "cmd", "/c", "exit"],
        env=environment,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=180,
    )
    return prefix


@pytest.fixture
def checkout(wine: Path, tmp_path: Path) -> Checkout:
    """The launchers in a folder with spaces and accents, as installed."""
    folder = tmp_path / "Új mappa (hang)"
    (folder / ".venv" / "Scripts").mkdir(parents=True)
    for path in ROOT.glob("*.bat"):
        shutil.copyfile(path, folder / path.name)
    shutil.copytree(ROOT / "scripts", folder / "scripts")
    (folder / "pyproject.toml").touch()
    (folder / ".venv" / "installed").touch()
    stand_in = folder / "stand_in.bat"
    stand_in.write_bytes(STAND_IN.replace("\n", "\r\n").encode("ascii"))
    for name in ("run_pipeline", "xtts-finetune", "python"):
        install(folder / ".venv" / "Scripts" / f"{name}.exe", stand_in)
    return Checkout(folder, wine)


def windows(path: Path) -> str:
    """A path as Wine's programs see it."""
    return "Z:" + str(path).replace("/", "\\")


def install(target: Path, script: Path) -> None:
    """A command as pip makes it: its launcher for Windows, which starts the interpreter that is named behind it."""
    import distlib

    launcher = Path(distlib.__file__).parent / "t64.exe"
    shebang = f'#!C:\\windows\\system32\\cmd.exe /c call "{windows(script)}"\r\n'
    # The launcher looks for its archive from the end, by the archive's own offsets.
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("__main__.py", "")
    target.write_bytes(launcher.read_bytes() + shebang.encode("utf-8") + packed.getvalue())

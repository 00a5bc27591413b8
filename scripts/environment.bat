@echo off
rem Finds the environment .venv in the current folder, or makes it. RESULT is then 0 when it is ready, 1 when
rem installing failed, 2 when there is no Python that fits. Called by the launchers at the root of the repository.
set "RESULT=2"
if not exist pyproject.toml (
    echo This folder is not the one of xtts-finetune: there is no pyproject.toml in "%CD%".
    goto :eof
)
set "PY=.venv\Scripts\python.exe"
if exist ".venv\installed" goto ready

if exist "%PY%" goto install
py -3.11 -m venv .venv >nul 2>nul
if exist "%PY%" goto install
python -m venv .venv
if exist "%PY%" goto install
echo Python 3.11 was not found. Install it from python.org with "Add python.exe to PATH", then try again.
goto :eof

:install
"%PY%" -c "import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))"
if errorlevel 1 (
    echo The Python in .venv is not 3.11 or 3.12. Install Python 3.11, delete the folder .venv and try again.
    goto :eof
)
echo Installing into .venv ^(torch and its libraries: a few minutes^) ...
rem The ordinary torch for Windows has no CUDA: where there is an NVIDIA card, the build for it comes first.
set "INDEX="
for /f "usebackq delims=" %%i in (`call "%PY%" scripts\torch_for_card.py`) do set "INDEX=%%i"
if not defined INDEX goto packages
echo There is an NVIDIA card: torch with CUDA comes from %INDEX% ^(3 GB^) ...
"%PY%" -m pip --disable-pip-version-check --quiet install -c constraints.txt --no-deps --index-url %INDEX% torch torchaudio
if errorlevel 1 goto failed

:packages
"%PY%" -m pip --disable-pip-version-check --quiet install -c constraints.txt -e ".[demo]"
if not errorlevel 1 "%PY%" -m pip --disable-pip-version-check --quiet install -c constraints.txt --no-deps resemblyzer
if errorlevel 1 goto failed
type nul >".venv\installed"

:ready
set "RESULT=0"
goto :eof

:failed
echo The installation failed: the lines above say why.
set "RESULT=1"

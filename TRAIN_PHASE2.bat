@echo off
rem Double-click to train phase 2 of pipeline.yaml. The first time, it installs into .venv.
rem From a prompt, further options go to run_pipeline:   TRAIN_PHASE2.bat --plan
rem With NOPAUSE set to anything, the window does not wait for a key at the end.
setlocal EnableExtensions DisableDelayedExpansion
chcp 65001 >nul
set "PYTHONUTF8=1"
cd /d "%~dp0"
if not exist pyproject.toml goto failed

set "PY=.venv\Scripts\python.exe"
if exist ".venv\installed" goto train

if exist "%PY%" goto install
py -3.11 -m venv .venv >nul 2>nul
if exist "%PY%" goto install
python -m venv .venv
if exist "%PY%" goto install
echo Python 3.11 was not found. Install it from python.org with "Add python.exe to PATH", then try again.
set "RESULT=2"
goto end

:install
"%PY%" -c "import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))"
if errorlevel 1 (
    echo The Python in .venv is not 3.11 or 3.12. Install Python 3.11, delete the folder .venv and try again.
    set "RESULT=2"
    goto end
)
echo Installing into .venv ^(torch and its libraries: a few minutes^) ...
"%PY%" -m pip --disable-pip-version-check --quiet install -c constraints.txt -e .
if errorlevel 1 (
    echo The installation failed: the lines above say why.
    goto failed
)
type nul >".venv\installed"

:train
".venv\Scripts\run_pipeline.exe" phase2 %*
set "RESULT=%ERRORLEVEL%"
goto end

:failed
set "RESULT=1"

:end
echo.
if "%RESULT%"=="0" (echo Done.) else (echo Ended with exit code %RESULT%: 1 the work failed, 2 an input is wrong, 130 interrupted.)
if not defined NOPAUSE pause
exit /b %RESULT%

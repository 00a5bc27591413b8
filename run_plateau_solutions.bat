@echo off
rem Race all remedies for a phase that no longer improves (docs\solving.md). The same command continues after a stop.
rem   run_plateau_solutions.bat                         the last phase of pipeline.yaml
rem   run_plateau_solutions.bat phase2 --steps 600      another one; further options go to xtts-finetune solve
rem With NOPAUSE set to anything, the window does not wait for a key at the end.
setlocal EnableExtensions DisableDelayedExpansion
chcp 65001 >nul
set "PYTHONUTF8=1"
cd /d "%~dp0"

set "PY=.venv\Scripts\python.exe"
if exist "%PY%" goto phase
echo There is no .venv: TRAIN_PHASE2.bat installs it.
goto wrong

:phase
set "PHASE="
set "FIRST=%~1"
if not defined FIRST goto last
if not "%FIRST:~0,1%"=="-" goto race

:last
rem Without a phase among the arguments, the last one in pipeline.yaml.
for /f "usebackq delims=" %%p in (`%PY% -m xtts_finetune.cli.last_phase %*`) do set "PHASE=%%p"
if not defined PHASE goto wrong

:race
"%PY%" -m xtts_finetune.cli.main solve %PHASE% %* --race
set "RESULT=%ERRORLEVEL%"
goto end

:wrong
set "RESULT=2"

:end
echo.
if "%RESULT%"=="0" (echo Done.) else (echo Ended with exit code %RESULT%: 1 the work failed, 2 an input is wrong, 130 interrupted.)
if not defined NOPAUSE pause
exit /b %RESULT%

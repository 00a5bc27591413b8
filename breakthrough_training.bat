@echo off
rem Train a phase that no longer improves with the preset plateau_breaker (docs\presets.md).
rem   breakthrough_training.bat                         the last phase of pipeline.yaml
rem   breakthrough_training.bat phase2 --plan           another one; further options go to run_pipeline
rem BATCH_SIZE and EPOCHS are taken from the environment:   set BATCH_SIZE=12
rem With NOPAUSE set to anything, the window does not wait for a key at the end.
setlocal EnableExtensions DisableDelayedExpansion
chcp 65001 >nul
set "PYTHONUTF8=1"
cd /d "%~dp0"
if not defined BATCH_SIZE set "BATCH_SIZE=24"
if not defined EPOCHS set "EPOCHS=150"

call scripts\environment.bat
if not "%RESULT%"=="0" goto end
set "PY=.venv\Scripts\python.exe"

set "PHASE="
set "FIRST=%~1"
if not defined FIRST goto last
if not "%FIRST:~0,1%"=="-" goto train

:last
rem Without a phase among the arguments, the last one in pipeline.yaml.
for /f "usebackq delims=" %%p in (`%PY% -m xtts_finetune.cli.last_phase %*`) do set "PHASE=%%p"
if not defined PHASE goto wrong

:train
"%PY%" -m xtts_finetune.cli.run_pipeline --optimization-level plateau_breaker --batch-size "%BATCH_SIZE%" --epochs "%EPOCHS%" %PHASE% %*
set "RESULT=%ERRORLEVEL%"
goto end

:wrong
set "RESULT=2"

:end
call scripts\end.bat %RESULT%
exit /b %RESULT%

@echo off
rem Double-click to train phase 2 of pipeline.yaml. The first time, it installs into .venv.
rem From a prompt, further options go to run_pipeline:   TRAIN_PHASE2.bat --plan
rem With NOPAUSE set to anything, the window does not wait for a key at the end.
setlocal EnableExtensions DisableDelayedExpansion
chcp 65001 >nul
set "PYTHONUTF8=1"
cd /d "%~dp0"
call scripts\environment.bat
if not "%RESULT%"=="0" goto end

rem Versions, GPU, base, memory and disk: checked now, so that nothing stops the training after minutes.
".venv\Scripts\xtts-finetune.exe" doctor
set "RESULT=%ERRORLEVEL%"
if not "%RESULT%"=="0" goto end
echo.
".venv\Scripts\run_pipeline.exe" phase2 %*
set "RESULT=%ERRORLEVEL%"

:end
call scripts\end.bat %RESULT%
exit /b %RESULT%

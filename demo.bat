@echo off
rem Double-click to see the whole pipeline on a tiny voice that comes with the package; it needs no GPU.
rem The first time, it installs into .venv. Further options go to run_pipeline:   demo.bat --plan
rem With NOPAUSE set to anything, the window does not wait for a key at the end.
setlocal EnableExtensions DisableDelayedExpansion
chcp 65001 >nul
set "PYTHONUTF8=1"
cd /d "%~dp0"
call scripts\environment.bat
if not "%RESULT%"=="0" goto end

".venv\Scripts\run_pipeline.exe" --demo %*
set "RESULT=%ERRORLEVEL%"

:end
call scripts\end.bat %RESULT%
exit /b %RESULT%

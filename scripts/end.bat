@echo off
rem The last lines of a launcher: end.bat RESULT says how it went and keeps a window that was opened by a double
rem click. With NOPAUSE set to anything, it does not wait for a key.
echo.
if "%~1"=="0" (echo Done.) else (echo Ended with exit code %~1: 1 the work failed, 2 an input is wrong, 130 interrupted.)
if not defined NOPAUSE pause

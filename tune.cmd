@echo off
rem The tune command on Windows: finds Java and starts the JVM, as org.tune4j.launcher.Start says. `tune env` prints what
rem was set and why.
setlocal

rem The project's folder; or that of an archive, with this file in its bin.
for %%i in ("%~dp0.") do set "root=%%~fi"
set "target=%root%\distribution\target"
if exist "%root%\pom.xml" goto findjava
if not exist "%root%\..\lib" goto findjava
for %%i in ("%root%\..") do set "root=%%~fi"
set "target=%root%\lib"

:findjava
if defined JAVA_HOME goto given
set "java="
for %%i in (java.exe) do set "java=%%~$PATH:i"
if defined java goto found
echo tune: no java on the PATH and no JAVA_HOME; install a JDK 17 or newer 1>&2
exit /b 1
:given
set "java=%JAVA_HOME%\bin\java.exe"
if exist "%java%" goto found
echo tune: JAVA_HOME is %JAVA_HOME%, which has no bin\java.exe; set it to a JDK 17 or newer 1>&2
exit /b 1
:found
rem The release file answers without starting a JVM.
for %%i in ("%java%\..\..") do set "home=%%~fi"
set "version=unknown"
if exist "%home%\release" for /f "usebackq tokens=1,2 delims==" %%n in ("%home%\release") do if "%%n"=="JAVA_VERSION" set "version=%%~o"
for /f "delims=.-+" %%m in ("%version%") do set "major=%%m"
if %major% geq 17 goto plan
echo tune: %java% is Java %version%; Tune4J needs 17 or newer: set JAVA_HOME 1>&2
exit /b 1

:plan
set "class=org.tune4j.launcher.Start"
if "%target%"=="%root%\lib" goto start
if exist "%target%\classes\org\tune4j\launcher\Start.class" goto start
set "class=%root%\distribution\src\main\java\org\tune4j\launcher\Start.java"
:start
set "plan="
for /f "delims=" %%p in ('call "%java%" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "%target%\classes;%target%\*" "%class%" "%root%" "%version%"') do set "plan=%%p"
if not defined plan exit /b 1

set "command=%~1"
if not defined command set "command=ls"
if "%command:~0,1%"=="-" set "command=ls"
if not exist "%plan%\%command%.args" set "command=run"
set "TUNE_SET="
for /f "usebackq tokens=1* delims==" %%n in ("%plan%\%command%.env") do if not defined %%n call :default %%n "%%o"

rem What is printed is UTF-8.
set "page="
for /f "tokens=2 delims=:." %%c in ('chcp') do set "page=%%c"
chcp 65001 >nul
"%java%" "@%plan%\%command%.args" %TUNE_JAVA_OPTS% org.tune4j.launcher.Launcher %*
set "code=%errorlevel%"
if defined page chcp %page% >nul
exit /b %code%

:default
set "%~1=%~2"
set "TUNE_SET=%TUNE_SET% %~1"
exit /b 0

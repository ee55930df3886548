package org.tune4j.launcher;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code tune.cmd} of an archive, run by Wine's {@code cmd} with a Java that prints what it gets.
 */
@Tag("long") // Wine takes a quarter of a minute to make its folder
@EnabledOnOs(value = OS.LINUX, disabledReason = "Java is a shell script, which Wine runs on Linux")
class TuneCmdTest {
  @TempDir Path temp;

  private static boolean hasWine() {
    return List.of(System.getenv("PATH").split(File.pathSeparator)).stream()
        .anyMatch(folder -> Files.isExecutable(Path.of(folder, "wine")));
  }

  private static String windows(Path path) {
    return "Z:" + path.toString().replace('/', '\\');
  }

  private String tune(String line) throws IOException, InterruptedException {
    Path script = temp.resolve("t.cmd");
    Files.writeString(
        script,
        "@echo off\r\nset \"JAVA_HOME=%s\"\r\ncall \"%s\" %s\r\n"
            .formatted(
                windows(temp.resolve("jdk (x86)")),
                windows(temp.resolve("the project/bin/tune.cmd")),
                line));
    Path out = temp.resolve("out");
    ProcessBuilder wine =
        new ProcessBuilder("wine", "cmd", "/c", windows(script))
            .redirectErrorStream(true)
            .redirectOutput(out.toFile());
    wine.environment().put("WINEPREFIX", temp.resolve("wine").toString());
    wine.environment().put("WINEDEBUG", "-all");
    wine.environment().remove("DISPLAY");
    wine.environment().remove("OMP_WAIT_POLICY");
    wine.environment().put("OPT_OUT_TRACKING", "mine");
    Process p = wine.start();
    p.getOutputStream().close();
    assertTrue(p.waitFor(10, TimeUnit.MINUTES));
    return Files.readString(out).replace("\r", "").replaceAll("(?m)^wine: .*\n", "");
  }

  private void jdk(String version, Path plan) throws IOException {
    Path java = temp.resolve("jdk (x86)/bin/java.exe");
    Files.createDirectories(java.getParent());
    Files.writeString(
        temp.resolve("jdk (x86)/release"),
        "IMPLEMENTOR=\"a\"\nJAVA_VERSION=\"%s\"\n".formatted(version));
    Files.writeString(
        java,
        "#!/bin/sh\n"
            + "case $* in *launcher.Start*)\n"
            + "  for a; do printf '<%%s>\\n' \"$a\"; done >'%s'\n".formatted(temp.resolve("asked"))
            + "  printf '%%s\\n' '%s'; exit ;;\n".formatted(windows(plan))
            + "esac\n"
            + "echo \"$OMP_WAIT_POLICY $OPT_OUT_TRACKING$TUNE_SET\"\n"
            + "for a; do printf '<%s>\\n' \"$a\"; done\n");
    Files.setPosixFilePermissions(java, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  @Test
  void command_isHandedToJavaAsStartSays() throws Exception {
    assumeTrue(hasWine(), "there is no wine");
    Path bin = Files.createDirectories(temp.resolve("the project/bin"));
    Files.createDirectories(temp.resolve("the project/lib"));
    Files.copy(Path.of("../tune.cmd"), bin.resolve("tune.cmd"));
    Path plan = Files.createDirectories(temp.resolve("plan"));
    for (String command : List.of("ls", "run")) {
      Files.writeString(
          plan.resolve(command + ".env"), "OMP_WAIT_POLICY=passive\r\nOPT_OUT_TRACKING=true\r\n");
      Files.writeString(plan.resolve(command + ".args"), "");
    }
    jdk("17.0.15", plan);
    String before = "passive mine OMP_WAIT_POLICY\n<@" + windows(plan);
    assertEquals(
        before
            + "\\run.args>\n<org.tune4j.launcher.Launcher>\n<nonsense>\n<a b>\n<x=['q','k']>\n<~y>\n",
        tune("nonsense \"a b\" \"x=['q','k']\" ~y"));
    assertEquals(before + "\\ls.args>\n<org.tune4j.launcher.Launcher>\n<--help>\n", tune("--help"));
    String lib = windows(temp.resolve("the project/lib"));
    assertEquals(
        "<-XX:TieredStopAtLevel=1>\n<-XX:+UseSerialGC>\n<-cp>\n<%s\\classes;%s\\*>\n"
                .formatted(lib, lib)
            + "<org.tune4j.launcher.Start>\n<%s>\n<17.0.15>\n"
                .formatted(windows(temp.resolve("the project"))),
        Files.readString(temp.resolve("asked")));
    jdk("1.8.0_2", plan);
    assertEquals(
        "tune: %s\\bin\\java.exe is Java 1.8.0_2; Tune4J needs 17 or newer: set JAVA_HOME"
            .formatted(windows(temp.resolve("jdk (x86)"))),
        tune("ls").strip());
  }
}

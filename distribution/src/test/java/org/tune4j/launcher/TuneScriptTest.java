package org.tune4j.launcher;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The script {@code tune} in a made-up project, with a Java and a Maven that print what they get.
 */
@EnabledOnOs(
    value = {OS.LINUX, OS.MAC},
    disabledReason = "the script is for POSIX shells")
class TuneScriptTest {
  private static final String CLASSES = "distribution/target/classes/org/tune4j/launcher";

  @TempDir Path temp;
  private Path project;
  private Path here;
  private Path jdk;
  private final AtomicInteger started = new AtomicInteger();

  @BeforeEach
  void layOut() throws IOException {
    project = Files.createDirectories(temp.resolve("the project"));
    here = Files.createDirectories(temp.resolve("some where"));
    Files.createDirectories(project.resolve("api/src/main"));
    Files.writeString(project.resolve("pom.xml"), "<module>api</module>\n");
    Files.writeString(project.resolve("api/pom.xml"), "");
    script(project.resolve("tune"), Files.readString(Path.of("../tune")));
    Path launcher = Files.createDirectories(project.resolve(CLASSES));
    try (Stream<Path> classes = Files.list(Path.of("..", CLASSES))) {
      for (Path c : classes.filter(c -> c.getFileName().toString().startsWith("Start")).toList()) {
        Files.copy(c, launcher.resolve(c.getFileName()));
      }
    }
    script(
        project.resolve("mvnw"),
        "#!/bin/sh\n"
            + "mkdir -p distribution/target\n"
            + ": >distribution/target/some.jar\n"
            + "printf '%s' \"$PWD/distribution/target/some.jar\""
            + " >distribution/target/class-path\n");
    jdk = temp.resolve("jdk");
    jdk("21.0.1");
  }

  /** A Java that runs {@link Start}, and of everything else prints what it gets. */
  private void jdk(String version) throws IOException {
    Files.createDirectories(jdk.resolve("bin"));
    Files.writeString(jdk.resolve("release"), "JAVA_VERSION=\"" + version + "\"\n");
    script(
        jdk.resolve("bin/java"),
        "#!/bin/sh\n"
            + "case $* in *launcher?Start*) echo asked >>'%s'; exec '%s' \"$@\" ;; esac\n"
                .formatted(asked(), Path.of(System.getProperty("java.home"), "bin", "java"))
            + "echo \"in $PWD\"\n"
            + "echo \"charmap $(locale charmap 2>&1)\"\n"
            + "echo \"wait $OMP_WAIT_POLICY\"\n"
            + "echo \"spin $GOMP_SPINCOUNT\"\n"
            + "echo \"blas $OPENBLAS_THREAD_TIMEOUT\"\n"
            + "echo \"shapes $ONEDNN_PRIMITIVE_CACHE_CAPACITY\"\n"
            + "for a; do case $a in\n"
            + "@*) xargs -n 1 printf '<%s>\\n' <\"${a#@}\" ;;\n"
            + "*) echo \"<$a>\" ;;\n"
            + "esac; done\n"
            + "exit 7\n");
    script(jdk.resolve("bin/javac"), "#!/bin/sh\n");
  }

  private Path asked() {
    return temp.resolve("asked");
  }

  private static void script(Path file, String text) throws IOException {
    Files.writeString(file, text);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private record Result(int code, String out, String err) {}

  private Result tune(Map<String, String> environment, String... args)
      throws IOException, InterruptedException {
    ProcessBuilder b = new ProcessBuilder(project.resolve("tune").toString());
    b.command().addAll(List.of(args));
    b.directory(here.toFile());
    b.environment().remove("OMP_WAIT_POLICY");
    b.environment().remove("GOMP_SPINCOUNT");
    b.environment().remove("OPENBLAS_THREAD_TIMEOUT");
    b.environment().remove("ONEDNN_PRIMITIVE_CACHE_CAPACITY");
    b.environment().put("JAVA_HOME", jdk.toString());
    b.environment().putAll(environment);
    int number = started.incrementAndGet();
    Path out = temp.resolve("out" + number);
    Path err = temp.resolve("err" + number);
    b.redirectOutput(out.toFile()).redirectError(err.toFile());
    Process p = b.start();
    assertTrue(p.waitFor(10, TimeUnit.MINUTES));
    return new Result(
        p.exitValue(),
        Files.readString(out, StandardCharsets.UTF_8),
        Files.readString(err, StandardCharsets.UTF_8));
  }

  @Test
  void start_passesArgumentsFolderAndExitCodeOn() throws Exception {
    Result r = tune(Map.of(), "run", "a recipe", "x=['q','k']", "~y", "");
    assertEquals(7, r.code());
    assertTrue(
        r.out()
            .startsWith(
                "in "
                    + here.toRealPath()
                    + "\ncharmap UTF-8\nwait passive\nspin \nblas \nshapes 128\n"),
        r.out());
    assertTrue(
        r.out()
            .endsWith(
                "<org.tune4j.launcher.Launcher>\n<run>\n<a recipe>\n<x=['q','k']>\n<~y>\n<>\n"),
        r.out());
    assertTrue(r.out().contains("<-Xmx1g>"), r.out());
  }

  @ParameterizedTest
  @CsvSource({"LC_ALL,POSIX", "LC_ALL,C", "LC_ALL,''", "LC_CTYPE,C", "LC_ALL,de_DE.ISO-8859-1"})
  void start_localeWithoutUtf8_isGivenIt(String variable, String value) throws Exception {
    Map<String, String> locale = new HashMap<>(Map.of("LC_ALL", "", "LC_CTYPE", "", "LANG", ""));
    locale.put(variable, value);
    Result r = tune(locale, "ls");
    assertTrue(r.out().contains("charmap UTF-8\n"), r.out());
  }

  @Test
  void start_ofWhatAnswersTokenByToken_threadsWaitAwake() throws Exception {
    for (String command : List.of("generate", "chat", "serve")) {
      assertTrue(tune(Map.of(), command).out().contains("spin 20000\nblas 4\n"), command);
    }
    assertTrue(tune(Map.of("GOMP_SPINCOUNT", "7"), "chat").out().contains("spin 7\n"));
  }

  @Test
  void start_home_isThatOfTheEnvironment() throws Exception {
    Result r = tune(Map.of("HOME", "/a home"), "ls");
    assertTrue(r.out().contains("<-Duser.home=/a home>\n"), r.out());
    assertFalse(tune(Map.of("HOME", ""), "ls").out().contains("user.home"));
  }

  @Test
  void start_usersOwnSettings_areLeftAlone() throws Exception {
    Result r =
        tune(Map.of("OMP_WAIT_POLICY", "active", "TUNE_JAVA_OPTS", "-Xmx3g -Da=b"), "run", "x");
    assertTrue(r.out().contains("wait active\n"), r.out());
    assertTrue(r.out().indexOf("<-Xmx3g>\n<-Da=b>") > r.out().indexOf("<-Xmx1g>"), r.out());
  }

  @Test
  void start_again_takesOneJvm() throws Exception {
    tune(Map.of(), "ls");
    assertEquals(7, tune(Map.of(), "generate").code());
    assertEquals("asked\n", Files.readString(asked()));
  }

  @Test
  void start_afterAnotherJavaOrProject_asksAgain() throws Exception {
    tune(Map.of(), "ls");
    jdk("21.0.2");
    tune(Map.of(), "ls");
    assertEquals("asked\nasked\n", Files.readString(asked()));
    Path moved = Files.move(project, temp.resolve("moved"));
    project = moved;
    Result r = tune(Map.of(), "ls");
    assertEquals("tune: building Tune4J (once)...\n", r.err());
    assertTrue(r.out().contains("<-Dtune4j.home=" + moved.toRealPath() + ">\n"), r.out());
  }

  @Test
  void start_ofACommandThatComputes_hasTheOptimisingCompiler() throws Exception {
    String light = "<-XX:TieredStopAtLevel=1>\n";
    for (String command : List.of("ls", "chat", "generate", "--help", "")) {
      assertTrue(tune(Map.of(), command).out().contains(light), command);
    }
    for (String command : List.of("run", "serve", "eval", "../ls", "nonsense")) {
      assertFalse(tune(Map.of(), command).out().contains(light), command);
    }
  }

  @Test
  void start_archiveThatCannotBeWritten_leavesNothing() throws Exception {
    tune(Map.of(), "ls");
    Path root = Files.createDirectories(temp.resolve("archive"));
    Path bin = Files.createDirectories(root.resolve("bin"));
    Files.move(project.resolve("tune"), bin.resolve("tune"));
    Path lib = Files.createDirectories(root.resolve("lib"));
    Files.move(project.resolve("distribution/target/classes"), lib.resolve("classes"));
    project = bin;
    Path temporary = Files.createDirectories(temp.resolve("temporary"));
    Map<String, String> here = Map.of("JDK_JAVA_OPTIONS", "-Djava.io.tmpdir=" + temporary);
    assertTrue(tune(here, "ls").out().contains("<" + lib.toRealPath() + "/*>\n"));
    assertTrue(Files.exists(lib.resolve("start-21.0.1")));
    assumeTrue(!"root".equals(System.getProperty("user.name")), "root can write everywhere");
    Files.setPosixFilePermissions(lib, PosixFilePermissions.fromString("r-xr-xr-x"));
    jdk("21.0.2");
    assertTrue(tune(here, "ls").out().contains("<-Dtune4j.once=" + temporary));
  }

  @Test
  void build_onceAndAgainWhenASourceIsNewer() throws Exception {
    assertEquals("tune: building Tune4J (once)...\n", tune(Map.of(), "ls").err());
    assertEquals("", tune(Map.of(), "ls").err());
    Path plugin = Files.createDirectories(project.resolve("my_recipe/src/main"));
    newer(Files.writeString(plugin.resolve("B.java"), ""));
    assertEquals("", tune(Map.of(), "ls").err(), "a plugin's project is not part of the build");
    newer(Files.writeString(project.resolve("api/src/main/A.java"), ""));
    assertEquals("tune: building Tune4J (once)...\n", tune(Map.of(), "ls").err());
  }

  /** Of a build that was killed, or of one whose process number is another process's by now. */
  @Test
  void build_lockLeftBehind_isNoObstacle() throws Exception {
    Path lock = Files.createDirectories(project.resolve("distribution/target/building"));
    assertEquals("tune: building Tune4J (once)...\n", tune(Map.of(), "ls").err());
    newer(Files.writeString(project.resolve("api/src/main/A.java"), ""));
    Files.createDirectories(lock);
    Files.writeString(lock.resolve("pid"), ProcessHandle.current().pid() + "\n");
    assertEquals("tune: building Tune4J (once)...\n", tune(Map.of(), "ls").err());
  }

  @Test
  void build_whileAnotherIsUnderWay_waitsForItAndFindsItDone() throws Exception {
    Path mvnw = project.resolve("mvnw");
    script(
        mvnw,
        Files.readString(mvnw)
            .replace(
                "#!/bin/sh\n",
                "#!/bin/sh\necho built >>builds\nwhile [ ! -e waited ]; do sleep 0.1; done\n"));
    CompletableFuture<Result> first = CompletableFuture.supplyAsync(this::ls);
    while (!Files.exists(project.resolve("builds"))) {
      Thread.sleep(20);
    }
    CompletableFuture<Result> second = CompletableFuture.supplyAsync(this::ls);
    while (!Files.exists(temp.resolve("err2")) || Files.size(temp.resolve("err2")) == 0) {
      Thread.sleep(20);
    }
    Files.writeString(project.resolve("waited"), "");
    assertEquals("tune: building Tune4J (once)...\n", first.get().err());
    assertEquals("tune: waiting for another build of Tune4J...\n", second.get().err());
    assertEquals(7, second.get().code());
    assertEquals("built\n", Files.readString(project.resolve("builds")));
  }

  private Result ls() {
    try {
      return tune(Map.of(), "ls");
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void newer(Path file) throws IOException {
    Files.setLastModifiedTime(file, FileTime.fromMillis(System.currentTimeMillis() + 5000));
  }

  @Test
  void build_fails_showsTheEndOfTheLog() throws Exception {
    script(project.resolve("mvnw"), "#!/bin/sh\necho 'no repository'\nexit 1\n");
    Result r = tune(Map.of(), "ls");
    assertEquals(1, r.code());
    assertEquals("", r.out());
    assertTrue(
        r.err().contains("\nno repository\ntune: the build failed; the whole log is "), r.err());
  }

  @Test
  void java_tooOldOrMissing_saysWhatIsNeeded() throws Exception {
    jdk("11.0.2");
    Result old = tune(Map.of(), "ls");
    assertEquals(1, old.code());
    assertEquals(
        "tune: %s/bin/java is Java 11.0.2; Tune4J needs 17 or newer: set JAVA_HOME\n"
            .formatted(jdk),
        old.err());
    Result none = tune(Map.of("JAVA_HOME", temp.resolve("none").toString()), "ls");
    assertEquals(1, none.code());
    assertTrue(
        none.err().contains("which has no bin/java; set it to a JDK 17 or newer"), none.err());
  }
}

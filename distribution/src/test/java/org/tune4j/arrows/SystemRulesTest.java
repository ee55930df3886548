package org.tune4j.arrows;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Who knows which operating system this is. */
class SystemRulesTest {
  private static final Path ROOT = Path.of("..");

  /** What is there on some systems only, or differs between them. */
  private static final Pattern OF_A_SYSTEM =
      Pattern.compile(
          "\"/(proc|sys|dev|etc|tmp|bin|usr)\\b|\"os\\.(name|arch)\"|File\\.(path)?[sS]eparator"
              + "|PosixFile|\"(posix|unix):|sun\\.misc|\\.exe\"|\\.cmd\""
              + "|mapLibraryName|ProcessBuilder\\(\"|supportsNormalTermination");

  /** What a test says where it needs a system, and why. */
  private static final Pattern CONDITION = Pattern.compile("@(En|Dis)abledOnOs\\(");

  private static final Pattern WITH_REASON =
      Pattern.compile("@(En|Dis)abledOnOs\\([^)]*disabledReason = \"[^\"]+\"");

  private static final Pattern OF_A_SYSTEM_IN_TESTS =
      Pattern.compile(
          "\"/(proc|dev|bin)/|\"(strace|mkfifo|kill|sh|bash)\"|PosixFilePermissions|createSymbolicLink");

  private static List<Path> sources(String kind) throws IOException {
    List<Path> all = new ArrayList<>();
    try (Stream<Path> modules = Files.list(ROOT)) {
      for (Path folder : modules.map(m -> m.resolve("src/" + kind + "/java")).sorted().toList()) {
        if (Files.isDirectory(folder)) {
          try (Stream<Path> files = Files.walk(folder)) {
            files.filter(f -> f.toString().endsWith(".java")).sorted().forEach(all::add);
          }
        }
      }
    }
    assertTrue(all.size() > 100, "only " + all.size() + " files");
    return all;
  }

  private static List<String> found(Path file, Pattern pattern) throws IOException {
    List<String> found = new ArrayList<>();
    int number = 0;
    for (String line : Files.readAllLines(file)) {
      number++;
      boolean comment = line.strip().startsWith("*") || line.strip().startsWith("/");
      if (!comment && pattern.matcher(line).find()) {
        found.add(file.getFileName() + ":" + number + ": " + line.strip());
      }
    }
    return found;
  }

  @Test
  void mainCode_knowsTheSystemInItsPortAndTheLauncherOnly() throws IOException {
    List<String> found = new ArrayList<>();
    for (Path file : sources("main")) {
      String folder = file.getParent().toString().replace('\\', '/');
      if (!folder.endsWith("/org/tune4j/platform") && !folder.endsWith("/org/tune4j/launcher")) {
        found.addAll(found(file, OF_A_SYSTEM));
      }
    }
    // JavaCPP's jars name their libraries as the system does; an agent asks a rank in the way there
    // is.
    found.removeIf(
        f -> f.startsWith("JavacppBackendProvider.java") && f.contains("mapLibraryName"));
    found.removeIf(f -> f.startsWith("Agent.java") && f.contains("supportsNormalTermination"));
    assertEquals("", String.join("\n", found), "move it to org.tune4j.platform");
  }

  @Test
  void tests_thatNeedASystem_sayWhichAndWhy() throws IOException {
    List<String> found = new ArrayList<>();
    for (Path file : sources("test")) {
      String text = Files.readString(file);
      boolean isTest = text.contains("@Test\n") || text.contains("@ParameterizedTest");
      // The kit asks whether the file is there.
      isTest &= !file.endsWith("EnduranceRules.java") && !file.endsWith("SystemRulesTest.java");
      if (isTest && !CONDITION.matcher(text).find()) {
        found.addAll(found(file, OF_A_SYSTEM_IN_TESTS));
      }
      long conditions = CONDITION.matcher(text).results().count();
      long reasons = WITH_REASON.matcher(text).results().count();
      if (conditions > reasons && !file.endsWith("SystemRulesTest.java")) {
        found.add(file.getFileName() + ": a condition has no disabledReason");
      }
    }
    assertEquals("", String.join("\n", found), "add @EnabledOnOs or @DisabledOnOs");
  }
}

package org.tune4j.docs;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Error messages that the troubleshooting page quotes are those of the code. */
class TroubleshootingTest {
  private static final Path ROOT = Path.of("..");
  private static final Pattern QUOTED = Pattern.compile("`([^`]+)`");

  /** The operating system's words. */
  private static final Set<String> FOREIGN = Set.of("No space left on device");

  @Test
  void everyQuotedLine_isInTheSources() throws IOException {
    String sources = sources();
    List<String> quoted =
        Files.readAllLines(ROOT.resolve("docs/troubleshooting.md")).stream()
            .filter(line -> line.startsWith("| `"))
            .flatMap(line -> QUOTED.matcher(line.split("\\|")[1]).results())
            .map(m -> m.group(1))
            .filter(text -> !FOREIGN.contains(text))
            .toList();
    assertTrue(quoted.size() > 12, quoted::toString);
    List<String> unknown = quoted.stream().filter(text -> !sources.contains(text)).toList();
    assertTrue(unknown.isEmpty(), "no error message says " + unknown);
  }

  /** All main sources, string literals that are joined by a plus as one. */
  private static String sources() throws IOException {
    PathMatcher main = FileSystems.getDefault().getPathMatcher("glob:**/src/main/java/**.java");
    try (Stream<Path> files = Files.walk(ROOT)) {
      List<Path> found = files.filter(main::matches).toList();
      StringBuilder all = new StringBuilder();
      for (Path file : found) {
        all.append(Files.readString(file));
      }
      return Pattern.compile("\"\\s*\\+\\s*\"").splitAsStream(all).collect(Collectors.joining());
    }
  }
}

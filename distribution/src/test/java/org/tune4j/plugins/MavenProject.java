package org.tune4j.plugins;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A third party's project, built by Maven from this build's artefacts. */
public final class MavenProject {
  private static final Path BUILT = Path.of("target/third-party").toAbsolutePath();

  private MavenProject() {}

  /** Where a project is built. */
  public static Path folder(String name) {
    return BUILT.resolve(name);
  }

  /** Copies a project of {@code docs}, which no earlier build has touched. */
  public static Path copy(String name) throws IOException {
    Path source = Path.of("../docs").resolve(name);
    Path project = clear(name);
    for (Path file : tree(source)) {
      Path relative = source.relativize(file);
      if (!relative.startsWith("target") && Files.isRegularFile(file)) {
        Path target = project.resolve(relative);
        Files.createDirectories(target.getParent());
        Files.copy(file, target);
      }
    }
    return project;
  }

  /** Removes what an earlier run left of a project. */
  public static Path clear(String name) throws IOException {
    Path project = folder(name);
    if (Files.exists(project)) {
      List<Path> old = tree(project);
      for (int i = old.size() - 1; i >= 0; i--) {
        Files.delete(old.get(i));
      }
    }
    return project;
  }

  private static List<Path> tree(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      return all.sorted(Comparator.naturalOrder()).toList();
    }
  }

  /** Runs {@code mvn package}. */
  public static void build(String name) throws IOException, InterruptedException {
    Path log = BUILT.resolve(name + ".log");
    Process maven =
        new ProcessBuilder(
                Path.of(System.getProperty("maven.home"), "bin", "mvn").toString(),
                "-B",
                "-ntp",
                "-f",
                folder(name).resolve("pom.xml").toString(),
                "-Dmaven.repo.local=" + System.getProperty("tune4j.it.repository"),
                "-Dmaven.repo.local.tail=" + System.getProperty("tune4j.it.downloads"),
                "package")
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    assertTrue(maven.waitFor(30, TimeUnit.MINUTES), "the build does not end");
    assertEquals(0, maven.exitValue(), () -> read(log));
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }
}

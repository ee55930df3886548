package org.tune4j.arrows;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a module shows says all that it takes and gives, outside {@code api} too, whose compiler
 * checks that itself.
 */
class DoclintTest {
  private static final Path ROOT = Path.of("..");

  private static final List<String> MODULES =
      List.of(
          "configs",
          "text",
          "hub",
          "models",
          "recipes",
          "distribution",
          "backend-djl",
          "backend-javacpp");

  @Test
  void modules_haveEveryParameterAndResult(@TempDir Path classes) throws IOException {
    List<Path> sources = new ArrayList<>();
    for (String module : MODULES) {
      try (Stream<Path> files = Files.walk(ROOT.resolve(module).resolve("src/main/java"))) {
        files.filter(f -> f.toString().endsWith(".java")).sorted().forEach(sources::add);
      }
    }
    assertEquals("", doclint(sources, classes));
  }

  @Test
  void missingTag_isFound(@TempDir Path dir) throws IOException {
    Path source =
        Files.writeString(
            dir.resolve("A.java"),
            "/** A. */\npublic interface A {\n  /** B. */\n  int b(int c);\n}\n");
    String said = doclint(List.of(source), dir);
    assertTrue(said.contains("no @param for c") && said.contains("no @return"), said);
  }

  private static String doclint(List<Path> sources, Path classes) throws IOException {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    StringWriter said = new StringWriter();
    try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null)) {
      List<String> options =
          List.of(
              "-proc:none",
              "-Xdoclint:all/protected",
              "-cp",
              System.getProperty("java.class.path"),
              "-d",
              classes.toString());
      compiler
          .getTask(said, files, null, options, null, files.getJavaFileObjectsFromPaths(sources))
          .call();
    }
    return said.toString();
  }
}

package org.tune4j.arrows;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.LineMap;
import com.sun.source.tree.MethodTree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.SourcePositions;
import com.sun.source.util.TreePathScanner;
import com.sun.source.util.Trees;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How long files and methods of main code may be. */
class SizesTest {
  private static final int LINES_OF_A_FILE = 400;
  private static final int LINES_OF_A_METHOD = 60;
  private static final Path ROOT = Path.of("..");

  @Test
  void mainCode_hasNoLongFileOrMethod() throws IOException {
    List<Path> sources = new ArrayList<>();
    try (Stream<Path> modules = Files.list(ROOT)) {
      for (Path main : modules.map(m -> m.resolve("src/main/java")).sorted().toList()) {
        if (Files.isDirectory(main)) {
          try (Stream<Path> files = Files.walk(main)) {
            files.filter(f -> f.toString().endsWith(".java")).sorted().forEach(sources::add);
          }
        }
      }
    }
    assertEquals(
        "",
        String.join("\n", tooLong(sources)),
        "divide by meaning what is longer than a file or a method may be");
  }

  @Test
  void longFileAndMethod_areFound(@TempDir Path dir) throws IOException {
    Path source = dir.resolve("A.java");
    Files.writeString(
        source,
        "class A {\n  /** Of\n   * three.\n   */\n  void a() {%s}\n\n  void b() {%s}\n%s}\n"
            .formatted("\n".repeat(59), "\n".repeat(60), "\n".repeat(300)));
    assertEquals(
        List.of(
            source + ": 427 lines, at most 400 are allowed",
            source + ":66: method b has 61 lines, at most 60 are allowed"),
        tooLong(List.of(source)));
  }

  private static List<String> tooLong(List<Path> sources) throws IOException {
    List<String> found = new ArrayList<>();
    for (Path source : sources) {
      int lines = Files.readAllLines(source).size();
      if (lines > LINES_OF_A_FILE) {
        found.add("%s: %d lines, at most %d are allowed".formatted(source, lines, LINES_OF_A_FILE));
      }
    }
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null)) {
      Iterable<? extends JavaFileObject> units = files.getJavaFileObjectsFromPaths(sources);
      JavacTask task =
          (JavacTask) compiler.getTask(null, files, null, List.of("-proc:none"), null, units);
      SourcePositions positions = Trees.instance(task).getSourcePositions();
      for (CompilationUnitTree unit : task.parse()) {
        new LongMethods(unit, positions, found).scan(unit, null);
      }
    }
    return found;
  }

  /** Methods and constructors, from their first modifier or annotation to their last brace. */
  private static final class LongMethods extends TreePathScanner<Void, Void> {
    private final CompilationUnitTree unit;
    private final SourcePositions positions;
    private final List<String> found;

    private LongMethods(CompilationUnitTree unit, SourcePositions positions, List<String> found) {
      this.unit = unit;
      this.positions = positions;
      this.found = found;
    }

    @Override
    public Void visitMethod(MethodTree method, Void none) {
      LineMap map = unit.getLineMap();
      long first = map.getLineNumber(positions.getStartPosition(unit, method));
      long lines = map.getLineNumber(positions.getEndPosition(unit, method)) - first + 1;
      if (lines > LINES_OF_A_METHOD) {
        found.add(
            "%s:%d: method %s has %d lines, at most %d are allowed"
                .formatted(
                    Path.of(unit.getSourceFile().toUri()),
                    first,
                    method.getName(),
                    lines,
                    LINES_OF_A_METHOD));
      }
      return super.visitMethod(method, none);
    }
  }
}

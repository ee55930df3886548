package org.tune4j.arrows;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.source.tree.ClassTree;
import com.sun.source.tree.Tree;
import com.sun.source.tree.VariableTree;
import com.sun.source.util.DocTrees;
import com.sun.source.util.JavacTask;
import com.sun.source.util.TreePathScanner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.lang.model.element.Modifier;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Public and protected members document their parameters, results and exceptions. A record
 * documents its components once: its compact constructor needs no comment, or one with its
 * exceptions alone.
 */
class DoclintTest {
  private static final Path ROOT = Path.of("..");

  private static final List<String> MODULES =
      List.of(
          "api", "configs", "models", "recipes", "distribution", "backend-djl", "backend-javacpp");

  /** No other member is declared by a name without a type and parentheses. */
  private static final Pattern COMPACT_CONSTRUCTOR =
      Pattern.compile("\\s*(public|protected) [A-Z]\\w* \\{");

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

  @Test
  void compactConstructor_needsNoComment_butItsRecordDoes(@TempDir Path dir) throws IOException {
    Path source = dir.resolve("R.java");
    String body =
        "public record R(int b) {\n  public R {\n    if (b < 0) throw new Error();\n  }\n}\n";
    Files.writeString(source, "/**\n * R.\n *\n * @param b B\n */\n" + body);
    assertEquals("", doclint(List.of(source), dir));
    Files.writeString(source, "/** R. */\n" + body);
    assertTrue(doclint(List.of(source), dir).contains("no @param for b"));
    Files.writeString(
        source, "/**\n * R.\n *\n * @param b B\n */\n" + body.replace("R {", "R(int b) {"));
    assertTrue(doclint(List.of(source), dir).contains("no comment"));
  }

  private static String doclint(List<Path> sources, Path classes) throws IOException {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    DiagnosticCollector<JavaFileObject> found = new DiagnosticCollector<>();
    StringBuilder said = new StringBuilder();
    try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null)) {
      List<String> options =
          List.of(
              "-proc:none",
              "-Xdoclint:all/protected",
              "-cp",
              System.getProperty("java.class.path"),
              "-d",
              classes.toString());
      JavacTask task =
          (JavacTask)
              compiler.getTask(
                  null, files, found, options, null, files.getJavaFileObjectsFromPaths(sources));
      new Components(DocTrees.instance(task), said).scan(task.parse(), null);
      task.analyze();
    }
    for (Diagnostic<? extends JavaFileObject> d : found.getDiagnostics()) {
      if (!COMPACT_CONSTRUCTOR.matcher(line(d)).matches()) {
        said.append(d).append('\n');
      }
    }
    return said.toString();
  }

  private static String line(Diagnostic<? extends JavaFileObject> d) throws IOException {
    JavaFileObject source = d.getSource();
    return source == null
        ? ""
        : source
            .getCharContent(true)
            .toString()
            .lines()
            .skip(d.getLineNumber() - 1)
            .findFirst()
            .orElse("");
  }

  /** Doclint asks a record for its components only where it has no compact constructor. */
  private static final class Components extends TreePathScanner<Void, Void> {
    private final DocTrees docs;
    private final StringBuilder said;

    private Components(DocTrees docs, StringBuilder said) {
      this.docs = docs;
      this.said = said;
    }

    @Override
    public Void visitClass(ClassTree type, Void none) {
      if (!isVisible(type)) {
        return null;
      }
      if (type.getKind() == Tree.Kind.RECORD) {
        String comment = Objects.toString(docs.getDocCommentTree(getCurrentPath()), "");
        for (Tree member : type.getMembers()) {
          if (member instanceof VariableTree field
              && !field.getModifiers().getFlags().contains(Modifier.STATIC)
              && !comment.contains("@param " + field.getName() + " ")) {
            said.append(
                "record %s: no @param for %s%n".formatted(type.getSimpleName(), field.getName()));
          }
        }
      }
      return super.visitClass(type, none);
    }

    private boolean isVisible(ClassTree type) {
      Tree around = getCurrentPath().getParentPath().getLeaf();
      return around.getKind() == Tree.Kind.INTERFACE
          || type.getModifiers().getFlags().contains(Modifier.PUBLIC)
          || type.getModifiers().getFlags().contains(Modifier.PROTECTED);
    }
  }
}

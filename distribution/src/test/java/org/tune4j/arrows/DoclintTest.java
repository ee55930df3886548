package org.tune4j.arrows;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.source.tree.ClassTree;
import com.sun.source.tree.Tree;
import com.sun.source.tree.VariableTree;
import com.sun.source.util.DocTrees;
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
 * What a module shows says all that it takes and gives. A record's parameters are said on the
 * record: its compact constructor, of which doclint would want them again, is left out.
 */
class DoclintTest {
  private static final Path ROOT = Path.of("..");

  private static final List<String> MODULES =
      List.of(
          "api",
          "configs",
          "text",
          "hub",
          "models",
          "recipes",
          "distribution",
          "backend-djl",
          "backend-javacpp");

  private static final Pattern COMPACT_CONSTRUCTOR =
      Pattern.compile("\\s*(public|protected) \\w+ \\{");

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
  void compactConstructor_needsNoParameters(@TempDir Path dir) throws IOException {
    Path source =
        Files.writeString(
            dir.resolve("A.java"),
            "/**\n * A.\n *\n * @param b c\n */\npublic record A(int b) {\n"
                + "  /** Checks. */\n  public A {\n  }\n}\n");
    assertEquals("", doclint(List.of(source), dir));
  }

  private static String doclint(List<Path> sources, Path classes) throws IOException {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    DiagnosticCollector<JavaFileObject> said = new DiagnosticCollector<>();
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
          .getTask(null, files, said, options, null, files.getJavaFileObjectsFromPaths(sources))
          .call();
    }
    StringBuilder text = new StringBuilder();
    for (Diagnostic<? extends JavaFileObject> d : said.getDiagnostics()) {
      if (!ofCompactConstructor(d)) {
        text.append(d).append('\n');
      }
    }
    return text.toString();
  }

  private static boolean ofCompactConstructor(Diagnostic<? extends JavaFileObject> d)
      throws IOException {
    if (d.getSource() == null || d.getLineNumber() < 1) {
      return false;
    }
    String line =
        d.getSource()
            .getCharContent(true)
            .toString()
            .lines()
            .toList()
            .get((int) d.getLineNumber() - 1);
    return COMPACT_CONSTRUCTOR.matcher(line).matches();
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

package org.tune4j.docs;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A command as a document has it.
 *
 * @param place the document and the line
 * @param text one command; lines that end in a backslash are joined, comments left out
 * @param last whether it ends its block
 */
record DocCommand(String place, String text, boolean last) {
  private static final Path ROOT = Path.of("..");

  /** What begins a command where it stands in a sentence. */
  private static final Pattern INLINE =
      Pattern.compile("`((?:\\./)?(?:tune|mvnw|docker|python|docs/memory\\.sh) [^`]+)`");

  /** Read from the first to the last: later ones go on with what earlier ones leave. */
  static List<Path> documents() throws IOException {
    List<Path> all = new ArrayList<>(List.of(ROOT.resolve("README.md"), docs("tutorial.md")));
    try (Stream<Path> files = Files.walk(ROOT.resolve("docs"))) {
      files
          .filter(f -> f.toString().endsWith(".md") && !all.contains(f))
          .filter(f -> !f.toString().contains("/target/"))
          .sorted()
          .forEach(all::add);
    }
    all.add(ROOT.resolve("CONTRIBUTING.md"));
    return all;
  }

  private static Path docs(String name) {
    return ROOT.resolve("docs").resolve(name);
  }

  /** The commands of fenced blocks, in order. */
  static List<DocCommand> fenced(Path document) {
    List<DocCommand> all = new ArrayList<>();
    for (Block block : blocks(document, "sh")) {
      List<DocCommand> commands = new ArrayList<>();
      int line = block.line();
      StringBuilder joined = new StringBuilder();
      int first = line + 1;
      for (String text : block.text().lines().toList()) {
        line++;
        first = joined.isEmpty() ? line : first;
        boolean goesOn = text.endsWith("\\");
        joined.append(goesOn ? text.substring(0, text.length() - 1).strip() + " " : text.strip());
        if (!goesOn) {
          String command = withoutComment(joined.toString());
          if (!command.isEmpty()) {
            commands.add(new DocCommand(place(document, first), command, false));
          }
          joined.setLength(0);
        }
      }
      for (int i = 0; i < commands.size(); i++) {
        DocCommand c = commands.get(i);
        all.add(new DocCommand(c.place, c.text, i == commands.size() - 1));
      }
    }
    return all;
  }

  /** The commands in sentences. */
  static List<DocCommand> inline(Path document) {
    List<DocCommand> all = new ArrayList<>();
    List<String> lines = lines(document);
    boolean inBlock = false;
    for (int i = 0; i < lines.size(); i++) {
      inBlock ^= lines.get(i).startsWith("```");
      Matcher m = INLINE.matcher(inBlock ? "" : lines.get(i));
      while (m.find()) {
        all.add(new DocCommand(place(document, i + 1), m.group(1), true));
      }
    }
    return all;
  }

  /**
   * A fenced block.
   *
   * @param line of its opening fence, from 1
   */
  record Block(int line, String text) {}

  static List<Block> blocks(Path document, String language) {
    List<Block> all = new ArrayList<>();
    List<String> lines = lines(document);
    int from = -1;
    for (int i = 0; i < lines.size(); i++) {
      if (from < 0 && lines.get(i).equals("```" + language)) {
        from = i + 1;
      } else if (from >= 0 && lines.get(i).equals("```")) {
        all.add(new Block(from, String.join("\n", lines.subList(from, i))));
        from = -1;
      }
    }
    return all;
  }

  private static List<String> lines(Path document) {
    try {
      return Files.readAllLines(document);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String place(Path document, int line) {
    return ROOT.relativize(document) + ":" + line;
  }

  private static String withoutComment(String command) {
    return command.replaceFirst("(^|\\s+)#.*$", "").strip();
  }

  @Override
  public String toString() {
    return place + " " + text;
  }
}

package org.tune4j.cli.model;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;

/** Texts in columns, lines broken at blanks. */
final class SideBySide {
  private static final int WIDTH = 100;
  private static final String GAP = " | ";

  private SideBySide() {}

  static void print(PrintStream out, List<String> heads, List<String> texts) {
    int width = (WIDTH - GAP.length() * (texts.size() - 1)) / texts.size();
    List<List<String>> columns = new ArrayList<>();
    int rows = 0;
    for (int c = 0; c < texts.size(); c++) {
      List<String> lines = new ArrayList<>(wrap(heads.get(c), width));
      lines.add("-".repeat(width));
      lines.addAll(wrap(texts.get(c), width));
      columns.add(lines);
      rows = Math.max(rows, lines.size());
    }
    for (int r = 0; r < rows; r++) {
      List<String> cells = new ArrayList<>();
      for (List<String> lines : columns) {
        String cell = r < lines.size() ? lines.get(r) : "";
        cells.add(cell + " ".repeat(width - length(cell)));
      }
      out.println(String.join(GAP, cells).stripTrailing());
    }
  }

  private static int length(String text) {
    return text.codePointCount(0, text.length());
  }

  /** Lines of at most {@code width} characters. */
  static List<String> wrap(String text, int width) {
    List<String> lines = new ArrayList<>();
    for (String paragraph : text.replace("\t", "    ").split("\\R", -1)) {
      String rest = paragraph;
      while (length(rest) > width) {
        int most = rest.offsetByCodePoints(0, width);
        int blank = rest.lastIndexOf(' ', most);
        int end = blank > 0 ? blank : most;
        lines.add(rest.substring(0, end).stripTrailing());
        rest = rest.substring(end).stripLeading();
      }
      lines.add(rest);
    }
    return lines;
  }
}

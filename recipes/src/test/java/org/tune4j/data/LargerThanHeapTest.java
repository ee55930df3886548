package org.tune4j.data;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.tokenizers.TokenizedConversation;

/** Data larger than the heap of the JVM that tokenises, packs and reads it. */
class LargerThanHeapTest {
  private static final int TEXT = 1000;

  /** Of each row, as many as a text of this length usually has. */
  private static final int TOKENS = 250;

  @TempDir Path dir;

  @Test
  void open_96MiBInAHeapOf32_everyRow() throws Exception {
    open(96L << 20, "-Xmx32m");
  }

  @Test
  @Tag("long")
  void open_3GiBInAHeapOf256MiB_everyRow() throws Exception {
    open(3L << 30, "-Xmx256m");
  }

  private void open(long bytes, String heap) throws Exception {
    Path file = dir.resolve("rows.jsonl");
    long rows = write(file, bytes);
    Process child =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                heap,
                "-cp",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path")),
                Child.class.getName(),
                file.toString(),
                dir.resolve("cache").toString())
            .redirectErrorStream(true)
            .start();
    String said = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, child.waitFor(), said);
    String last = said.strip().lines().reduce("", (a, b) -> b);
    assertEquals(
        rows + " rows, " + rows * TOKENS + " tokens, " + rows * (TOKENS - 1) + " labels", last);
  }

  private static long write(Path file, long bytes) throws IOException {
    byte[] line = ("{\"text\": \"" + "x".repeat(TEXT) + "\"}\n").getBytes(StandardCharsets.UTF_8);
    long rows = bytes / line.length + 1;
    try (OutputStream out = Files.newOutputStream(file)) {
      for (long i = 0; i < rows; i++) {
        out.write(line);
      }
    }
    return rows;
  }

  /** What the small JVM does. */
  static final class Child {
    public static void main(String[] args) {
      RowEncoder firstCharacters =
          new RowEncoder() {
            @Override
            public TokenizedConversation encode(
                DataRow row, org.tune4j.tokenizers.Tokenizer tokenizer) {
              int[] ids = Arrays.copyOf(tokenizer.encode(row.text("text", "")), TOKENS);
              return new TokenizedConversation(ids, new boolean[ids.length]);
            }

            @Override
            public String settings() {
              return "text";
            }
          };
      Dataset data =
          new FileDataset(
                  firstCharacters,
                  DataFiles.of("json", List.of(Path.of(args[0]))),
                  Split.parse("train"),
                  true,
                  false,
                  OnBadRow.STOP)
              .open(new CharacterTokenizer(), 8192, new DataCache(Path.of(args[1])));
      long rows = 0;
      long tokens = 0;
      long labels = 0;
      for (int i = 0; i < data.size(); i++) {
        Example e = data.get(i);
        rows += e.rowEnds().length;
        tokens += e.tokens().length;
        labels += e.labelCount();
      }
      System.out.println(rows + " rows, " + tokens + " tokens, " + labels + " labels");
    }
  }
}

package org.tune4j.data;

import static java.nio.charset.StandardCharsets.UTF_16;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.tune4j.data.DatasetTestFiles.files;
import static org.tune4j.data.DatasetTestFiles.shown;
import static org.tune4j.data.DatasetTestFiles.write;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.InputException;

/** What spreadsheets, Python and shells leave in data files. */
class UserFilesTest {
  private static final String ROW = "{\"input\": \"Hello\", \"output\": \"Yes\"}\n";

  @TempDir Path dir;

  private Dataset instruct(String source, Path file) {
    return DatasetTestFiles.open(
        InstructDataset.instruct(source, null, false, null, files(file)), dir.resolve("cache"));
  }

  private Dataset text(Path file) {
    return DatasetTestFiles.open(
        TextCompletionDataset.textCompletion("", "text", false, files(file)), dir.resolve("cache"));
  }

  private String refusal(String source, Path file) {
    return assertThrows(InputException.class, () -> instruct(source, file)).getMessage();
  }

  private static byte[] gzip(byte[] bytes) throws IOException {
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (OutputStream out = new GZIPOutputStream(packed)) {
      out.write(bytes);
    }
    return packed.toByteArray();
  }

  @ParameterizedTest
  @CsvSource({"rows.jsonl.gz,''", "rows.gz,json", "rows.jsonl,''"})
  void gzip_byNameOrContent_isUnpacked(String name, String source) throws IOException {
    Path file = Files.write(dir.resolve(name), gzip(ROW.getBytes(UTF_8)));
    assertEquals(List.of("Hello[Yes]"), shown(instruct(source, file)));
  }

  @ParameterizedTest
  @CsvSource({
    "rows.jsonl.zst, 28b52ffd0458, zstd",
    "rows.zip, 504b03040a00, zip",
    "rows.csv, 425a68393141, bzip2",
    "rows.txt, fd377a585a00, xz",
    "rows.parquet, 1f8b08000000, gzip"
  })
  void otherCompression_refusedByItsName(String name, String start, String packed)
      throws IOException {
    Path file = Files.write(dir.resolve(name), HexFormat.of().parseHex(start));
    assertEquals(
        "data file %s is compressed with %s; decompress it".formatted(file, packed),
        refusal("", file));
  }

  @Test
  void gzip_cutOff_saidWithoutProgramWords() throws IOException {
    byte[] packed = gzip(ROW.getBytes(UTF_8));
    Path file = Files.write(dir.resolve("r.jsonl.gz"), java.util.Arrays.copyOf(packed, 20));
    assertEquals(
        "data file " + file + " cannot be read: Unexpected end of ZLIB input stream",
        refusal("", file));
  }

  @Test
  void byteOrderMark_isNoPartOfTheText() throws IOException {
    Path text = Files.writeString(dir.resolve("t.txt"), "\uFEFFHello\r\nYes\r\n");
    assertEquals(List.of("H[ello]", "Y[es]"), shown(text(text)));
    Path csv = Files.writeString(dir.resolve("r.csv"), "\uFEFF\"input\",\"output\"\nHello,Yes\n");
    assertEquals(List.of("Hello[Yes]"), shown(instruct("", csv)));
    Path json = Files.writeString(dir.resolve("r.json"), "\uFEFF[" + ROW + "]");
    assertEquals(List.of("Hello[Yes]"), shown(instruct("", json)));
  }

  @Test
  void utf16_refusedWithUtf8Named() throws IOException {
    Path file = Files.write(dir.resolve("r.jsonl"), ROW.getBytes(UTF_16));
    assertEquals("data file " + file + " is UTF-16, expected UTF-8; convert it", refusal("", file));
  }

  @Test
  void nan_matterOnlyWhereItIsRead() {
    Path unread =
        write(
            dir,
            "u.jsonl",
            "{\"input\": \"Hello\", \"output\": \"Yes\", \"score\": NaN, \"more\": [-Infinity]}");
    Dataset data = instruct("", unread);
    assertEquals(List.of("Hello[Yes]"), shown(data));
    assertTrue(
        data.report()
            .toString()
            .endsWith(
                "%nwarning: 1 row has column 'score', which nothing reads%nwarning: 1 row has column 'more', which nothing reads"
                    .formatted()),
        data.report().toString());
    Path read = write(dir, "r.jsonl", "{\"input\": NaN, \"output\": \"Yes\"}");
    assertEquals(read + ":1:11: row 1: column 'input' is NaN, expected text", refusal("", read));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"input\": +1}|Unexpected character ('+' (code 43)) in numeric value: JSON spec does not allow numbers to have plus signs",
        "{\"input\": // x|Unexpected character ('/' (code 47)): maybe a (non-standard) comment?"
      })
  void otherDialectsOfJson_refusedWithoutProgramWords(String row, String message) {
    String said = refusal("", write(dir, "d.jsonl", row));
    assertTrue(
        said.endsWith(
            ": row 1: " + message + "; expected a JSON array of objects or one object per line"),
        said);
  }

  @Test
  void longTexts_areReadAndDeepOnesRefusedInWords() {
    String text = "x".repeat(21 << 20);
    Path csv = write(dir, "l.csv", "input,output,image", "Hello,Yes," + text);
    assertEquals(List.of("Hello[Yes]"), shown(instruct("", csv)));
    Path json =
        write(
            dir, "l.jsonl", "{\"input\": \"Hello\", \"output\": \"Yes\", \"i\": \"" + text + "\"}");
    assertEquals(List.of("Hello[Yes]"), shown(instruct("", json)));
    String said = refusal("", write(dir, "d.jsonl", "{\"input\": " + "[".repeat(2000)));
    assertTrue(
        said.contains(
            "nesting depth (1001) exceeds the maximum allowed (1000); expected a JSON array"),
        said);
  }

  @Test
  void unreadColumn_withControlCharacters_isShownWithoutThem() {
    Path file = write(dir, "e.jsonl", "{\"input\": \"a\", \"output\": \"b\", \"\\u001b[2J\": 1}");
    assertEquals(
        Map.of("column '?[2J', which nothing reads", 1L), instruct("", file).report().notes());
  }

  @Test
  void equalHeaders_firstIsReadAndTheOtherNamed() {
    Path file = write(dir, "dup.csv", "input,input,output,,", "Hello,WRONG,Yes,,", "Bye,,No,,");
    Dataset data = instruct("", file);
    assertEquals(List.of("Hello[Yes]", "Bye[No]"), shown(data));
    assertEquals(Map.of("column 'input.1', which nothing reads", 1L), data.report().notes());
    assertEquals(
        Map.of("column 'input.1', which nothing reads", 1L),
        instruct("", file).report().notes(),
        "cached");
  }

  @Test
  void unreadColumns_ofManyNames_areSummedUp() {
    String[] rows = new String[50];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = "{\"input\": \"a\", \"output\": \"b\", \"k%d\": 1, \"l%d\": 1}".formatted(i, i);
    }
    Map<String, Long> unread = instruct("", write(dir, "many.jsonl", rows)).report().notes();
    assertEquals(21, unread.size());
    assertEquals(40, unread.get("more that nothing reads"));
  }

  @Test
  void loneSurrogate_namesItsRow() {
    Path file =
        write(dir, "s.jsonl", ROW.strip(), "{\"input\": \"Hi \\ud83d\", \"output\": \"Yes\"}");
    assertEquals(
        file
            + ":2:11: row 2: column 'input' has \\ud83d, a lone surrogate, which is not a"
            + " character; write both halves or leave it out",
        refusal("", file));
    Path unread =
        write(
            dir,
            "u.jsonl",
            "{\"input\": \"Hi \\ud83d\\ude00\", \"output\": \"Yes\", \"other\": \"\\ude00\"}");
    assertEquals(1, instruct("", unread).size());
    Path turns =
        write(
            dir,
            "c.jsonl",
            "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\","
                + " \"content\": \"\\udc00\"}]}");
    assertTrue(
        assertThrows(
                InputException.class,
                () ->
                    DatasetTestFiles.open(
                        ChatDataset.chat(
                            "", ChatDataset.Style.OPENAI, null, false, null, files(turns)),
                        dir.resolve("cache")))
            .getMessage()
            .startsWith(turns + ":1:14: row 1: column 'messages' has \\udc00, a lone surrogate"));
  }

  @Test
  void folderAndFileNamesWithGlobCharacters_areNamesFirst() throws IOException {
    Path folder = Files.createDirectories(dir.resolve("d[x]"));
    Files.createDirectories(dir.resolve("dx"));
    write(dir, "dx/a.jsonl", "{\"input\": \"w\", \"output\": \"w\"}");
    write(dir, "d[x]/a.jsonl", ROW.strip());
    assertEquals(List.of("Hello[Yes]"), shown(instruct("", folder.resolve("*.jsonl"))));
    assertEquals(List.of("Hello[Yes]"), shown(instruct("", folder.resolve("a.jsonl"))));
    Path open = dir.resolve("train[1.jsonl");
    assertEquals("no data file matches " + open, refusal("", open));
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "Windows has no pipes in folders")
  void pipe_refusedAtOnce() throws IOException, InterruptedException {
    Path pipe = dir.resolve("rows.jsonl");
    assumeTrue(
        new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor() == 0,
        "skipped: there is no mkfifo");
    assertEquals(
        "data file " + pipe + " is a pipe or a device, expected a regular file; write it to one",
        refusal("", pipe));
  }
}

package org.tune4j.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.tune4j.data.DatasetTestFiles.CHARACTERS;
import static org.tune4j.data.DatasetTestFiles.files;
import static org.tune4j.data.DatasetTestFiles.open;
import static org.tune4j.data.DatasetTestFiles.shown;
import static org.tune4j.data.DatasetTestFiles.write;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.InputException;
import org.tune4j.UsageException;

class ClassificationDatasetTest {
  private static final List<String> LABELS = List.of("bad", "good");

  @TempDir Path dir;

  private static DatasetSpec texts(Path... files) {
    return ClassificationDataset.classification("", LABELS, null, files(files));
  }

  private static List<Double> labels(Dataset rows) {
    return IntStream.range(0, rows.size()).mapToObj(i -> rows.get(i).facts().ratings()[0]).toList();
  }

  @Test
  void labels_areNamesOrNumbers() {
    Path csv = write(dir, "rows.csv", "text,label", "ab,good", "cd,bad", "ef,1", "gh,0");
    Dataset rows = open(texts(csv), dir);
    assertEquals(List.of("a[b]", "c[d]", "e[f]", "g[h]"), shown(rows));
    assertEquals(List.of(1.0, 0.0, 1.0, 0.0), labels(rows));
    assertEquals(4, rows.report().labelTokens());
    assertEquals(LABELS, texts(csv).labels());
  }

  @Test
  void names_thatAreNumbers_areNames() {
    Path stars = write(dir, "stars.jsonl", "{\"text\": \"ab\", \"label\": 1}");
    Dataset rows =
        open(ClassificationDataset.classification("", List.of("1", "2"), null, files(stars)), dir);
    assertEquals(List.of(0.0), labels(rows));
  }

  @Test
  void conversation_endsWithItsAnswer() {
    Path turns =
        write(
            dir,
            "turns.jsonl",
            "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"b\"}], \"kind\": \"good\"}",
            "{\"messages\": [{\"role\": \"assistant\", \"content\": \"a\"}, {\"role\": \"user\", \"content\": \"bc\"}], \"kind\": 0}");
    Dataset rows =
        open(
            ClassificationDataset.classification("", LABELS, Map.of("label", "kind"), files(turns)),
            dir);
    assertEquals(List.of("a[b]", "ab[c]"), shown(rows));
  }

  @Test
  void longText_isCut_andItsLastTokenIsMarked() {
    Path file = write(dir, "rows.jsonl", "{\"text\": \"abcdef\", \"label\": \"good\"}");
    Dataset rows = texts(file).open(CHARACTERS, 4, new DataCache(dir));
    assertEquals(List.of("abc[d]"), shown(rows));
    assertEquals(1, rows.report().truncated());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"text\": \"a\", \"label\": \"meh\"}|1:24: row 1: column 'label' is \"meh\", expected one of bad, good, or a number from 0 to 1",
        "{\"text\": \"a\", \"label\": 2}|1:24: row 1: column 'label' is 2, expected one of bad, good, or a number from 0 to 1",
        "{\"text\": \"a\", \"label\": null}|1:24: row 1: column 'label' is null, expected one of bad, good, or a number from 0 to 1",
        "{\"text\": \"a\"}|1:1: row 1: column 'label' is missing, found text; name it with dataset.column_map.label=NAME",
        "{\"label\": 1}|1:1: row 1: column 'text' is missing, found label; name it with dataset.column_map.text=NAME",
      })
  void rowsWithoutALabel_areNamed(String row, String expected) {
    Path file = write(dir, "rows.jsonl", row);
    assertEquals(
        file + ":" + expected,
        assertThrows(InputException.class, () -> open(texts(file), dir)).getMessage());
  }

  @Test
  void labelsThatAreNone_andPacks_areRefused() {
    Path file = write(dir, "rows.jsonl", "{\"text\": \"a\", \"label\": 1}");
    assertEquals(
        "labels is [a, a], expected two different names or more",
        assertThrows(
                UsageException.class,
                () ->
                    ClassificationDataset.classification("", List.of("a", "a"), null, files(file)))
            .getMessage());
    FileOptions packed = new FileOptions(List.of(file), true, null, "train", OnBadRow.STOP);
    assertEquals(
        "dataset.packed=true is not for rated answers and labelled texts; set it to false: the rows of a micro-batch lie end to end without padding anyway",
        assertThrows(
                UsageException.class,
                () -> open(ClassificationDataset.classification("", LABELS, null, packed), dir))
            .getMessage());
    DatasetSpec others =
        ClassificationDataset.classification("", List.of("x", "y"), null, files(file));
    assertEquals(
        "the data sets have the labels [[bad, good], [x, y]], expected the same of all",
        assertThrows(
                UsageException.class,
                () -> new ConcatDataset(List.of(texts(file), others), null).labels())
            .getMessage());
  }
}

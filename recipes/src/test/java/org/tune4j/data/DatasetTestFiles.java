package org.tune4j.data;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** What the tests of this package read and how they show it. */
final class DatasetTestFiles {
  static final CharacterTokenizer CHARACTERS = new CharacterTokenizer();

  private DatasetTestFiles() {}

  static Path write(Path dir, String name, String... lines) {
    try {
      return Files.writeString(dir.resolve(name), String.join("\n", lines) + "\n");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static FileOptions files(Path... files) {
    return new FileOptions(List.of(files), false, null, "train", OnBadRow.STOP);
  }

  static Dataset open(DatasetSpec spec, Path cache) {
    return spec.open(CHARACTERS, 1000, new DataCache(cache));
  }

  /** The text of an example; what is trained on stands in brackets. */
  static String shown(Example e) {
    List<String> rows = new ArrayList<>();
    int start = 0;
    for (int end : e.rowEnds()) {
      StringBuilder row = new StringBuilder();
      for (int i = start; i < end; i++) {
        boolean trained = i > start && e.labels()[i - 1] != Example.IGNORED;
        row.append(trained ? "[" + (char) e.tokens()[i] + "]" : (char) e.tokens()[i]);
        if (trained && e.labels()[i - 1] != e.tokens()[i]) {
          throw new AssertionError("label " + e.labels()[i - 1] + " before " + e.tokens()[i]);
        }
      }
      rows.add(row.toString().replace("][", ""));
      start = end;
    }
    return String.join(" / ", rows);
  }

  static List<String> shown(Dataset d) {
    return IntStream.range(0, d.size()).mapToObj(i -> shown(d.get(i))).collect(Collectors.toList());
  }

  static boolean same(Example a, Example b) {
    return Arrays.equals(a.tokens(), b.tokens())
        && Arrays.equals(a.labels(), b.labels())
        && Arrays.equals(a.rowEnds(), b.rowEnds());
  }
}

package org.tune4j.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.tune4j.data.DatasetTestFiles.CHARACTERS;
import static org.tune4j.data.DatasetTestFiles.same;
import static org.tune4j.data.DatasetTestFiles.shown;
import static org.tune4j.data.DatasetTestFiles.write;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.UsageException;

class PackingAndCacheTest {
  @TempDir Path dir;

  private DataCache cache() {
    return new DataCache(dir.resolve("cache"));
  }

  private static DatasetSpec text(Path file, boolean packed, boolean across, String split) {
    return TextCompletionDataset.textCompletion(
        "", "text", false, new FileOptions(List.of(file), packed, across, split, OnBadRow.STOP));
  }

  @Test
  void packed_wholeRows_untilTheNextDoesNotFit() {
    Path file = write(dir, "t.txt", "abc", "de", "fghijkl", "m", "nopqrstuv", "w");
    Dataset data = text(file, true, false, "train").open(CHARACTERS, 8, cache());
    assertEquals(List.of("a[bc] / d[e]", "f[ghijkl] / m", "n[opqrstu]", "w"), shown(data));
    assertEquals(
        "6 rows in 4 packs; 22 tokens, 16 of them trained on; 1 row cut to tokenizer.max_seq_len; 2 rows with nothing to train on",
        data.report().toString());
  }

  @Test
  void packed_splitAcrossPack_everyPackIsFull() {
    Path file = write(dir, "t.txt", "abc", "de", "fghijkl", "m");
    Dataset data = text(file, true, true, "train").open(CHARACTERS, 4, cache());
    assertEquals(List.of("a[bc] / d", "e / f[gh]", "i[jkl]", "m"), shown(data));
    assertEquals(
        IntStream.range(0, data.size()).mapToLong(i -> data.get(i).labelCount()).sum(),
        data.report().labelTokens());
  }

  @Test
  void packed_withoutMaxSeqLen_refused() {
    Path file = write(dir, "t.txt", "abc");
    assertEquals(
        "dataset.packed=true needs tokenizer.max_seq_len, the length of a pack",
        assertThrows(
                UsageException.class,
                () -> text(file, true, false, "train").open(CHARACTERS, Integer.MAX_VALUE, cache()))
            .getMessage());
  }

  /** Packs hold the rows that there are unpacked, in order, with the same labels. */
  @Test
  void packed_randomRows_sameRowsAsUnpacked() {
    long seed = 11;
    Random random = new Random(seed);
    for (int round = 0; round < 20; round++) {
      String[] lines =
          IntStream.range(0, 1 + random.nextInt(200))
              .mapToObj(i -> "x".repeat(1 + random.nextInt(30)) + (char) ('a' + random.nextInt(9)))
              .toArray(String[]::new);
      Path file = write(dir, "r" + round + ".txt", lines);
      String split = random.nextBoolean() ? "train" : "train[20%:]";
      int longest = 4 + random.nextInt(60);
      Dataset rows = text(file, false, false, split).open(CHARACTERS, longest, cache());
      Dataset packs = text(file, true, false, split).open(CHARACTERS, longest, cache());
      List<String> unpacked = shown(rows);
      List<String> packed = new ArrayList<>();
      for (String pack : shown(packs)) {
        packed.addAll(List.of(pack.split(" / ")));
      }
      assertEquals(unpacked, packed, "seed " + seed + ", round " + round);
      for (int i = 0; i + 1 < packs.size(); i++) {
        int next = packs.get(i + 1).rowEnds()[0];
        int length = packs.get(i).tokens().length;
        assertTrue(length <= longest && length + next > longest, "seed " + seed);
      }
      assertEquals(rows.report().labelTokens(), packs.report().labelTokens());
      assertNotEquals(rows.fingerprint(), packs.fingerprint());
    }
  }

  private long written() throws IOException {
    try (Stream<Path> all = Files.list(dir.resolve("cache/datasets"))) {
      return all.count();
    }
  }

  @Test
  void open_again_isFoundByContent() throws IOException {
    Path file = write(dir, "t.txt", "abc", "de");
    Dataset first = text(file, false, false, "train").open(CHARACTERS, 8, cache());
    Path moved = Files.move(file, dir.resolve("u.txt"));
    Dataset again = text(moved, false, false, "train").open(CHARACTERS, 8, cache());
    text(moved, false, false, "train[:50%]").open(CHARACTERS, 8, cache());
    assertEquals(1, written());
    assertEquals(first.fingerprint(), again.fingerprint());
    Dataset shorter = text(moved, false, false, "train").open(CHARACTERS, 2, cache());
    assertEquals(2, written());
    assertNotEquals(first.fingerprint(), shorter.fingerprint());
    Files.writeString(moved, "abd\nde\n");
    Dataset other = text(moved, false, false, "train").open(CHARACTERS, 8, cache());
    assertEquals(3, written());
    assertNotEquals(first.fingerprint(), other.fingerprint());
  }

  @Test
  void open_badRow_leavesNothingBehind() throws IOException {
    Path file = write(dir, "t.csv", "text", "abc");
    Files.writeString(file, "text\nabc\nd,e\n");
    assertThrows(
        org.tune4j.InputException.class,
        () -> text(file, false, false, "train").open(CHARACTERS, 8, cache()));
    assertEquals(0, written());
  }

  @Test
  void open_damagedCache_isMadeAgain() throws IOException {
    Path file = write(dir, "t.txt", "abc", "de", "fgh");
    List<String> expected = shown(text(file, false, false, "train").open(CHARACTERS, 8, cache()));
    Path folder;
    try (Stream<Path> all = Files.list(dir.resolve("cache/datasets"))) {
      folder = all.findFirst().orElseThrow();
    }
    for (String name : List.of("tokens", "rows", "manifest")) {
      Path stored = folder.resolve(name);
      byte[] whole = Files.readAllBytes(stored);
      for (int at = 0; at < whole.length; at++) {
        byte[] flipped = whole.clone();
        flipped[at] ^= 4;
        Files.write(stored, flipped);
        damaged(folder, name + " flipped at " + at);
      }
      // Only the last line break may be missing.
      for (int length = 0; length < whole.length - 1; length += 7) {
        Files.write(stored, java.util.Arrays.copyOf(whole, length));
        damaged(folder, name + " cut to " + length);
      }
      Files.delete(stored);
      assertEquals(expected, shown(text(file, false, false, "train").open(CHARACTERS, 8, cache())));
      assertEquals(expected.size(), RowStore.open(folder, MappedInts.SEGMENT_BITS).size());
    }
  }

  private static void damaged(Path folder, String how) {
    assertThrows(IOException.class, () -> RowStore.open(folder, MappedInts.SEGMENT_BITS), how);
  }

  @Test
  void open_smallSegments_sameExamples() throws IOException {
    Path file =
        write(
            dir, "t.txt", IntStream.range(0, 500).mapToObj(i -> "row " + i).toArray(String[]::new));
    Dataset data = text(file, false, false, "train").open(CHARACTERS, 8, cache());
    Path folder;
    try (Stream<Path> all = Files.list(dir.resolve("cache/datasets"))) {
      folder = all.findFirst().orElseThrow();
    }
    RowStore small = RowStore.open(folder, 5);
    for (int i = 0; i < data.size(); i++) {
      assertTrue(same(data.get(i), small.example(small.start(i), small.start(i + 1))), "row " + i);
    }
  }

  @Test
  void open_whatAKilledProcessLeft_isSweptUnlessOneIsWriting() throws IOException {
    DatasetSpec rows = text(write(dir, "t.txt", "abc"), false, false, "train");
    rows.open(CHARACTERS, 8, cache());
    Path left = dir.resolve("cache/datasets/.0123.01234567.tmp");
    Files.writeString(Files.createDirectory(left).resolve("tokens"), "half");
    Path lock = dir.resolve("cache/.datasets.lock");
    try (FileChannel writing = FileChannel.open(lock, StandardOpenOption.WRITE);
        FileLock held = writing.lock()) {
      rows.open(CHARACTERS, 8, cache());
      assertTrue(held.isValid() && Files.exists(left));
    }
    rows.open(CHARACTERS, 8, cache());
    assertFalse(Files.exists(left));
  }
}

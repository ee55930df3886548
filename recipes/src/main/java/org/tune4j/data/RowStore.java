package org.tune4j.data;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.CRC32C;
import org.tune4j.tokenizers.TokenizedConversation;

/**
 * Tokenised rows in a folder, end to end, so that a pack is a stretch of them:
 *
 * <ul>
 *   <li>{@code tokens}: 4 bytes a token, its id; the top bit says that the token which follows is
 *       trained on
 *   <li>{@code rows}: 20 bytes a row, where it ends (8), its tokens that are trained on (4), 1
 *       where it was cut (4), its rating in fp32 (4)
 *   <li>{@code manifest}: a line of JSON with checksums, and the checksum of that line
 * </ul>
 */
final class RowStore {
  /** Changes when the files do. */
  static final String FORMAT = "rows 4";

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int TRAINED = Integer.MIN_VALUE;
  private static final int INTS_PER_ROW = 5;

  private record Manifest(
      String content,
      long tokensCrc,
      long rowsCrc,
      int rows,
      long skipped,
      List<String> firstSkipped,
      Map<String, Long> notes) {}

  private final Manifest manifest;
  private final MappedInts tokens;
  private final MappedInts rows;

  private RowStore(Manifest manifest, MappedInts tokens, MappedInts rows) {
    this.manifest = manifest;
    this.tokens = tokens;
    this.rows = rows;
  }

  /**
   * Opens a folder.
   *
   * @param segmentBits as {@link MappedInts#open} has it
   * @throws IOException when it is damaged or cannot be read; says why
   */
  static RowStore open(Path folder, int segmentBits) throws IOException {
    List<String> lines = Files.readAllLines(folder.resolve("manifest"));
    if (lines.size() != 2 || !lines.get(1).equals(crc(lines.get(0)))) {
      throw new IOException("its manifest is not as it was written");
    }
    Manifest manifest;
    try {
      manifest = JSON.readValue(lines.get(0), Manifest.class);
    } catch (JacksonException e) {
      throw new IOException("its manifest is another version's", e);
    }
    MappedInts tokens = MappedInts.open(folder.resolve("tokens"), segmentBits);
    MappedInts rows = MappedInts.open(folder.resolve("rows"), segmentBits);
    if (tokens.crc() != manifest.tokensCrc || rows.crc() != manifest.rowsCrc) {
      throw new IOException("its content is not as it was written");
    }
    return new RowStore(manifest, tokens, rows);
  }

  private static String crc(String text) {
    CRC32C crc = new CRC32C();
    crc.update(text.getBytes(StandardCharsets.UTF_8));
    return Long.toHexString(crc.getValue());
  }

  /** SHA-256 of all rows and their labels. */
  String content() {
    return manifest.content;
  }

  int size() {
    return manifest.rows;
  }

  long skipped() {
    return manifest.skipped;
  }

  List<String> firstSkipped() {
    return manifest.firstSkipped;
  }

  /** What the user should know of rows, and of how many. */
  Map<String, Long> notes() {
    return manifest.notes;
  }

  /** Where a row begins among the tokens; {@code size()} gives where the last ends. */
  long start(int row) {
    long at = (row - 1L) * INTS_PER_ROW;
    return row == 0 ? 0 : (rows.get(at) & 0xffffffffL) | ((long) rows.get(at + 1) << 32);
  }

  int length(int row) {
    return (int) (start(row + 1) - start(row));
  }

  int labelTokens(int row) {
    return rows.get((long) row * INTS_PER_ROW + 2);
  }

  boolean cut(int row) {
    return rows.get((long) row * INTS_PER_ROW + 3) != 0;
  }

  private double rating(int row) {
    return Float.intBitsToFloat(rows.get((long) row * INTS_PER_ROW + 4));
  }

  /** The row that a token belongs to. */
  int rowOf(long token) {
    int low = 0;
    int high = size() - 1;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (start(middle + 1) > token) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  /** Whether the token behind this one is in its row and trained on. */
  boolean isLabelled(long token) {
    return tokens.get(token) < 0;
  }

  /** Tokens {@code from} to {@code to} as an example. */
  Example example(long from, long to) {
    int[] ids = new int[(int) (to - from)];
    tokens.get(from, ids);
    int[] labels = new int[ids.length];
    for (int i = 0; i < ids.length; i++) {
      boolean labelled = ids[i] < 0 && i + 1 < ids.length;
      ids[i] &= ~TRAINED;
      labels[i] = labelled ? ids[i + 1] & ~TRAINED : Example.IGNORED;
    }
    int first = rowOf(from);
    List<Integer> ends = new ArrayList<>();
    for (int row = first; row < size() && start(row) < to; row++) {
      ends.add((int) (Math.min(to, start(row + 1)) - from));
    }
    int[] rowEnds = ends.stream().mapToInt(e -> e).toArray();
    return rowEnds.length == 1
        ? Example.rated(ids, labels, rating(first))
        : new Example(ids, labels, rowEnds);
  }

  /** Writes the files of a folder, row by row. */
  static final class Writer implements AutoCloseable {
    private static final int NAMED = 3;
    private static final int NOTES = 20;

    private final Path folder;
    private final Ints tokens;
    private final Ints rows;
    private final List<String> firstSkipped = new ArrayList<>();
    private final Map<String, Long> notes = new LinkedHashMap<>();
    private long end;
    private int count;
    private long skipped;

    Writer(Path folder) throws IOException {
      this.folder = folder;
      this.tokens = new Ints(folder.resolve("tokens"));
      this.rows = new Ints(folder.resolve("rows"));
    }

    /** Adds a row, cut to {@code maxSeqLen} tokens. Its labels are its tokens moved by one. */
    void add(RowsEncoder.Rated row, int maxSeqLen) throws IOException {
      TokenizedConversation c = row.tokens();
      int n = Math.min(maxSeqLen, c.tokens().length);
      int labels = 0;
      for (int i = 0; i < n; i++) {
        boolean labelled = i + 1 < n && !c.masked()[i + 1];
        labels += labelled ? 1 : 0;
        tokens.put(c.tokens()[i] | (labelled ? TRAINED : 0));
      }
      end += n;
      rows.put((int) end);
      rows.put((int) (end >>> 32));
      rows.put(labels);
      rows.put(c.cut() || n < c.tokens().length ? 1 : 0);
      rows.put(Float.floatToIntBits((float) row.rating()));
      count = Math.incrementExact(count);
    }

    /** Counts a row that is left out. */
    void skip(String why) {
      skipped++;
      if (firstSkipped.size() < NAMED) {
        firstSkipped.add(why);
      }
    }

    /** Counts what the user should know of a row; after so many notes the others are one. */
    void note(Set<String> all) {
      all.stream()
          .map(n -> notes.containsKey(n) || notes.size() < NOTES ? n : "more that nothing reads")
          .distinct()
          .forEach(n -> notes.merge(n, 1L, Long::sum));
    }

    int rows() {
      return count;
    }

    /** Completes the files. */
    void finish() throws IOException {
      long tokensCrc = tokens.finish();
      long rowsCrc = rows.finish();
      String content =
          Fingerprint.start().file(folder.resolve("tokens")).file(folder.resolve("rows")).end();
      Manifest m = new Manifest(content, tokensCrc, rowsCrc, count, skipped, firstSkipped, notes);
      String json = JSON.writeValueAsString(m);
      Files.writeString(folder.resolve("manifest"), json + "\n" + crc(json) + "\n");
    }

    @Override
    public void close() throws IOException {
      tokens.channel.close();
      rows.channel.close();
    }
  }

  /** A buffered file of little-endian numbers. */
  private static final class Ints {
    private final FileChannel channel;
    private final ByteBuffer buffer = ByteBuffer.allocate(1 << 20).order(ByteOrder.LITTLE_ENDIAN);
    private final CRC32C crc = new CRC32C();

    Ints(Path file) throws IOException {
      channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    }

    void put(int value) throws IOException {
      if (!buffer.hasRemaining()) {
        write();
      }
      buffer.putInt(value);
    }

    long finish() throws IOException {
      write();
      return crc.getValue();
    }

    private void write() throws IOException {
      buffer.flip();
      crc.update(buffer.duplicate());
      while (buffer.hasRemaining()) {
        channel.write(buffer);
      }
      buffer.clear();
    }
  }
}

package org.tune4j.data;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Stored rows, or packs of them: an example is read when it is asked for. */
final class StoredDataset implements Dataset {
  private final RowStore rows;
  private final Split.Range part;
  private final int together;
  private final long @Nullable [] bounds;
  private final String fingerprint;

  private StoredDataset(
      RowStore rows, Split.Range part, int together, long @Nullable [] bounds, String fingerprint) {
    this.rows = rows;
    this.part = part;
    this.together = together;
    this.bounds = bounds;
    this.fingerprint = fingerprint;
  }

  /** A row an example, so many of which belong together. */
  static StoredDataset rows(RowStore rows, Split.Range part, int together) {
    return new StoredDataset(
        rows,
        part,
        together,
        null,
        Fingerprint.start().text(rows.content()).text(part.toString()).end());
  }

  /** A pack an example. */
  static StoredDataset packed(
      RowStore rows, Split.Range part, int maxSeqLen, boolean splitAcrossPack) {
    long[] bounds =
        splitAcrossPack
            ? Packs.full(rows.start(part.from()), rows.start(part.to()), maxSeqLen)
            : Packs.ofWholeRows(rows, part, maxSeqLen);
    String fingerprint =
        Fingerprint.start()
            .text(rows.content())
            .text(part.toString())
            .text("packed %d %s".formatted(maxSeqLen, splitAcrossPack))
            .end();
    return new StoredDataset(rows, part, 1, bounds, fingerprint);
  }

  @Override
  public int size() {
    return bounds == null ? part.size() : bounds.length - 1;
  }

  @Override
  public int rowsTogether() {
    return together;
  }

  @Override
  public Example get(int index) {
    if (bounds == null) {
      int row = part.from() + index;
      return rows.example(rows.start(row), rows.start(row + 1));
    }
    return rows.example(bounds[index], bounds[index + 1]);
  }

  @Override
  public String fingerprint() {
    return fingerprint;
  }

  @Override
  public DatasetReport report() {
    long truncated = 0;
    long fullyMasked = 0;
    long labels = 0;
    for (int r = part.from(); r < part.to(); r++) {
      truncated += rows.cut(r) ? 1 : 0;
      fullyMasked += rows.labelTokens(r) == 0 ? 1 : 0;
      labels += rows.labelTokens(r);
    }
    if (bounds != null) {
      // A label that lies in the next pack is none.
      labels -= Arrays.stream(bounds, 1, bounds.length).filter(b -> rows.isLabelled(b - 1)).count();
    }
    return new DatasetReport(
        part.size(),
        size(),
        truncated,
        rows.skipped(),
        rows.firstSkipped(),
        fullyMasked,
        rows.start(part.to()) - rows.start(part.from()),
        labels,
        0,
        rows.notes());
  }

  @Override
  public IntStream rowLengths() {
    return IntStream.range(part.from(), part.to()).map(rows::length);
  }
}

package org.tune4j.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tune4j.checkpoint.HuggingFaceFolder.Weight;

/**
 * A table with more rows than the file has: each that is added is the mean of the file's, summed in
 * fp64 and rounded to their type. transformers' {@code resize_token_embeddings} draws them around
 * that mean with a billionth of the rows' covariance; the mean itself is the same in every run.
 */
final class MeanRows implements Layout {
  private final Weight stored;
  private byte @Nullable [] mean;

  private MeanRows(Weight stored) {
    this.stored = stored;
  }

  /** A table {@code [n, dim]} with so many rows; itself where it has them. */
  static Weight of(Weight table, long rows) {
    SafetensorsFile.Entry e = table.entry();
    if (e.shape().get(0) >= rows) {
      return table;
    }
    List<Long> shape = new ArrayList<>(e.shape());
    shape.set(0, rows);
    long length = e.length() / e.shape().get(0) * rows;
    return new Weight(
        table.file(),
        new SafetensorsFile.Entry(
            e.name(), e.type(), shape, e.offset(), length, new MeanRows(table)));
  }

  @Override
  public void read(FileChannel file, SafetensorsFile.Entry entry, long at, ByteBuffer target)
      throws IOException {
    long own = stored.entry().length();
    int end = target.limit();
    if (at < own) {
      target.limit((int) Math.min(end, target.position() + own - at));
      stored.entry().layout().read(file, stored.entry(), at, target);
      target.limit(end);
    }
    byte[] row = target.hasRemaining() ? mean() : new byte[1];
    int from = (int) (Math.max(0, at - own) % row.length);
    while (target.hasRemaining()) {
      int piece = Math.min(row.length - from, target.remaining());
      target.put(row, from, piece);
      from = 0;
    }
  }

  private synchronized byte[] mean() throws IOException {
    if (mean == null) {
      WeightRows rows = new WeightRows(stored.file(), stored.entry());
      double[] sum = new double[rows.width()];
      rows.forEach(
          row -> {
            for (int i = 0; i < row.length; i++) {
              sum[i] += row[i];
            }
          });
      float[] values = new float[sum.length];
      for (int i = 0; i < sum.length; i++) {
        values[i] = (float) (sum[i] / stored.entry().shape().get(0));
      }
      int bytes = stored.entry().type().bytes();
      ByteBuffer row = ByteBuffer.allocate(values.length * bytes).order(ByteOrder.LITTLE_ENDIAN);
      Floats.write(values, stored.entry().type(), row);
      mean = row.array();
    }
    return mean;
  }
}

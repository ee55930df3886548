package org.tune4j.backend.djl;

import java.util.stream.LongStream;
import org.tune4j.spi.AttentionSpec;
import org.tune4j.spi.KernelMemory;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;

/** What {@link DjlKernels} keep. */
final class DjlMemory implements KernelMemory {
  /**
   * Where attention is tiled, keys and values repeated for each query head, the output, and a
   * logarithm a query; elsewhere the softmax's shares of each row's whole square.
   */
  @Override
  public long attentionBytes(
      DType dtype,
      Device device,
      long[] rowLengths,
      int numHeads,
      int numKvHeads,
      int headDim,
      AttentionSpec<?> spec) {
    if (!spec.isPlain()) {
      return PRIMITIVES.attentionBytes(
          dtype, device, rowLengths, numHeads, numKvHeads, headDim, spec);
    }
    long longest = LongStream.of(rowLengths).max().orElse(0);
    boolean cuda = device.type() == Device.Type.CUDA;
    if (cuda || (longest >= DjlKernels.LONG_ROW && spec.window() == 0)) {
      long q = (long) numHeads * headDim;
      long kv = (long) numKvHeads * headDim;
      return LongStream.of(rowLengths).sum() * ((2 * (q - kv) + q) * dtype.bytes() + 4L * numHeads);
    }
    return LongStream.of(rowLengths).map(t -> t * t).sum() * numHeads * dtype.bytes();
  }

  /** Logits, their gradient, and that times the sum's; a tile is small beside them. */
  @Override
  public long crossEntropyBytes(DType dtype, Device device, long labels, long vocab) {
    return dtype == DType.FP16
        ? PRIMITIVES.crossEntropyBytes(dtype, device, labels, vocab)
        : labels * vocab * 3 * dtype.bytes();
  }
}

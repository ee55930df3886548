package org.tune4j.backend.javacpp;

import java.util.stream.LongStream;
import org.tune4j.spi.AttentionSpec;
import org.tune4j.spi.KernelMemory;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;

/** What {@link JavacppKernels} keep. */
final class JavacppMemory implements KernelMemory {
  /**
   * On CUDA what libtorch's fused kernel keeps: keys and values repeated for each query head, the
   * output, and a logarithm a query. On the CPU the softmax's shares, of the blocks alone.
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
    if (device.type() == Device.Type.CUDA) {
      long q = (long) numHeads * headDim;
      long kv = (long) numKvHeads * headDim;
      return LongStream.of(rowLengths).sum() * ((2 * (q - kv) + q) * dtype.bytes() + 4L * numHeads);
    }
    long pairs = 0;
    for (long t : rowLengths) {
      long blocks = (t + AttentionKernel.BLOCK - 1) / AttentionKernel.BLOCK;
      pairs += t * t * (blocks + 1) / (2 * blocks);
    }
    return pairs * numHeads * dtype.bytes();
  }

  /** Logits, their gradient, and that times the sum's; a tile is small beside them. */
  @Override
  public long crossEntropyBytes(DType dtype, Device device, long labels, long vocab) {
    return dtype == DType.FP16
        ? PRIMITIVES.crossEntropyBytes(dtype, device, labels, vocab)
        : labels * vocab * 3 * dtype.bytes();
  }
}

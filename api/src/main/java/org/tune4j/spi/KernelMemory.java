package org.tune4j.spi;

import java.util.stream.LongStream;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;

/**
 * What a backend's kernels keep for backward, for the memory plan. Nothing native is loaded for it.
 * The defaults are those of the operations over primitives.
 */
public interface KernelMemory {
  /** Of a backend without kernels. */
  KernelMemory PRIMITIVES = new KernelMemory() {};

  /**
   * The bytes that {@link Kernels#attention} keeps besides queries, keys and values: over
   * primitives, for each pair of a row's positions, the shares of the softmax in the type of the
   * queries, and what the softmax, and the soft cap, are differentiated by in fp32 or wider.
   *
   * @param dtype of queries, keys and values
   * @param device where they lie
   * @param rowLengths tokens of each row
   * @param numHeads heads of the queries
   * @param numKvHeads heads of keys and values
   * @param headDim width of a head
   * @param spec what is computed; its sinks are only compared with null
   * @return of all rows together
   */
  default long attentionBytes(
      DType dtype,
      Device device,
      long[] rowLengths,
      int numHeads,
      int numKvHeads,
      int headDim,
      AttentionSpec<?> spec) {
    long wide = Math.max(4, dtype.bytes());
    long pairs = LongStream.of(rowLengths).map(t -> t * t).sum();
    return numHeads * pairs * (dtype.bytes() + wide + (spec.softCap() > 0 ? wide : 0));
  }

  /**
   * The bytes that {@link Kernels#crossEntropy} and its backward have at once, logits and their
   * gradient included: over primitives, besides the logits three times as many in fp32 or wider.
   *
   * @param dtype of the logits
   * @param device where they lie
   * @param labels rows of the logits
   * @param vocab columns of the logits
   * @return of all labels together
   */
  default long crossEntropyBytes(DType dtype, Device device, long labels, long vocab) {
    return labels * vocab * (dtype.bytes() + 3L * Math.max(4, dtype.bytes()));
  }
}

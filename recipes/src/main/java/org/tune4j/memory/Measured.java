package org.tune4j.memory;

/**
 * What is not counted and was fitted to runs of many steps; docs/memory.md has such runs and how to
 * repeat them. Both backends are libtorch over glibc and gave the same figures within their spread.
 */
final class Measured {
  /** Bytes that libraries and the Java heap take between loading the weights and the first step. */
  static final long FIRST_STEP = 60L << 20;

  /** Bytes that a group of rows takes beside its tensors: its arena, packed factors of products. */
  static final long THREAD = 60L << 20;

  /**
   * How much larger the process grows than by the tensors that the model counts for backward, for
   * gradients and for a checkpoint's copies, where a narrow type alternates with its fp32 sums:
   * what comes and goes leaves holes in glibc's heaps, which keep their pages.
   */
  static final double HOLES = 1.5;

  /**
   * The same of activations alone, of rows of many lengths, where all tensors are fp32 or wider.
   */
  static final double HOLES_ONE_WIDTH = 1.25;

  /** The same of a chunk's logits: the largest blocks, for which a hole is rarely large enough. */
  static final long HEAD_HOLES = 6;

  /** That where all tensors are fp32 or wider. */
  static final long HEAD_HOLES_ONE_WIDTH = 3;

  private Measured() {}
}

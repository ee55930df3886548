package org.tune4j.spi;

/**
 * What a backend may leave out. What it declares is tested by the kit; the rest is refused in
 * words.
 */
public enum Capability {
  /** {@link Backend#map}: a tensor over the pages of a file. */
  MEMORY_MAP("memory-mapped tensors"),
  /** {@link org.tune4j.tensor.DType#BF16} storage and arithmetic. */
  BF16("bf16"),
  /** {@link org.tune4j.tensor.DType#FP16} storage and arithmetic. */
  FP16("fp16"),
  /** Devices other than the CPU. */
  CUDA("CUDA devices"),
  /** Forward and backward in several threads at once. */
  THREADS("several threads at once"),
  /** {@link org.tune4j.collective.ProcessBackend}: collectives between processes. */
  PROCESSES("collectives between processes");

  private final String label;

  Capability(String label) {
    this.label = label;
  }

  @Override
  public String toString() {
    return label;
  }
}

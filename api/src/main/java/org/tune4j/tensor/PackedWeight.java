package org.tune4j.tensor;

/**
 * A frozen weight, {@code [out, in]}, copied into a layout that its backend reads faster than rows
 * in row-major order. {@link Operations#linear(Tensor, PackedWeight)} alone can use it. It belongs
 * to the scope that was innermost when {@link Operations#pack} made it.
 */
public final class PackedWeight {
  private final Tensor packed;

  PackedWeight(Tensor packed) {
    this.packed = packed;
  }

  /** A handle whose layout only the backend knows: its elements cannot be read. */
  Tensor packed() {
    return packed;
  }
}

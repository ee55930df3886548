package org.tune4j.spi;

import java.util.List;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Nf4;
import org.tune4j.tensor.Shape;

/**
 * A frozen matrix in a quantised type: tensors of the backend's own that it is made of. {@link
 * Kernels} alone sees it; primitives get the parts.
 *
 * @param dtype {@link DType#NF4} or {@link DType#INT8}
 * @param shape {@code [out, in]}
 * @param parts as {@link org.tune4j.tensor.Engine#quantised} lists them
 */
public record Quantised(DType dtype, Shape shape, List<TensorHandle> parts)
    implements TensorHandle {
  /** Copies the list. */
  public Quantised {
    parts = List.copyOf(parts);
  }

  /**
   * {@return whether {@value Nf4#BLOCK} rows at a time, and what is left, share no factor with rows
   * beside them}
   */
  public boolean dividesByRows() {
    return dtype == DType.INT8 || shape.elements() % Nf4.BLOCK == 0;
  }
}

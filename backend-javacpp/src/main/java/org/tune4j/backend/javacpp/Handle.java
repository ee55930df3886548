package org.tune4j.backend.javacpp;

import org.bytedeco.pytorch.Tensor;
import org.tune4j.spi.TensorHandle;

/**
 * One libtorch tensor, held by one reference of its own until released.
 *
 * @param tensor the tensor; outlives every {@link org.bytedeco.javacpp.PointerScope}
 */
record Handle(Tensor tensor) implements TensorHandle {
  /** Keeps a tensor made inside the current pointer scope beyond it. */
  static Handle keep(Tensor t) {
    t.retainReference();
    return new Handle(t);
  }

  static Tensor of(TensorHandle h) {
    return ((Handle) h).tensor;
  }

  void release() {
    tensor.deallocate();
  }
}

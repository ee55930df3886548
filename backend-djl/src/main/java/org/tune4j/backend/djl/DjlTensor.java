package org.tune4j.backend.djl;

import ai.djl.pytorch.engine.PtNDArray;
import org.tune4j.spi.TensorHandle;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;

/** A DJL array with the type that must not be asked of it. */
final class DjlTensor implements TensorHandle {
  /** Changes only when a leaf's gradient is cleared. */
  PtNDArray array;

  final DType dtype;
  final Device device;

  DjlTensor(PtNDArray array, DType dtype, Device device) {
    this.array = array;
    this.dtype = dtype;
    this.device = device;
  }
}

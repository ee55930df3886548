package org.tune4j.backend.djl;

import ai.djl.pytorch.engine.PtNDArray;
import org.jspecify.annotations.Nullable;
import org.tune4j.spi.TensorHandle;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;

/** A DJL array with the type that must not be asked of it. */
final class DjlTensor implements TensorHandle {
  final PtNDArray array;
  final DType dtype;
  final Device device;

  /** The version of this leaf's gradient when it was last cleared. */
  @Nullable PtNDArray clearedVersion;

  DjlTensor(PtNDArray array, DType dtype, Device device) {
    this.array = array;
    this.dtype = dtype;
    this.device = device;
  }

  void close() {
    array.close();
    forgetClearedVersion();
  }

  void forgetClearedVersion() {
    if (clearedVersion != null) {
      clearedVersion.close();
      clearedVersion = null;
    }
  }
}

package org.tune4j.backend.djl;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.ndarray.types.SparseFormat;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.JniUtils;

/** What is done once a process, before several threads compute. */
final class FirstUse {
  /** What libtorch chose when it was loaded. */
  static final int DEFAULT_THREADS = JniUtils.getNumThreads();

  static {
    // MKL's vector functions (exp, tanh and the like) set themselves up in their first call. When
    // two threads make it at once, one of them now and then computes with an error of 1e-4.
    try (PtNDManager manager = (PtNDManager) Engine.getEngine("PyTorch").newBaseManager();
        PtNDArray zeros =
            JniUtils.createZerosNdArray(
                manager, new Shape(1), DataType.FLOAT32, Device.cpu(), SparseFormat.DENSE)) {
      JniUtils.exp(zeros).close();
    }
  }

  private FirstUse() {}
}

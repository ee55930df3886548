package org.tune4j.backend.djl;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.SparseFormat;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.JniUtils;
import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.tune4j.InputException;
import org.tune4j.spi.TensorHandle;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Shape;

/** Makes arrays of zeros, buffers and files, and reads them; called in a thread that is ready. */
final class Storage {
  private final PtNDManager manager;
  private final Script script;

  Storage(PtNDManager manager, Script script) {
    this.manager = manager;
    this.script = script;
  }

  /** DJL's type of the same width; bf16 is made as fp16 and viewed. */
  private static DataType djlType(DType dtype) {
    return switch (dtype) {
      case FP64 -> DataType.FLOAT64;
      case FP32 -> DataType.FLOAT32;
      case BF16, FP16 -> DataType.FLOAT16;
      case INT64 -> DataType.INT64;
      case UINT8 -> DataType.UINT8;
      case NF4, INT8 -> throw new IllegalArgumentException(dtype + " is no primitive's");
    };
  }

  private static ai.djl.Device djlDevice(Device device) {
    return device.type() == Device.Type.CPU
        ? ai.djl.Device.cpu()
        : ai.djl.Device.gpu(device.index());
  }

  static ai.djl.ndarray.types.Shape djlShape(Shape shape) {
    return new ai.djl.ndarray.types.Shape(shape.toArray());
  }

  /** Runs a method on an array that nobody else needs. */
  private PtNDArray replace(PtNDArray array, String method) {
    try (array) {
      return script.call(method, array);
    }
  }

  TensorHandle zeros(DType dtype, Shape shape, Device device) {
    PtNDArray a =
        JniUtils.createZerosNdArray(
            manager, djlShape(shape), djlType(dtype), djlDevice(device), SparseFormat.DENSE);
    return new DjlTensor(dtype == DType.BF16 ? replace(a, "to_bf16") : a, dtype, device);
  }

  TensorHandle of(ByteBuffer data, DType dtype, Shape shape, Device device) {
    if (shape.elements() == 0) {
      return zeros(dtype, shape, device);
    }
    ByteBuffer direct = data.slice();
    if (!direct.isDirect()) {
      direct = ByteBuffer.allocateDirect(data.remaining()).put(data.duplicate()).flip();
    }
    try {
      PtNDArray borrowed =
          JniUtils.createNdFromByteBuffer(
              manager,
              direct,
              djlShape(shape),
              djlType(dtype),
              SparseFormat.DENSE,
              ai.djl.Device.cpu());
      PtNDArray viewed = dtype == DType.BF16 ? replace(borrowed, "bits_bf16") : borrowed;
      return new DjlTensor(replace(viewed, onDevice(device)), dtype, device);
    } finally {
      Reference.reachabilityFence(direct);
    }
  }

  static String onDevice(Device device) {
    return device.type() == Device.Type.CPU ? "on_cpu" : "on_cuda_" + device.index();
  }

  void read(TensorHandle x, ByteBuffer into) {
    PtNDArray plain = script.call("plain", ((DjlTensor) x).array);
    if (((DjlTensor) x).dtype == DType.BF16) {
      plain = replace(plain, "bits_fp16");
    }
    try (PtNDArray p = plain) {
      into.duplicate().put(JniUtils.getByteBuffer(p, true));
    }
  }

  TensorHandle map(Path file, long offset, DType dtype, Shape shape, Device device) {
    if (shape.elements() == 0) {
      return zeros(dtype, shape, device);
    }
    long length = shape.elements() * dtype.bytes();
    boolean writable;
    try {
      long size = Files.size(file);
      if (offset + length > size) {
        throw new InputException(
            "%s: %s %s at byte %d needs %d bytes, the file ends at %d"
                .formatted(file, dtype, shape, offset, length, size));
      }
      writable = Files.isWritable(file);
    } catch (IOException e) {
      throw new InputException("%s: cannot be mapped: %s".formatted(file, e), e);
    }
    PtNDArray row;
    try {
      row = mapRow(file, false, offset, dtype, shape.elements());
    } catch (EngineException e) {
      // A private mapping larger than the memory can be refused where a shared one is not; that
      // one needs a writable file.
      if (!writable) {
        throw new InputException("%s: cannot be mapped: %s".formatted(file, e.getMessage()), e);
      }
      row = mapRow(file, true, offset, dtype, shape.elements());
    }
    try (PtNDArray r = row) {
      PtNDArray shaped = JniUtils.reshape(r, shape.toArray());
      return new DjlTensor(
          device.equals(Device.CPU) ? shaped : replace(shaped, onDevice(device)), dtype, device);
    }
  }

  private PtNDArray mapRow(Path file, boolean shared, long offset, DType dtype, long length) {
    byte[] path = file.toAbsolutePath().toString().getBytes(StandardCharsets.UTF_8);
    long[] characters = new long[path.length];
    for (int i = 0; i < path.length; i++) {
      characters[i] = path[i] & 0xff;
    }
    try (PtNDArray name = int64(characters);
        PtNDArray numbers =
            int64(offset / dtype.bytes(), length, shared ? 1 : 0, torchType(dtype))) {
      return script.call("map", name, numbers);
    }
  }

  /** The number of a type in TorchScript. */
  private static int torchType(DType dtype) {
    return switch (dtype) {
      case FP64 -> 7;
      case FP32 -> 6;
      case BF16 -> 15;
      case FP16 -> 5;
      case INT64 -> 4;
      case UINT8 -> 0;
      case NF4, INT8 -> throw new IllegalArgumentException(dtype + " is no primitive's");
    };
  }

  /** A one-dimensional argument on the CPU. */
  PtNDArray int64(long... values) {
    ByteBuffer b = ByteBuffer.allocateDirect(8 * values.length).order(ByteOrder.nativeOrder());
    b.asLongBuffer().put(values);
    return argument(b, DataType.INT64);
  }

  /** A one-dimensional argument on the CPU. */
  PtNDArray fp64(double... values) {
    ByteBuffer b = ByteBuffer.allocateDirect(8 * values.length).order(ByteOrder.nativeOrder());
    b.asDoubleBuffer().put(values);
    return argument(b, DataType.FLOAT64);
  }

  private PtNDArray argument(ByteBuffer numbers, DataType type) {
    return JniUtils.createNdFromByteBuffer(
        manager,
        numbers,
        new ai.djl.ndarray.types.Shape(numbers.capacity() / 8),
        type,
        SparseFormat.DENSE,
        ai.djl.Device.cpu());
  }
}

package org.tune4j.backend.javacpp;

import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.tune4j.EnvironmentException;
import org.tune4j.spi.TensorHandle;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Shape;

/** Makes tensors of zeros, buffers and files, and reads them. */
final class Storage {
  private final Types types = new Types();

  TensorHandle zeros(DType dtype, Shape shape, Device device) {
    try (PointerScope s = new PointerScope()) {
      return Handle.keep(torch.zeros(shape.toArray(), types.options(dtype, device)));
    }
  }

  TensorHandle of(ByteBuffer data, DType dtype, Shape shape, Device device) {
    if (shape.elements() == 0) {
      return zeros(dtype, shape, device);
    }
    ByteBuffer direct = direct(data, shape.elements() * dtype.bytes());
    try (PointerScope s = new PointerScope()) {
      Tensor there =
          torch.from_blob(
              new BytePointer(direct), shape.toArray(), types.options(dtype, Device.CPU));
      return Handle.keep(
          device.equals(Device.CPU)
              ? there.clone()
              : there.to(Types.device(device), Types.scalar(dtype)));
    } finally {
      // The collector frees a buffer that only native code still reads.
      Reference.reachabilityFence(direct);
    }
  }

  /** What remains of a buffer, or all of it where that is what fits, outside the heap. */
  private static ByteBuffer direct(ByteBuffer data, long bytes) {
    ByteBuffer all = data.remaining() == bytes ? data.slice() : data.duplicate().clear().slice();
    if (all.isDirect()) {
      return all;
    }
    ByteBuffer copy = ByteBuffer.allocateDirect(all.remaining());
    return copy.put(all).flip();
  }

  void read(TensorHandle x, ByteBuffer into) {
    try (PointerScope s = new PointerScope()) {
      Tensor t = Handle.of(x).detach().cpu().contiguous();
      Pointer.memcpy(new BytePointer(into), t.data_ptr(), t.nbytes());
    } finally {
      Reference.reachabilityFence(into);
    }
  }

  TensorHandle map(Path file, long offset, DType dtype, Shape shape, Device device) {
    if (shape.elements() == 0) {
      return zeros(dtype, shape, device);
    }
    long bytes = Math.multiplyExact(shape.elements(), dtype.bytes());
    checkHolds(file, offset, bytes);
    try (PointerScope s = new PointerScope()) {
      Tensor view =
          pages(file, offset + bytes)
              .narrow(0, offset, bytes)
              .view(Types.scalar(dtype))
              .view(shape.toArray());
      return Handle.keep(
          device.equals(Device.CPU) ? view : view.to(Types.device(device), Types.scalar(dtype)));
    }
  }

  /** libtorch would lengthen or create a file that is too short. */
  private static void checkHolds(Path file, long offset, long bytes) {
    try {
      long size = Files.size(file);
      if (size < offset + bytes) {
        throw new EnvironmentException(
            "%s cannot be mapped: it holds %d bytes, expected at least %d; is it truncated?"
                .formatted(file, size, offset + bytes));
      }
    } catch (IOException e) {
      throw new EnvironmentException("%s cannot be mapped: %s".formatted(file, e), e);
    }
  }

  /**
   * The first bytes of a file. Private pages first: they are shared with other processes until
   * written, and the file itself cannot be damaged. Where the system will not promise memory for so
   * large a private mapping, shared ones.
   */
  private Tensor pages(Path file, long bytes) {
    String name = file.toAbsolutePath().toString();
    LongOptional size = new LongOptional(bytes);
    try {
      return torch.from_file(
          name, new BoolOptional(false), size, types.options(DType.UINT8, Device.CPU));
    } catch (RuntimeException e) {
      if (!Files.isWritable(file)) {
        throw new EnvironmentException("%s cannot be mapped: %s".formatted(file, firstLine(e)), e);
      }
      return torch.from_file(
          name, new BoolOptional(true), size, types.options(DType.UINT8, Device.CPU));
    }
  }

  private static String firstLine(RuntimeException e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
  }
}

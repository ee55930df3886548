package org.tune4j.backend.djl;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.ndarray.types.SparseFormat;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * The TorchScript module of {@code ops.py}: every ATen operator behind a named method that takes
 * tensors alone. A call costs about ten microseconds.
 */
final class Script implements AutoCloseable {
  /** A pickled {@code __torch__.Ops} without attributes. */
  private static final byte[] MODULE =
      "\u0080\u0002c__torch__\nOps\n)\u0081}b.".getBytes(StandardCharsets.ISO_8859_1);

  /** A pickled {@code ()}. */
  private static final byte[] NO_CONSTANTS = "\u0080\u0002).".getBytes(StandardCharsets.ISO_8859_1);

  private static final int MAX_SCALARS = 256;

  private final PtNDManager manager;
  private final PtSymbolBlock module;
  private final Map<String, PtNDArray> names = new ConcurrentHashMap<>();
  private final Map<Double, PtNDArray> scalars = new ConcurrentHashMap<>();

  /**
   * Loads the module.
   *
   * @param cudaDevices how many CUDA devices arrays can be copied to
   */
  Script(PtNDManager manager, int cudaDevices) {
    this.manager = manager;
    try {
      Path archive = Files.createTempFile("tune4j-ops", ".pt");
      try {
        Files.write(archive, archive(source(cudaDevices)));
        module = JniUtils.loadModule(manager, archive, false, new String[0], new String[0], true);
      } finally {
        Files.delete(archive);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("TorchScript module: " + e.getMessage(), e);
    }
  }

  private static String source(int cudaDevices) throws IOException {
    StringBuilder s = new StringBuilder();
    try (InputStream in = Script.class.getResourceAsStream("ops.py")) {
      if (in == null) {
        throw new IOException("ops.py is not in the jar of backend 'djl'");
      }
      s.append(new String(in.readAllBytes(), StandardCharsets.UTF_8));
    }
    for (int i = -1; i < cudaDevices; i++) {
      String device = i < 0 ? "cpu" : "cuda:" + i;
      s.append("  def on_").append(device.replace(':', '_'));
      s.append("(self: __torch__.Ops, x: Tensor) -> Tensor:\n");
      s.append("    return torch.to(x, torch.device(\"").append(device);
      s.append("\"), ops.prim.dtype(x), False, True)\n");
    }
    return s.toString();
  }

  private static byte[] archive(String code) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      put(zip, "data.pkl", MODULE);
      put(zip, "code/__torch__.py", code.getBytes(StandardCharsets.UTF_8));
      put(zip, "constants.pkl", NO_CONSTANTS);
      put(zip, "version", "10\n".getBytes(StandardCharsets.US_ASCII));
      put(zip, "byteorder", "little".getBytes(StandardCharsets.US_ASCII));
    }
    return bytes.toByteArray();
  }

  private static void put(ZipOutputStream zip, String name, byte[] content) throws IOException {
    zip.putNextEntry(new ZipEntry("ops/" + name));
    zip.write(content);
    zip.closeEntry();
  }

  /** Runs a method. */
  PtNDArray call(String method, PtNDArray... args) {
    NDList list = new NDList(args.length + 1);
    list.add(names.computeIfAbsent(method, this::name));
    list.addAll(List.<NDArray>of(args));
    return (PtNDArray) IValueUtils.forward(module, list, true).get(0);
  }

  /** Runs a method that returns a boolean. */
  boolean ask(String method, PtNDArray x) {
    try (IValue argument = IValue.from(x);
        IValue answer = IValueUtils.runMethod(module, method, argument)) {
      return answer.toBoolean();
    }
  }

  /** DJL chooses the method by the name of an array. */
  private PtNDArray name(String method) {
    PtNDArray a = newScalar(0);
    a.setName("module_method:" + method);
    return a;
  }

  /** A number as an argument: a CPU fp64 scalar, kept where it was asked for early on. */
  record Scalar(PtNDArray array, boolean kept) implements AutoCloseable {
    @Override
    public void close() {
      if (!kept) {
        array.close();
      }
    }
  }

  Scalar scalar(double value) {
    PtNDArray known = scalars.get(value);
    if (known != null) {
      return new Scalar(known, true);
    }
    if (scalars.size() >= MAX_SCALARS) {
      return new Scalar(newScalar(value), false);
    }
    return new Scalar(scalars.computeIfAbsent(value, this::newScalar), true);
  }

  private PtNDArray newScalar(double value) {
    return JniUtils.full(
        manager, new Shape(), value, DataType.FLOAT64, Device.cpu(), SparseFormat.DENSE);
  }

  @Override
  public void close() {
    module.close();
    names.values().forEach(PtNDArray::close);
    scalars.values().forEach(PtNDArray::close);
  }
}

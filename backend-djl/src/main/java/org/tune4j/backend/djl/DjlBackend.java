package org.tune4j.backend.djl;

import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.util.Utils;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tune4j.EnvironmentException;
import org.tune4j.platform.NativeFolder;
import org.tune4j.spi.Backend;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.BackendProvider;
import org.tune4j.spi.Capability;
import org.tune4j.spi.Kernels;
import org.tune4j.spi.TensorHandle;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Shape;

/**
 * DJL's JNI calls where they need no element type, methods of {@link Script} for the rest.
 *
 * <p>Every array is attached to one {@link PtNDManager}, which frees what is left when the backend
 * closes.
 */
final class DjlBackend implements Backend {
  private final BackendProvider provider;
  private final PtNDManager manager;
  private final Script script;
  private final Storage storage;
  private final DjlKernels kernels;
  private final List<Device> devices;
  private final int defaultThreads;
  private final ThreadLocal<Boolean> prepared = ThreadLocal.withInitial(this::prepareThread);

  private DjlBackend(BackendProvider provider, BackendOptions options, Engine engine) {
    this.provider = provider;
    int chosen = FirstUse.DEFAULT_THREADS;
    this.defaultThreads = options.threads() > 0 ? options.threads() : chosen;
    int cuda = JniUtils.getFeatures().contains("CUDA") ? engine.getGpuCount() : 0;
    List<Device> all = new ArrayList<>(List.of(Device.CPU));
    for (int i = 0; i < cuda; i++) {
      all.add(new Device(Device.Type.CUDA, i));
    }
    this.devices = List.copyOf(all);
    this.manager = (PtNDManager) engine.newBaseManager(ai.djl.Device.cpu());
    this.script = new Script(manager, cuda);
    this.storage = new Storage(manager, script);
    this.kernels = new DjlKernels(this, storage, script);
  }

  static DjlBackend open(BackendProvider provider, BackendOptions options) {
    unpackPrivately();
    try {
      return new DjlBackend(provider, options, Engine.getEngine("PyTorch"));
    } catch (EngineException | LinkageError e) {
      Throwable root = e;
      while (root.getCause() != null) {
        root = root.getCause();
      }
      throw new EnvironmentException(
          "backend '%s' cannot be opened: its native libraries do not load (%s); DJL unpacks them to %s, which must be writable and have half a gigabyte of space (DJL_CACHE_DIR names another folder)"
              .formatted(provider.name(), root, Utils.getEngineCacheDir("pytorch")),
          e);
    }
  }

  /** DJL takes a setting from the environment or the system properties, JNA from the latter. */
  private static void unpackPrivately() {
    String given = Utils.getEnvOrSystemProperty("DJL_CACHE_DIR");
    if (given == null || given.isEmpty()) {
      given = NativeFolder.ofUser(".djl.ai", "DJL_CACHE_DIR").toString();
      System.setProperty("DJL_CACHE_DIR", given);
    }
    if (System.getProperty("jna.tmpdir") == null) {
      System.setProperty("jna.tmpdir", Path.of(given, "jna").toString());
    }
  }

  /**
   * A thread starts without recording, and takes the thread count that was set last anywhere at its
   * first parallel operation; asking for the count gets that over.
   */
  private boolean prepareThread() {
    JniUtils.setGradMode(true);
    JniUtils.setGraphExecutorOptimize(false);
    int unused = JniUtils.getNumThreads();
    JniUtils.setNumThreads(defaultThreads);
    return true;
  }

  /** To be called before anything native. */
  void enter() {
    boolean unused = prepared.get();
  }

  /** The array of a handle, in a thread that is ready. */
  PtNDArray in(TensorHandle x) {
    enter();
    return ((DjlTensor) x).array;
  }

  DjlTensor like(TensorHandle x, PtNDArray array) {
    DjlTensor t = (DjlTensor) x;
    return new DjlTensor(array, t.dtype, t.device);
  }

  @Override
  public String name() {
    return provider.name();
  }

  @Override
  public String version() {
    return provider.version();
  }

  @Override
  public Set<Capability> capabilities() {
    return provider.capabilities();
  }

  @Override
  public Set<DType> dtypes() {
    return provider.dtypes();
  }

  @Override
  public List<Device> devices() {
    return devices;
  }

  @Override
  public int threads() {
    enter();
    return JniUtils.getNumThreads();
  }

  @Override
  public void setThreads(int threads) {
    enter();
    JniUtils.setNumThreads(threads);
  }

  // Storage

  @Override
  public TensorHandle zeros(DType dtype, Shape shape, Device device) {
    enter();
    return storage.zeros(dtype, shape, device);
  }

  @Override
  public TensorHandle of(ByteBuffer data, DType dtype, Shape shape, Device device) {
    enter();
    return storage.of(data, dtype, shape, device);
  }

  @Override
  public void read(TensorHandle x, ByteBuffer into) {
    enter();
    storage.read(x, into);
  }

  @Override
  public TensorHandle map(Path file, long offset, DType dtype, Shape shape, Device device) {
    enter();
    return storage.map(file, offset, dtype, shape, device);
  }

  @Override
  public void release(TensorHandle x) {
    ((DjlTensor) x).array.close();
  }

  // Views

  @Override
  public TensorHandle reshape(TensorHandle x, Shape shape) {
    return like(x, JniUtils.reshape(in(x), shape.toArray()));
  }

  @Override
  public TensorHandle transpose(TensorHandle x, int dim0, int dim1) {
    return like(x, JniUtils.transpose(in(x), dim0, dim1));
  }

  @Override
  public TensorHandle narrow(TensorHandle x, int dim, long start, long length) {
    return like(x, JniUtils.slice(in(x), dim, start, start + length, 1));
  }

  @Override
  public TensorHandle expand(TensorHandle x, Shape shape) {
    return like(x, JniUtils.broadcast(in(x), Storage.djlShape(shape)));
  }

  // Copies

  @Override
  public TensorHandle contiguous(TensorHandle x) {
    return like(x, script.call("contiguous", in(x)));
  }

  @Override
  public TensorHandle cast(TensorHandle x, DType dtype) {
    return new DjlTensor(script.call("to_" + dtype, in(x)), dtype, ((DjlTensor) x).device);
  }

  @Override
  public TensorHandle copyTo(TensorHandle x, Device device) {
    return new DjlTensor(
        script.call(Storage.onDevice(device), in(x)), ((DjlTensor) x).dtype, device);
  }

  @Override
  public TensorHandle cat(List<TensorHandle> parts, int dim) {
    PtNDArray[] arrays = parts.stream().map(this::in).toArray(PtNDArray[]::new);
    return like(parts.get(0), JniUtils.cat(arrays, dim));
  }

  @Override
  public void copyInto(TensorHandle target, TensorHandle source) {
    PtNDArray into = in(target);
    boolean before = setGradientMode(false);
    try {
      script.call("copy", into, in(source)).close();
    } finally {
      setGradientMode(before);
    }
  }

  // Arithmetic

  @Override
  public TensorHandle unary(Unary op, TensorHandle x) {
    PtNDArray a = in(x);
    return like(
        x,
        switch (op) {
          case NEG -> JniUtils.neg(a);
          case EXP -> JniUtils.exp(a);
          case LOG -> JniUtils.log(a);
          case SQRT -> JniUtils.sqrt(a);
          case SIGMOID -> JniUtils.sigmoid(a);
          case TANH -> JniUtils.tanh(a);
        });
  }

  @Override
  public TensorHandle binary(Binary op, TensorHandle a, TensorHandle b) {
    PtNDArray x = in(a);
    PtNDArray y = in(b);
    return like(
        a,
        switch (op) {
          case ADD -> JniUtils.add(x, y);
          case SUB -> JniUtils.sub(x, y);
          case MUL -> JniUtils.mul(x, y);
          case DIV -> JniUtils.div(x, y);
        });
  }

  @Override
  public TensorHandle binary(Binary op, TensorHandle x, double scalar) {
    String method =
        switch (op) {
          case ADD -> "add";
          case SUB -> "sub";
          case MUL -> "mul";
          case DIV -> "div";
        };
    PtNDArray a = in(x);
    try (Script.Scalar s = script.scalar(scalar)) {
      return like(x, script.call(method, a, s.array()));
    }
  }

  @Override
  public TensorHandle sum(TensorHandle x, int dim) {
    return like(x, JniUtils.sum(in(x), new long[] {dim}, true));
  }

  @Override
  public TensorHandle max(TensorHandle x, int dim) {
    return like(x, JniUtils.max(in(x), dim, true));
  }

  @Override
  public TensorHandle matmul(TensorHandle a, TensorHandle b) {
    return like(a, JniUtils.matmul(in(a), in(b)));
  }

  @Override
  public TensorHandle indexSelect(TensorHandle x, TensorHandle indices) {
    return like(x, script.call("index_select", in(x), in(indices)));
  }

  @Override
  public TensorHandle gather(TensorHandle x, TensorHandle indices) {
    return like(x, JniUtils.gather(in(x), in(indices), 1));
  }

  // Autograd

  @Override
  public TensorHandle detach(TensorHandle x) {
    return like(x, JniUtils.detachGradient(in(x)));
  }

  @Override
  public void requireGradient(TensorHandle leaf) {
    JniUtils.attachGradient(in(leaf), true);
  }

  /** DJL's own question is answered for leaves alone. */
  @Override
  public boolean requiresGradient(TensorHandle x) {
    return script.ask("requires_gradient", in(x));
  }

  @Override
  public void backward(TensorHandle output, TensorHandle gradient) {
    JniUtils.backward(in(output), in(gradient), false, false);
  }

  @Override
  public @Nullable TensorHandle gradient(TensorHandle leaf) {
    PtNDArray g = JniUtils.getGradient(in(leaf));
    return g == null ? null : like(leaf, g);
  }

  /** No call of DJL's takes a gradient away from a leaf: a new leaf over the storage has none. */
  @Override
  public void dropValues(TensorHandle leaf) {
    script.call("drop_values", in(leaf)).close();
  }

  /** No view, which would keep what it is of. */
  @Override
  public TensorHandle gradientEdge(TensorHandle x, Shape shape) {
    return like(x, script.call("gradient_edge", in(x)));
  }

  @Override
  public void clearGradient(TensorHandle leaf) {
    PtNDArray before = in(leaf);
    PtNDArray fresh = JniUtils.detachGradient(before);
    JniUtils.attachGradient(fresh, true);
    ((DjlTensor) leaf).array = fresh;
    before.close();
  }

  @Override
  public boolean setGradientMode(boolean on) {
    enter();
    boolean before = JniUtils.isGradMode();
    JniUtils.setGradMode(on);
    return before;
  }

  /** DJL asks no allocator. */
  @Override
  public long allocatedBytes(Device device) {
    return -1;
  }

  @Override
  public Kernels kernels() {
    return kernels;
  }

  @Override
  public void close() {
    kernels.close();
    script.close();
    manager.close();
  }
}

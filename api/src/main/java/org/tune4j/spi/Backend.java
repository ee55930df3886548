package org.tune4j.spi;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;

/**
 * The primitives that a backend must give. Callers are {@link org.tune4j.tensor.Tensor} and {@link
 * org.tune4j.tensor.Engine}: arguments are already checked (shapes fit, types equal, dimensions
 * counted from 0), so an implementation neither checks nor words errors.
 *
 * <p>Every handle returned is new and is released once with {@link #release}, also views.
 * Differentiable operations record for {@link #backward} while the calling thread's gradient mode
 * is on and an argument requires a gradient; a handle may be released while a recorded graph still
 * needs its storage. All methods may be called from several threads at once on different handles,
 * and on the same handle for reading.
 *
 * <p>Buffers hold elements in row-major order, little-endian.
 */
public interface Backend extends AutoCloseable {
  /** Element-wise functions of one argument, all differentiable. */
  enum Unary {
    NEG,
    EXP,
    LOG,
    SQRT,
    SIGMOID,
    TANH
  }

  /** Element-wise functions of two arguments that broadcast, all differentiable. */
  enum Binary {
    ADD,
    SUB,
    MUL,
    DIV
  }

  String name();

  /** The versions of the libraries behind it, for people. */
  String version();

  Set<Capability> capabilities();

  Set<DType> dtypes();

  /** The devices that tensors can lie on. */
  List<Device> devices();

  /** How many threads an operation called from this thread uses on the CPU. */
  int threads();

  /** Sets {@link #threads} for operations called from this thread. */
  void setThreads(int threads);

  // Storage

  /** Zeros. */
  TensorHandle zeros(DType dtype, Shape shape, Device device);

  /** A copy of {@code data}. */
  TensorHandle of(ByteBuffer data, DType dtype, Shape shape, Device device);

  /** Copies {@code x}'s elements into {@code into}, which has room for exactly these. */
  void read(TensorHandle x, ByteBuffer into);

  /**
   * A tensor over the pages of a file, shared with other processes and never written; only where
   * {@link Capability#MEMORY_MAP} is declared. On a CUDA device, a copy.
   *
   * @param offset where the first element lies, in bytes; a multiple of the element size
   */
  TensorHandle map(Path file, long offset, DType dtype, Shape shape, Device device);

  void release(TensorHandle x);

  // Views share the storage of their argument; differentiable

  /** The same elements in another shape: a view of a contiguous tensor, otherwise a copy. */
  TensorHandle reshape(TensorHandle x, Shape shape);

  TensorHandle transpose(TensorHandle x, int dim0, int dim1);

  TensorHandle narrow(TensorHandle x, int dim, long start, long length);

  /** {@code shape} has the rank of {@code x}, and its sizes where they are not 1. */
  TensorHandle expand(TensorHandle x, Shape shape);

  // Copies; differentiable but for copyInto

  /** The same elements in row-major order; may share storage where they already are. */
  TensorHandle contiguous(TensorHandle x);

  /** Rounds to nearest, ties to even; to integers, towards zero. */
  TensorHandle cast(TensorHandle x, DType dtype);

  TensorHandle copyTo(TensorHandle x, Device device);

  TensorHandle cat(List<TensorHandle> parts, int dim);

  /**
   * Overwrites {@code target}'s elements, through views; not recorded. Casts where types differ.
   */
  void copyInto(TensorHandle target, TensorHandle source);

  // Arithmetic; differentiable

  TensorHandle unary(Unary op, TensorHandle x);

  TensorHandle binary(Binary op, TensorHandle a, TensorHandle b);

  /** {@code x op scalar}. */
  TensorHandle binary(Binary op, TensorHandle x, double scalar);

  /** The sum over one dimension, which stays with size 1. */
  TensorHandle sum(TensorHandle x, int dim);

  /**
   * The largest element over one dimension, which stays with size 1; the gradient goes to one of
   * the largest.
   */
  TensorHandle max(TensorHandle x, int dim);

  /** {@code [n, k] x [k, m]} or {@code [b, n, k] x [b, k, m]}. */
  TensorHandle matmul(TensorHandle a, TensorHandle b);

  /** Rows of {@code x} along dimension 0; {@code indices} is int64 {@code [n]}. */
  TensorHandle indexSelect(TensorHandle x, TensorHandle indices);

  /**
   * {@code out[i, 0] = x[i, indices[i, 0]]}; {@code x} is {@code [n, m]}, {@code indices} int64
   * {@code [n, 1]}.
   */
  TensorHandle gather(TensorHandle x, TensorHandle indices);

  // Autograd

  /** The same storage outside any graph. */
  TensorHandle detach(TensorHandle x);

  /** Makes a detached handle a leaf that collects a gradient. */
  void requireGradient(TensorHandle leaf);

  boolean requiresGradient(TensorHandle x);

  /**
   * Adds to every leaf's gradient; frees the graph. {@code gradient} has {@code output}'s shape and
   * type.
   */
  void backward(TensorHandle output, TensorHandle gradient);

  /** The gradient that a leaf has collected, sharing its storage, or null. */
  @Nullable TensorHandle gradient(TensorHandle leaf);

  /** Forgets a leaf's gradient. */
  void clearGradient(TensorHandle leaf);

  /** Turns recording on or off for this thread; returns what it was. It is on in a new thread. */
  boolean setGradientMode(boolean on);

  /** Bytes that tensors hold on a device, or -1 where the libraries do not tell. */
  long allocatedBytes(Device device);

  /** What the backend computes in one piece; {@link Kernels#NONE} to leave all to the defaults. */
  default Kernels kernels() {
    return Kernels.NONE;
  }

  /**
   * Meets the ranks of other processes; only where {@link Capability#PROCESSES} is declared.
   * Returns once all are there.
   *
   * @param engine the engine over this backend whose tensors are exchanged
   * @throws org.tune4j.CollectiveException when the ranks do not meet within the time-out
   */
  default Collectives join(Engine engine, Rendezvous rendezvous) {
    throw new UnsupportedOperationException(name() + " declares no PROCESSES");
  }

  @Override
  void close();
}

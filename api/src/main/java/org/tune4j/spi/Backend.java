package org.tune4j.spi;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Shape;

/**
 * Computes the primitives. Callers are {@link org.tune4j.tensor.Tensor} and {@link
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
    /** {@code -x}. */
    NEG,
    /** {@code e^x}. */
    EXP,
    /** The natural logarithm. */
    LOG,
    /** The square root. */
    SQRT,
    /** {@code 1 / (1 + e^-x)}. */
    SIGMOID,
    /** The hyperbolic tangent. */
    TANH
  }

  /** Element-wise functions of two arguments that broadcast, all differentiable. */
  enum Binary {
    /** {@code a + b}. */
    ADD,
    /** {@code a - b}. */
    SUB,
    /** {@code a * b}. */
    MUL,
    /** {@code a / b}. */
    DIV
  }

  /** {@return its provider's name, which configs use} */
  String name();

  /** {@return the versions of the libraries behind it, for people} */
  String version();

  /** {@return what it can do besides the primitives; the kit tests what is declared} */
  Set<Capability> capabilities();

  /** {@return the types that its tensors may have} */
  Set<DType> dtypes();

  /** {@return the devices that tensors can lie on} */
  List<Device> devices();

  /** {@return how many threads an operation called from this thread uses on the CPU} */
  int threads();

  /**
   * Sets {@link #threads} for operations called from this thread.
   *
   * @param threads 1 or more
   */
  void setThreads(int threads);

  // Storage

  /**
   * {@return zeros}
   *
   * @param dtype one of {@link #dtypes}
   * @param shape of the tensor
   * @param device one of {@link #devices}
   */
  TensorHandle zeros(DType dtype, Shape shape, Device device);

  /**
   * {@return a copy of a buffer's elements}
   *
   * @param data from its position to its limit, exactly as many bytes as the tensor has
   * @param dtype of the elements in the buffer and in the tensor
   * @param shape of the tensor
   * @param device where the copy lies
   */
  TensorHandle of(ByteBuffer data, DType dtype, Shape shape, Device device);

  /**
   * Copies a tensor's elements out.
   *
   * @param x in any layout
   * @param into direct; takes {@code elements * dtype.bytes()} bytes from its position
   */
  void read(TensorHandle x, ByteBuffer into);

  /**
   * Maps a file: its pages are shared with other processes and never written; only where {@link
   * Capability#MEMORY_MAP} is declared. On a CUDA device, a copy.
   *
   * @param file at least as long as the tensor's end
   * @param offset where the first element lies, in bytes; a multiple of the element size
   * @param dtype of the elements in the file
   * @param shape of the tensor
   * @param device where it lies
   * @return a handle that keeps the mapping until it is released
   */
  TensorHandle map(Path file, long offset, DType dtype, Shape shape, Device device);

  /**
   * Releases a handle. Storage that views or a recorded graph still need outlives it.
   *
   * @param x not released before
   */
  void release(TensorHandle x);

  // Views share the storage of their argument; differentiable

  /**
   * {@return the same elements in another shape: a view of a contiguous tensor, otherwise a copy}
   *
   * @param x in any layout
   * @param shape with as many elements
   */
  TensorHandle reshape(TensorHandle x, Shape shape);

  /**
   * {@return a view with two dimensions exchanged}
   *
   * @param x in any layout
   * @param dim0 from 0
   * @param dim1 from 0; may be {@code dim0}
   */
  TensorHandle transpose(TensorHandle x, int dim0, int dim1);

  /**
   * {@return a view of a stretch of one dimension}
   *
   * @param x in any layout
   * @param dim from 0
   * @param start the first index of the stretch
   * @param length of the stretch; may be 0
   */
  TensorHandle narrow(TensorHandle x, int dim, long start, long length);

  /**
   * {@return a view that repeats dimensions of size 1}
   *
   * @param x in any layout
   * @param shape has the rank of {@code x}, and its sizes where they are not 1
   */
  TensorHandle expand(TensorHandle x, Shape shape);

  // Copies; differentiable but for copyInto

  /**
   * {@return the same elements in row-major order; may share storage where they already are}
   *
   * @param x in any layout
   */
  TensorHandle contiguous(TensorHandle x);

  /**
   * Casts to nearest, ties to even; to integers, towards zero.
   *
   * @param x of any type
   * @param dtype of the copy; may be that of {@code x}
   * @return storage of its own
   */
  TensorHandle cast(TensorHandle x, DType dtype);

  /**
   * {@return a copy on a device, with storage of its own}
   *
   * @param x on any device
   * @param device one of {@link #devices}; may be that of {@code x}
   */
  TensorHandle copyTo(TensorHandle x, Device device);

  /**
   * {@return tensors joined along a dimension}
   *
   * @param parts one or more, of equal sizes elsewhere
   * @param dim from 0
   */
  TensorHandle cat(List<TensorHandle> parts, int dim);

  /**
   * Overwrites a tensor's elements, through views; not recorded.
   *
   * @param target what is overwritten
   * @param source of the same shape, of any type, which is cast
   */
  void copyInto(TensorHandle target, TensorHandle source);

  // Arithmetic; differentiable

  /**
   * {@return {@code op(x)}, element by element}
   *
   * @param op what is computed
   * @param x floating
   */
  TensorHandle unary(Unary op, TensorHandle x);

  /**
   * {@return {@code a op b}, element by element, in the shape to which both broadcast}
   *
   * @param op what is computed
   * @param a floating
   * @param b of the same type
   */
  TensorHandle binary(Binary op, TensorHandle a, TensorHandle b);

  /**
   * {@return {@code x op scalar}, element by element, in the type of {@code x}}
   *
   * @param op what is computed
   * @param x floating
   * @param scalar the second argument, for every element
   */
  TensorHandle binary(Binary op, TensorHandle x, double scalar);

  /**
   * {@return the sum over one dimension, which stays with size 1}
   *
   * @param x floating
   * @param dim from 0
   */
  TensorHandle sum(TensorHandle x, int dim);

  /**
   * {@return the largest element over one dimension, which stays with size 1} The gradient goes to
   * one of the largest.
   *
   * @param x floating
   * @param dim from 0; not empty
   */
  TensorHandle max(TensorHandle x, int dim);

  /**
   * {@return the matrix product, {@code [n, m]} or {@code [b, n, m]}}
   *
   * @param a {@code [n, k]} or {@code [b, n, k]}
   * @param b {@code [k, m]} or {@code [b, k, m]}, of the same type
   */
  TensorHandle matmul(TensorHandle a, TensorHandle b);

  /**
   * {@return rows along dimension 0, {@code [n, ...]}}
   *
   * @param x {@code [rows, ...]}
   * @param indices int64 {@code [n]}, each below {@code rows}; a row may be taken several times
   */
  TensorHandle indexSelect(TensorHandle x, TensorHandle indices);

  /**
   * {@return one element of each row: {@code out[i, 0] = x[i, indices[i, 0]]}}
   *
   * @param x {@code [n, m]}
   * @param indices int64 {@code [n, 1]}, each below {@code m}
   */
  TensorHandle gather(TensorHandle x, TensorHandle indices);

  // Autograd

  /**
   * {@return the same storage outside any graph}
   *
   * @param x recorded or not
   */
  TensorHandle detach(TensorHandle x);

  /**
   * Makes a detached handle a leaf that collects a gradient.
   *
   * @param leaf floating
   */
  void requireGradient(TensorHandle leaf);

  /**
   * {@return whether it is a leaf, or computed from one while recording was on}
   *
   * @param x recorded or not
   */
  boolean requiresGradient(TensorHandle x);

  /**
   * Adds to every leaf's gradient; frees the graph.
   *
   * @param output which requires a gradient
   * @param gradient of the output, in its shape and type
   */
  void backward(TensorHandle output, TensorHandle gradient);

  /**
   * {@return the gradient that a leaf has collected, sharing its storage, or null}
   *
   * @param leaf of {@link #requireGradient}
   */
  @Nullable TensorHandle gradient(TensorHandle leaf);

  /**
   * May free a leaf's storage: from here on only its shape and its gradient are used. Views of it,
   * and what a graph has kept, stay as they are.
   *
   * @param leaf of {@link #requireGradient}
   */
  default void dropValues(TensorHandle leaf) {}

  /**
   * {@return a handle from which gradients flow as from {@code x}; its values are undefined, and
   * need not keep the storage of {@code x}}
   *
   * @param x recorded
   * @param shape of it
   */
  default TensorHandle gradientEdge(TensorHandle x, Shape shape) {
    return reshape(x, shape);
  }

  /**
   * Clears a leaf's gradient.
   *
   * @param leaf of {@link #requireGradient}
   */
  void clearGradient(TensorHandle leaf);

  /**
   * Turns recording on or off for this thread. It is on in a new thread.
   *
   * @param on whether operations are recorded from here on
   * @return what it was
   */
  boolean setGradientMode(boolean on);

  /**
   * {@return the bytes that tensors hold on a device, or -1 where the libraries do not tell}
   *
   * @param device one of {@link #devices}
   */
  long allocatedBytes(Device device);

  /**
   * {@return what the backend computes in one piece; {@link Kernels#NONE} to leave all to the
   * defaults}
   */
  default Kernels kernels() {
    return Kernels.NONE;
  }

  /** Closes the backend, after every handle was released. */
  @Override
  void close();
}

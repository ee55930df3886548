package org.tune4j.optim;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Elementwise work a chunk at a time, so that what it needs beside its tensors stays small. */
public final class Chunks {
  /** Elements of a chunk: 16 MiB in fp32. */
  public static final long SIZE = 1L << 22;

  private Chunks() {}

  /**
   * {@return a copy that belongs to the calling thread's innermost scope}
   *
   * @param t of any type
   */
  public static Tensor copy(Tensor t) {
    Tensor copy = t.engine().zeros(t.dtype(), t.shape());
    copy.copyFrom(t);
    return copy;
  }

  /**
   * {@return the elements in row-major order, a chunk at a time: views, or views of a copy where it
   * is not contiguous; itself where it has no more}
   *
   * @param t of any shape
   * @param most elements of a chunk, 1 or more
   */
  public static List<Tensor> of(Tensor t, long most) {
    long n = t.shape().elements();
    if (n <= most) {
      return List.of(t);
    }
    Tensor flat = t.reshape(-1);
    List<Tensor> chunks = new ArrayList<>();
    for (long at = 0; at < n; at += most) {
      chunks.add(flat.narrow(0, at, Math.min(most, n - at)));
    }
    return chunks;
  }

  /**
   * Calls {@code work} with the same chunk of each tensor, from the first elements to the last,
   * without gradient and in a scope of its own.
   *
   * @param tensors of as many elements each; contiguous where {@code work} writes to them
   * @param work gets views in the order of {@code tensors}, which end with its call
   */
  public static void forEach(List<Tensor> tensors, Consumer<List<Tensor>> work) {
    Engine engine = tensors.get(0).engine();
    try (TensorScope scope = engine.openScope();
        Engine.NoGradient off = engine.noGradient()) {
      List<List<Tensor>> chunks = tensors.stream().map(t -> of(t, SIZE)).toList();
      IntStream.range(0, chunks.get(0).size())
          .forEach(
              i -> {
                try (TensorScope chunk = engine.openScope()) {
                  work.accept(chunks.stream().map(c -> c.get(i)).toList());
                }
              });
    }
  }
}

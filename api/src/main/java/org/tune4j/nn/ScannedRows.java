package org.tune4j.nn;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * A scan over rows laid end to end. For its backward it keeps the input and the state before each
 * chunk: the chunks are computed again, the last first, each with its own backward.
 */
final class ScannedRows {
  private final Engine engine;
  private final Scan scan;
  private final Tensor input;
  private final List<Piece> pieces = new ArrayList<>();

  ScannedRows(Engine engine, Scan scan, Tensor input) {
    this.engine = engine;
    this.scan = scan;
    this.input = input;
  }

  /** Tokens of one row that are computed at once. */
  private record Piece(int from, int to, boolean last, List<Tensor> before) {
    int size() {
      return to - from;
    }
  }

  /**
   * All rows, as the thread records.
   *
   * @param states before each row; none where rows begin
   * @param keeper owns what {@link #backward} needs; null where there will be none
   */
  Scan.Rows forward(int[] rowEnds, List<List<Tensor>> states, @Nullable TensorScope keeper) {
    try (TensorScope scope = engine.openScope()) {
      List<Tensor> outputs = new ArrayList<>();
      List<List<Tensor>> after = new ArrayList<>();
      int from = 0;
      for (int row = 0; row < rowEnds.length; row++) {
        List<Tensor> state = states.isEmpty() ? scan.begin() : states.get(row);
        while (from < rowEnds[row]) {
          int to = from + Math.min(scan.chunk(), rowEnds[row] - from);
          Piece piece = new Piece(from, to, to == rowEnds[row], state);
          Scan.Chunk chunk = next(piece);
          if (keeper != null) {
            state.forEach(t -> t.moveTo(keeper));
            pieces.add(piece);
          } else if (states.isEmpty()) {
            state.forEach(Tensor::close);
          }
          outputs.add(chunk.output());
          state = chunk.state();
          from = to;
        }
        state.forEach(scope::moveOut);
        after.add(state);
      }
      return new Scan.Rows(scope.moveOut(joined(outputs)), after);
    }
  }

  private Scan.Chunk next(Piece piece) {
    try (TensorScope scope = engine.openScope()) {
      Scan.Chunk chunk = scan.next(part(piece), piece.before());
      scope.moveOut(chunk.output());
      chunk.state().forEach(scope::moveOut);
      return chunk;
    }
  }

  private Tensor part(Piece piece) {
    return input.narrow(0, piece.from(), piece.size());
  }

  private static Tensor joined(List<Tensor> parts) {
    return parts.size() == 1 ? parts.get(0) : Tensor.cat(parts, 0);
  }

  /**
   * The gradient of the input. Adds to those of the parameters that the scan reads.
   *
   * @param gradient of the output
   */
  Tensor backward(Tensor gradient) {
    List<Tensor> found = new ArrayList<>();
    try (TensorScope scope = engine.openScope()) {
      List<Tensor> behind = List.of();
      for (int i = pieces.size() - 1; i >= 0; i--) {
        Piece piece = pieces.get(i);
        behind = again(piece, gradient, piece.last() ? List.of() : behind, found);
      }
      return scope.moveOut(joined(found));
    }
  }

  /** Computes a piece again, and its backward; gives the gradient of the state before it. */
  private List<Tensor> again(
      Piece piece, Tensor gradient, List<Tensor> behind, List<Tensor> found) {
    try (TensorScope scope = engine.openScope()) {
      Tensor part = part(piece).leaf();
      List<Tensor> before = piece.before().stream().map(Tensor::leaf).toList();
      Scan.Chunk chunk = scan.next(part, before);
      // One output for all, as a graph is gone through once.
      Tensor sum = product(chunk.output(), gradient.narrow(0, piece.from(), piece.size()));
      for (int i = 0; i < behind.size(); i++) {
        sum = sum.add(product(chunk.state().get(i), behind.get(i)));
      }
      sum.backward();
      found.add(0, scope.moveOut(gradient(part)));
      return before.stream().map(x -> scope.moveOut(gradient(x))).toList();
    }
  }

  private static Tensor product(Tensor value, Tensor gradient) {
    Tensor sum = value.mul(gradient).sum();
    return sum.dtype() == DType.FP64 || sum.dtype() == DType.FP32 ? sum : sum.cast(DType.FP32);
  }

  private Tensor gradient(Tensor leaf) {
    return leaf.gradient().orElseGet(() -> engine.zeros(leaf.dtype(), leaf.shape()));
  }

  /** Releases what was kept. */
  void close() {
    input.close();
    pieces.forEach(piece -> piece.before().forEach(Tensor::close));
  }
}

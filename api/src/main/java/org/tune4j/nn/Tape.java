package org.tune4j.nn;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.function.Supplier;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * What a pass differentiates itself: products with frozen weights narrower than their input, and
 * scans. A backend's graph would keep each weight's wide copy, and all that a scan computes, until
 * backward. So graphs end where the data's way divides, behind each such product and behind each
 * scan, and gradients are carried over the gaps here, with the weight widened or the chunk computed
 * again. Every piece of graph is gone through once.
 */
final class Tape {
  private final Engine engine;
  private final TensorScope owner;
  private final List<Step> steps = new ArrayList<>();
  private final IdentityHashMap<Tensor, Fork> byInput = new IdentityHashMap<>();
  private final IdentityHashMap<Tensor, Fork> byValues = new IdentityHashMap<>();
  private boolean cutting;

  Tape(Engine engine, TensorScope owner) {
    this.engine = engine;
    this.owner = owner;
  }

  /** What stands for a tensor, and what collects its gradient; the same, or a view of it. */
  private record Fork(Tensor values, Tensor leaf) {}

  /** What a gradient is carried over, once that of its output is whole. */
  private sealed interface Step {
    Tensor output();

    void backward(Tensor gradient);

    void close();
  }

  /** {@code output} has the values of {@code input}, as the beginning of another graph. */
  private record Cut(Tensor input, Tensor output) implements Step {
    @Override
    public void backward(Tensor gradient) {
      input.backward(gradient);
    }

    @Override
    public void close() {
      input.close();
      output.close();
    }
  }

  /** {@code output} has the values of a leaf, for another branch. */
  private record Again(Tensor leaf, Tensor output) implements Step {
    @Override
    public void backward(Tensor gradient) {
      leaf.backward(gradient);
    }

    @Override
    public void close() {
      output.close();
    }
  }

  /** {@code output} is {@code input weight^T}. */
  private record Product(Tensor input, Tensor weight, Tensor output) implements Step {
    @Override
    public void backward(Tensor gradient) {
      input.backward(input.engine().operations().widenedLinearInput(gradient, weight));
    }

    @Override
    public void close() {
      output.close();
    }
  }

  /** {@code output} is a scan's of {@code input}. */
  private record Scanned(ScannedRows rows, Tensor input, Tensor output) implements Step {
    @Override
    public void backward(Tensor gradient) {
      input.backward(rows.backward(gradient));
    }

    @Override
    public void close() {
      rows.close();
      output.close();
    }
  }

  /** {@code output} has the values of {@code input}, and a gradient besides the one it gets. */
  private record Pulled(Tensor input, Tensor output, Supplier<Tensor> more) implements Step {
    @Override
    public void backward(Tensor gradient) {
      input.backward(gradient.add(more.get()));
    }

    @Override
    public void close() {
      input.close();
      output.close();
    }
  }

  void setCutting(boolean on) {
    cutting = on;
  }

  /** What stands for {@code x} in branches of any kind. */
  Tensor fork(Tensor x) {
    return records(x) ? forked(x, false).values() : x;
  }

  /** The same for products and what is added to them, which may not need the values in backward. */
  Tensor input(Tensor x) {
    return records(x) ? forked(x, true).values() : x;
  }

  private Fork forked(Tensor x, boolean drops) {
    Fork own = byValues.get(x);
    if (own != null) {
      return own;
    }
    Fork first = byInput.get(x);
    Tensor output = (first == null ? x : first.values()).leaf().moveTo(owner);
    // A branch of its own each time: what one branch has gone through, another may not.
    steps.add(
        first == null
            ? new Cut(x.gradientEdge().moveTo(owner), output)
            : new Again(first.leaf(), output));
    Tensor values = drops ? view(output) : output;
    if (drops) {
      output.dropValues();
    }
    Fork fork = new Fork(values, output);
    byInput.putIfAbsent(x, fork);
    byValues.put(values, fork);
    return fork;
  }

  /** The same of a tensor that is used once, to whose gradient another is added. */
  Tensor pulled(Tensor x, Supplier<Tensor> more) {
    if (!records(x)) {
      return x;
    }
    Tensor output = x.leaf().moveTo(owner);
    steps.add(new Pulled(x.gradientEdge().moveTo(owner), output, more));
    return output;
  }

  Tensor linear(Tensor x, Tensor w) {
    if (!records(x)) {
      return engine.operations().widenedLinear(x, w);
    }
    Fork fork = forked(x, true);
    Tensor output = engine.operations().widenedLinear(fork.values(), w).leaf().moveTo(owner);
    steps.add(new Product(fork.leaf(), w, output));
    Tensor values = view(output);
    output.dropValues();
    return values;
  }

  Scan.Rows scan(Scan scan, Tensor x, int[] rowEnds, List<List<Tensor>> states) {
    if (!records(x)) {
      return new ScannedRows(engine, scan, x).forward(rowEnds, states, null);
    }
    Fork fork = forked(x, false);
    Tensor values = fork.values().detach().moveTo(owner);
    ScannedRows rows = new ScannedRows(engine, scan, values);
    Scan.Rows result;
    try (Engine.NoGradient off = engine.noGradient()) {
      result = rows.forward(rowEnds, states, owner);
    }
    Tensor output = result.output().leaf().moveTo(owner);
    steps.add(new Scanned(rows, fork.leaf(), output));
    Tensor seen = view(output);
    output.dropValues();
    return new Scan.Rows(seen, result.states());
  }

  private static Tensor view(Tensor x) {
    return x.reshape(x.shape().toArray());
  }

  private boolean records(Tensor x) {
    return cutting && x.requiresGradient() && engine.recording();
  }

  /** Carries over every gap what has come to its output, the last first. */
  void backward() {
    for (int i = steps.size() - 1; i >= 0; i--) {
      Step step = steps.get(i);
      try (TensorScope scope = engine.openScope()) {
        Tensor gradient = step.output().gradient().orElse(null);
        if (gradient != null) {
          step.backward(gradient);
          step.close();
          steps.remove(i);
        }
      }
    }
    if (steps.isEmpty()) {
      byInput.clear();
      byValues.clear();
    }
  }
}

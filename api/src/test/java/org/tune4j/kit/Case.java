package org.tune4j.kit;

import java.util.Arrays;
import java.util.List;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.RandomBits;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/**
 * Something differentiable to compare.
 *
 * @param name for failures
 * @param function from arguments to one result
 * @param arguments their shapes and values
 */
record Case(String name, Function function, List<Argument> arguments) {
  /** Computes one result on an engine. */
  interface Function {
    Tensor apply(Engine engine, Tensor[] x);
  }

  /** A shape and row-major values. */
  record Argument(Shape shape, double[] values) {}

  static final long SEED = Long.getLong("tune4j.kit.seed", 20261124L);

  static Case of(String name, Function function, Argument... arguments) {
    return new Case(name, function, List.of(arguments));
  }

  /** U(low, high), the same for every argument of one shape and {@code stream}. */
  static Argument uniform(int stream, double low, double high, long... sizes) {
    Shape shape = Shape.of(sizes);
    double[] values = new double[(int) shape.elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] = low + (high - low) * RandomBits.uniform(SEED + stream, i);
    }
    return new Argument(shape, values);
  }

  /** Different multiples of 1/8, in no order, which every type represents. */
  static Argument distinct(long... sizes) {
    Shape shape = Shape.of(sizes);
    double[] values = new double[(int) shape.elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] = ((i * 37 + 11) % 41 - 20) / 8.0;
    }
    if (Arrays.stream(values).distinct().count() != values.length) {
      throw new IllegalArgumentException("at most 41 values, not " + shape);
    }
    return new Argument(shape, values);
  }
}

package org.tune4j.optim;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.tune4j.nn.Parameter;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Tensor;

/** Parameters' values, what is kept of each beside them, and how many updates were made. */
abstract class CountedOptimizer implements Optimizer {
  private final List<Tensor> values = new ArrayList<>();
  private final List<Map<String, Tensor>> states = new ArrayList<>();
  private long updates;

  /** Zeros of what {@code spec} keeps, owned by the calling thread's innermost scope. */
  CountedOptimizer(Spec spec, List<Parameter> parameters) {
    for (Parameter p : parameters) {
      Tensor value = p.tensor();
      values.add(value);
      Map<String, Tensor> state = new TreeMap<>();
      spec.kept(p)
          .forEach((kind, k) -> state.put(kind, value.engine().zeros(k.dtype(), k.shape())));
      states.add(state);
    }
  }

  final List<Tensor> values() {
    return values;
  }

  final Tensor value(int parameter) {
    return values.get(parameter);
  }

  final Tensor state(int parameter, String kind) {
    return Objects.requireNonNull(states.get(parameter).get(kind));
  }

  /** In fp32, or as it is where that is no less. */
  static Tensor wide(Tensor t) {
    return t.dtype() == wide(t.dtype()) ? t : t.cast(DType.FP32);
  }

  static DType wide(DType dtype) {
    return dtype == DType.FP64 ? DType.FP64 : DType.FP32;
  }

  @Override
  public final long updates() {
    return updates;
  }

  @Override
  public final void setUpdates(long updates) {
    this.updates = updates;
  }

  @Override
  public Map<String, Tensor> state(int parameter) {
    return states.get(parameter);
  }
}

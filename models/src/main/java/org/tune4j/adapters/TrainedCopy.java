package org.tune4j.adapters;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.tune4j.nn.Module;
import org.tune4j.nn.Parameter;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;

/**
 * The parameters of a module again, to be trained. Below the module they lie under PEFT's {@link
 * #NAME}; a saved adapter has them under the module's own names.
 */
final class TrainedCopy extends Module {
  static final String NAME = "modules_to_save";

  private final Map<Parameter, Parameter> originals = new LinkedHashMap<>();

  /** Of all of a module's parameters; its weight may be another copy's. */
  TrainedCopy(Map<String, Parameter> own, DType dtype, @Nullable Parameter tied) {
    own.forEach(
        (name, p) -> {
          if (tied != null && name.equals("weight")) {
            add(tied);
          } else {
            originals.put(add(new Parameter(name, p.shape(), dtype, true)), p);
          }
        });
  }

  Parameter parameter(String name) {
    return Objects.requireNonNull(ownParameters().get(name));
  }

  /** Gives the copies the values of their originals. */
  void initialise() {
    originals.forEach(
        (copy, original) -> {
          Tensor values = original.tensor();
          Engine engine = values.engine();
          Tensor own = engine.zeros(copy.dtype(), copy.shape());
          own.copyFrom(values.dtype() == copy.dtype() ? values : values.cast(copy.dtype()));
          copy.set(own);
        });
  }

  /** A full name in the base model, of that of its copy. */
  static String original(String name) {
    return name.replace("." + NAME + ".", ".");
  }
}

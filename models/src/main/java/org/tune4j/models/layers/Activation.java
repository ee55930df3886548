package org.tune4j.models.layers;

import java.util.Map;
import org.tune4j.checkpoint.JsonFields;
import org.tune4j.tensor.Operations;
import org.tune4j.tensor.Tensor;

/** What an MLP does to each element. */
public enum Activation {
  /** {@code x sigmoid(x)}. */
  SILU {
    @Override
    public Tensor of(Tensor x) {
      return x.mul(x.sigmoid());
    }

    @Override
    Tensor gated(Operations operations, Tensor gate, Tensor up) {
      return operations.swiGlu(gate, up);
    }
  },

  /** The Gaussian error linear unit by its hyperbolic tangent (Hendrycks and Gimpel 2016). */
  GELU_TANH {
    @Override
    public Tensor of(Tensor x) {
      Tensor z = x.mul(x).mul(0.044715).add(1).mul(x).mul(2 * Math.sqrt(2 / Math.PI));
      return x.mul(z.sigmoid());
    }
  };

  private static final Map<String, Activation> NAMES =
      Map.of("silu", SILU, "swish", SILU, "gelu_pytorch_tanh", GELU_TANH, "gelu_new", GELU_TANH);

  /**
   * {@return the activation that a {@code config.json} names}
   *
   * @param json its fields
   * @param field the name's
   * @param absent where it is not there
   */
  public static Activation read(JsonFields json, String field, Activation absent) {
    if (!json.has(field)) {
      return absent;
    }
    Activation known = NAMES.get(json.text(field));
    if (known == null) {
      throw json.wrong(
          field, "\"silu\" or \"gelu_pytorch_tanh\"; no other activation is supported");
    }
    return known;
  }

  /**
   * {@return the activation of each element, owned by the calling thread's scope}
   *
   * @param x of any shape
   */
  public abstract Tensor of(Tensor x);

  /** The activation of the gate, times the other. */
  Tensor gated(Operations operations, Tensor gate, Tensor up) {
    return of(gate).mul(up);
  }
}

package org.tune4j.models.layers;

import java.util.Optional;
import org.tune4j.nn.Module;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/**
 * What changes a linear's product: one object a linear, with everything about itself. Its
 * parameters are trainable and named as PEFT names them below the linear's path, such as {@code
 * lora_A.weight}. They have storage after {@link #initialise} or loading.
 *
 * <p>Holds no state of a pass, so that threads share it.
 */
public abstract class Adapter extends Module {
  /**
   * {@return the adapted product, {@code [n, out]}, owned by the calling thread's scope}
   *
   * <p>Override it where base and adapter can be computed in one operation.
   *
   * @param pass of the calling thread
   * @param x {@code [n, in]}
   * @param base the linear's weight
   */
  public Tensor forward(Pass pass, Tensor x, BaseWeight base) {
    return adapt(pass, x, base.product(pass, x));
  }

  /**
   * {@return the product with what the adapter changes, {@code [n, out]}}
   *
   * @param pass of the calling thread
   * @param x {@code [n, in]}
   * @param product {@code x W^T}, {@code [n, out]}
   */
  public abstract Tensor adapt(Pass pass, Tensor x, Tensor product);

  /**
   * Gives the parameters their first values, with which the linear computes what it did without.
   * They belong to the calling thread's innermost scope.
   *
   * @param engine that makes the tensors
   * @param path of the linear in the model
   * @param seed any number; the same seed and path give the same values on every backend
   */
  public abstract void initialise(Engine engine, String path, long seed);

  /**
   * {@return {@code weight} with the adapter folded in, in fp32 or wider; belongs to the innermost
   * scope}
   *
   * @param weight {@code W}, {@code [out, in]}, in fp32 or wider
   */
  public abstract Tensor merge(Tensor weight);

  /**
   * {@return what {@link #merge} was given, up to rounding; belongs to the innermost scope}
   *
   * @param merged {@code [out, in]}, in fp32 or wider
   */
  public abstract Tensor unmerge(Tensor merged);

  /** {@return elements that a token keeps for backward, besides the linear's input} */
  public abstract long keptPerToken();

  /**
   * {@return what to set so that a saved tensor of another shape fits, as {@code has rank 8, the
   * model's 4; set lora_rank=8}; empty where nothing would help}
   *
   * @param parameter its name below the linear's path
   * @param found the saved tensor's shape
   */
  public Optional<String> explain(String parameter, Shape found) {
    return Optional.empty();
  }

  /** How the adapted linear's printed form shows it: its type and sizes. */
  final String describe() {
    return "%s(%s)".formatted(getClass().getSimpleName(), details());
  }
}

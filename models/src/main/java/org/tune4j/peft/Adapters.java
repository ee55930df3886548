package org.tune4j.peft;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.tune4j.UsageException;
import org.tune4j.models.LoraLinear;
import org.tune4j.nn.Module;
import org.tune4j.nn.Parameter;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.RandomBits;

/** The LoRA adapters of a model: finding, initialising, training and switching them off. */
public final class Adapters {
  private Adapters() {}

  /**
   * {@return the adapted linears by full name, such as {@code model.layers.0.self_attn.q_proj}, in
   * the model's order; empty for a plain model}
   *
   * @param model with or without adapters
   */
  public static Map<String, LoraLinear> linears(Module model) {
    Map<String, LoraLinear> found = new LinkedHashMap<>();
    model
        .modules()
        .forEach(
            (name, m) -> {
              if (m instanceof LoraLinear l) {
                found.put(name, l);
              }
            });
    return found;
  }

  /**
   * {@return the adapter's parameters by full name, such as {@code
   * model.layers.0.self_attn.q_proj.lora_A.weight}, each {@code lora_A} before its {@code lora_B};
   * empty for a plain model}
   *
   * @param model with or without adapters
   */
  public static Map<String, Parameter> parameters(Module model) {
    Map<String, Parameter> found = new LinkedHashMap<>();
    linears(model)
        .forEach(
            (name, l) -> {
              found.put(name + ".lora_A.weight", l.loraA());
              found.put(name + ".lora_B.weight", l.loraB());
            });
    return found;
  }

  /**
   * Makes exactly these parameters of a model trainable and freezes the others.
   *
   * @param model is left as it was when this throws
   * @param names full ones, as {@link Module#parameters} has them
   * @throws UsageException when the model has no parameter of a name
   */
  public static void setTrainable(Module model, Set<String> names) {
    Map<String, Parameter> all = model.parameters();
    for (String name : names) {
      if (!all.containsKey(name)) {
        throw new UsageException(
            "parameter '%s' was to be trained, the model has none of that name".formatted(name));
      }
    }
    all.forEach((name, p) -> p.setTrainable(names.contains(name)));
  }

  /**
   * Gives the adapters their first values: {@code lora_A} of U(-1/sqrt(in), 1/sqrt(in)), a function
   * of seed and parameter name on every backend, {@code lora_B} zero, so that the model computes
   * what its base does. The tensors belong to the calling thread's innermost scope.
   *
   * @param engine that makes the tensors
   * @param model whose adapters have storage afterwards, in the adapters' own type
   * @param seed any number; the same one gives the same values
   */
  public static void initialise(Engine engine, Module model, long seed) {
    linears(model)
        .forEach(
            (name, l) -> {
              double bound = 1 / Math.sqrt((double) l.in());
              Parameter a = l.loraA();
              long own = seedOf(seed, name + ".lora_A.weight");
              a.set(engine.operations().uniform(own, -bound, bound, a.dtype(), a.shape()));
              l.loraB().set(engine.zeros(l.loraB().dtype(), l.loraB().shape()));
            });
  }

  private static long seedOf(long seed, String name) {
    long h = seed;
    for (int i = 0; i < name.length(); i++) {
      h = RandomBits.bits(h, name.charAt(i));
    }
    return h;
  }

  /**
   * Switches the adapters off, in every thread, until closed:
   *
   * <pre>{@code
   * try (Adapters.Disabled base = Adapters.disable(model)) {
   *   Tensor reference = model.logits(pass, rows);
   * }
   * }</pre>
   *
   * @param model with or without adapters; those that are off already stay off
   * @return what switches them on again
   */
  public static Disabled disable(Module model) {
    List<LoraLinear> switched = new ArrayList<>();
    for (LoraLinear l : linears(model).values()) {
      if (l.enabled()) {
        l.setEnabled(false);
        switched.add(l);
      }
    }
    return new Disabled(switched);
  }

  /** Switches back on what {@link #disable} switched off. */
  public static final class Disabled implements AutoCloseable {
    private final List<LoraLinear> switched;

    private Disabled(List<LoraLinear> switched) {
      this.switched = switched;
    }

    @Override
    public void close() {
      switched.forEach(l -> l.setEnabled(true));
    }
  }
}

package org.tune4j.nn;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.tune4j.InputException;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/** A model's tensors by Hugging Face names. */
public final class StateDict {
  private StateDict() {}

  /**
   * What did not match.
   *
   * @param missing parameters of the model that the state dict lacks
   * @param unexpected names of the state dict that the model lacks
   */
  public record Loaded(List<String> missing, List<String> unexpected) {
    /** Copies the lists. */
    public Loaded {
      missing = List.copyOf(missing);
      unexpected = List.copyOf(unexpected);
    }

    /**
     * Checks that a base checkpoint left nothing open but the adapters.
     *
     * @param adapters names of their parameters, which may be missing
     * @throws InputException naming what is missing or unexpected
     */
    public void requireAllBut(Set<String> adapters) {
      List<String> base = new ArrayList<>(missing);
      base.removeAll(adapters);
      if (!base.isEmpty()) {
        throw new InputException(
            "the base checkpoint lacks %s; it is incomplete or belongs to another model"
                .formatted(some(base)));
      }
      if (!unexpected.isEmpty()) {
        throw new InputException(
            "the base checkpoint holds %s, which the model does not have; the model builder belongs to another model"
                .formatted(some(unexpected)));
      }
    }
  }

  /**
   * {@return the tensors of the parameters that have storage, by full name; not copied, so they
   * belong to whoever they did}
   *
   * @param model its shared parameters are listed once
   */
  public static Map<String, Tensor> of(Module model) {
    Map<String, Tensor> all = new LinkedHashMap<>();
    model
        .parameters()
        .forEach(
            (name, p) -> {
              if (p.hasStorage()) {
                all.put(name, p.tensor());
              }
            });
    return all;
  }

  /**
   * Gives a model's parameters the tensors of their names: the tensors themselves where the type is
   * the model's or a quantised one, otherwise copies of the model's type that belong to the
   * innermost scope. A second name of a shared parameter ({@code lm_head.weight} of a tied head) is
   * accepted and not read. Nothing is changed when this throws.
   *
   * @param model must not outlive the tensors it is given
   * @param tensors by full name, of the parameters' shapes and any type
   * @param strict whether missing or unexpected names are refused
   * @return what did not match; both lists empty when strict
   * @throws InputException naming the tensor, the shape expected and the one found, or the names
   *     that did not match
   */
  public static Loaded load(Module model, Map<String, Tensor> tensors, boolean strict) {
    Map<String, Shape> shapes = new LinkedHashMap<>();
    tensors.forEach((name, t) -> shapes.put(name, t.shape()));
    Loaded loaded = match(model, shapes, strict);
    model
        .parameters()
        .forEach(
            (name, p) -> {
              Tensor t = tensors.get(name);
              if (t != null) {
                boolean asIs = t.dtype() == p.dtype() || t.dtype().isQuantised();
                p.set(asIs ? t : t.cast(p.dtype()));
              }
            });
    return loaded;
  }

  /**
   * {@return what {@link #load} would say of tensors of these shapes; nothing is loaded}
   *
   * @param model needs no storage
   * @param tensors their shapes by full name
   * @param strict whether missing or unexpected names are refused
   * @throws InputException as it does
   */
  public static Loaded match(Module model, Map<String, Shape> tensors, boolean strict) {
    Map<String, Parameter> parameters = model.parameters();
    Map<String, String> shared = model.sharedNames();
    List<String> missing = new ArrayList<>();
    List<String> unexpected = new ArrayList<>();
    parameters.forEach(
        (name, p) -> {
          Shape found = tensors.get(name);
          if (found == null) {
            missing.add(name);
          } else if (!found.equals(p.shape())) {
            throw new InputException(
                "tensor '%s' has shape %s, the model expects %s; the checkpoint belongs to another model"
                    .formatted(name, found, p.shape()));
          }
        });
    for (String name : tensors.keySet()) {
      if (!parameters.containsKey(name) && !shared.containsKey(name)) {
        unexpected.add(name);
      }
    }
    if (strict && !(missing.isEmpty() && unexpected.isEmpty())) {
      throw new InputException(
          "the state dict does not fit the model: missing %s, unexpected %s"
              .formatted(some(missing), some(unexpected)));
    }
    return new Loaded(missing, unexpected);
  }

  /** {@code none}, or the first three names and how many there are. */
  private static String some(List<String> names) {
    if (names.isEmpty()) {
      return "none";
    }
    String first = String.join(", ", names.subList(0, Math.min(3, names.size())));
    return names.size() <= 3 ? first : "%s and %d more".formatted(first, names.size() - 3);
  }
}

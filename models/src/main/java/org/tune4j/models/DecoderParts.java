package org.tune4j.models;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.tune4j.models.layers.Linear;
import org.tune4j.models.layers.Norm;
import org.tune4j.nn.Module;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;

/**
 * The parts of a decoder that a {@link Residency} moves, in the order in which forward needs them:
 * 0 is the embedding with what stands beside it, then each layer, the last the norm with the head.
 */
final class DecoderParts {
  private final List<Module> first;
  private final List<DecoderBlock> layers;
  private final Norm norm;
  private final Linear head;
  private volatile Residency residency = Residency.ALWAYS;

  DecoderParts(List<Module> first, List<DecoderBlock> layers, Norm norm, Linear head) {
    this.first = first;
    this.layers = layers;
    this.norm = norm;
    this.head = head;
  }

  void setResidency(Residency residency) {
    this.residency = residency;
  }

  /** Whether a part can be away while nobody uses it. */
  boolean canBeAway() {
    return residency != Residency.ALWAYS;
  }

  /** The number of the last part. */
  int last() {
    return layers.size() + 1;
  }

  void enter(int part) {
    residency.enter(part);
  }

  void leave(Pass pass, int part) {
    if (canBeAway()) {
      if (part == 0) {
        pass.forget(below());
      } else if (part < last()) {
        pass.forget(layers.get(part - 1).parameters().values());
      } else {
        pass.forget(norm.parameters().values());
        pass.forget(head.parameters().values());
      }
      residency.leave(part);
    }
  }

  /** The last part's own parameters: a tied head's weight is whole only after the embedding's. */
  List<Parameter> above() {
    List<Parameter> above = new ArrayList<>(norm.parameters().values());
    above.addAll(head.parameters().values());
    above.removeAll(below());
    return above;
  }

  /** The first part's parameters. */
  List<Parameter> below() {
    return first.stream().flatMap(m -> m.parameters().values().stream()).toList();
  }

  /** Whether backward goes on below the layers. */
  boolean trainsBelow() {
    return below().stream().anyMatch(Parameter::trainable);
  }

  /** Whether gradients of the last part are wanted. */
  boolean trainsLast() {
    return Stream.of(norm, head)
        .flatMap(m -> m.parameters().values().stream())
        .anyMatch(Parameter::trainable);
  }

  /**
   * Each part's parameters by full name.
   *
   * @param all of the decoder
   */
  List<Map<String, Parameter>> named(Map<String, Parameter> all) {
    List<Map<String, Parameter>> parts = new ArrayList<>();
    Map<String, Parameter> below = new LinkedHashMap<>();
    first.forEach(module -> below.putAll(named(all, module)));
    parts.add(below);
    layers.forEach(layer -> parts.add(named(all, layer)));
    Map<String, Parameter> last = named(all, norm);
    last.putAll(named(all, head));
    parts.add(last);
    return parts;
  }

  private static Map<String, Parameter> named(Map<String, Parameter> all, Module module) {
    Collection<Parameter> own = module.parameters().values();
    Map<String, Parameter> named = new LinkedHashMap<>();
    all.forEach(
        (name, p) -> {
          if (own.contains(p)) {
            named.put(name, p);
          }
        });
    return named;
  }
}

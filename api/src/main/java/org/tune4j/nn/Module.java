package org.tune4j.nn;

import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BiConsumer;

/**
 * A part of a model: named parameters and named children, in order. Joined by dots the names are
 * those of the Hugging Face checkpoint, such as {@code model.layers.0.self_attn.q_proj.weight}.
 *
 * <p>Subclasses register what they hold in their constructor and add a {@code forward} of their
 * own. A module keeps no state of a pass, so that threads share it.
 */
@SuppressWarnings("JavaLangClash") // the field's word; java.lang.Module is not used here
public abstract class Module {
  private final Map<String, Parameter> parameters = new LinkedHashMap<>();
  private final Map<String, Module> children = new LinkedHashMap<>();

  /**
   * Registers a parameter under its own name.
   *
   * @param parameter with a name that is free here
   * @return the parameter
   * @throws IllegalArgumentException when the name is taken
   */
  protected final Parameter add(Parameter parameter) {
    if (parameters.putIfAbsent(parameter.name(), parameter) != null) {
      throw new IllegalArgumentException(
          "parameter '%s' exists already".formatted(parameter.name()));
    }
    return parameter;
  }

  /**
   * Registers a child.
   *
   * @param <M> its type
   * @param name local, such as {@code self_attn}
   * @param child may be registered elsewhere too, which shares its parameters
   * @return the child
   * @throws IllegalArgumentException when the name is taken
   */
  protected final <M extends Module> M add(String name, M child) {
    if (children.putIfAbsent(name, child) != null) {
      throw new IllegalArgumentException("module '%s' exists already".formatted(name));
    }
    return child;
  }

  /** {@return the modules directly below, by local name; unmodifiable} */
  public final Map<String, Module> children() {
    return Collections.unmodifiableMap(children);
  }

  /** {@return the parameters of this module alone, by local name; unmodifiable} */
  public final Map<String, Parameter> ownParameters() {
    return Collections.unmodifiableMap(parameters);
  }

  /** {@return this module ({@code ""}) and all below it by full name, parents before children} */
  public final Map<String, Module> modules() {
    Map<String, Module> all = new LinkedHashMap<>();
    collect("", all);
    return all;
  }

  private void collect(String prefix, Map<String, Module> into) {
    into.put(prefix, this);
    children.forEach((name, m) -> m.collect(prefix.isEmpty() ? name : prefix + "." + name, into));
  }

  /**
   * {@return all parameters by full name; one that is shared appears once, under its first name}
   */
  public final Map<String, Parameter> parameters() {
    Map<String, Parameter> unique = new LinkedHashMap<>();
    IdentityHashMap<Parameter, String> seen = new IdentityHashMap<>();
    forEachParameter(
        (name, p) -> {
          if (seen.putIfAbsent(p, name) == null) {
            unique.put(name, p);
          }
        });
    return unique;
  }

  /**
   * {@return further names of shared parameters, each with the first: {@code lm_head.weight} to
   * {@code model.embed_tokens.weight} where the head is tied}
   */
  public final Map<String, String> sharedNames() {
    Map<String, String> shared = new LinkedHashMap<>();
    IdentityHashMap<Parameter, String> seen = new IdentityHashMap<>();
    forEachParameter(
        (name, p) -> {
          String first = seen.putIfAbsent(p, name);
          if (first != null) {
            shared.put(name, first);
          }
        });
    return shared;
  }

  private void forEachParameter(BiConsumer<String, Parameter> visit) {
    modules()
        .forEach(
            (prefix, m) ->
                m.parameters.forEach(
                    (name, p) -> visit.accept(prefix.isEmpty() ? name : prefix + "." + name, p)));
  }

  /**
   * {@return what the printed form shows between this module's parentheses besides its children}
   */
  protected String details() {
    return "";
  }

  /** The nested form that PyTorch prints. */
  @Override
  public String toString() {
    StringBuilder out = new StringBuilder(getClass().getSimpleName()).append('(').append(details());
    if (!children.isEmpty()) {
      if (!details().isEmpty()) {
        out.insert(out.length() - details().length(), "\n  ");
      }
      out.append('\n');
      lines().forEach((label, text) -> out.append("  (%s): %s\n".formatted(label, text)));
    }
    return out.append(')').toString();
  }

  /** Runs of children that print alike become one line: {@code (0-31): 32 x DecoderLayer(...)}. */
  private Map<String, String> lines() {
    Map<String, String> lines = new LinkedHashMap<>();
    String first = "";
    String last = "";
    String text = "";
    int run = 0;
    for (Map.Entry<String, Module> e : children.entrySet()) {
      String next = e.getValue().toString().replace("\n", "\n  ");
      boolean numbered = Character.isDigit(e.getKey().charAt(0));
      if (run > 0 && numbered && next.equals(text)) {
        lines.remove(run == 1 ? first : first + "-" + last);
        run++;
      } else {
        first = e.getKey();
        text = next;
        run = 1;
      }
      last = e.getKey();
      lines.put(
          run == 1 ? first : first + "-" + last, run == 1 ? text : "%d x %s".formatted(run, text));
    }
    return lines;
  }
}

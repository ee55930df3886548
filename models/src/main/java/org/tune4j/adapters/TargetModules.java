package org.tune4j.adapters;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.tune4j.UsageException;

/**
 * The linears that are adapted, by the rules of PEFT's {@code check_target_module_exists}.
 *
 * @param include a linear is adapted where this matches its path
 * @param exclude and this does not
 * @param layers and, unless empty, its layer is one of these
 */
public record TargetModules(Names include, Names exclude, List<Integer> layers) {
  /** The targets of all linears but the head. */
  public static final String ALL_LINEAR = "all-linear";

  private static final Pattern LAYER = Pattern.compile(".*?\\.[^.]*\\.(\\d+)\\.");

  /**
   * Paths, or ends of paths, or a regular expression that matches whole paths.
   *
   * @param names each a path ({@code model.layers.0.self_attn.q_proj}) or an end of it ({@code
   *     q_proj}); empty where there is an expression
   * @param expression matches whole paths; empty where there are names
   */
  public record Names(List<String> names, String expression) {
    /** Matches nothing. */
    public static final Names NONE = new Names(List.of(), "");

    /**
     * Copies the list.
     *
     * @throws UsageException when the expression is none, or too long
     */
    public Names {
      names = List.copyOf(names);
      if (!expression.equals(ALL_LINEAR) && !PathPattern.isValid(expression)) {
        throw new UsageException(
            "'%s' is no regular expression of at most 1000 characters; name the modules in a list"
                .formatted(expression));
      }
    }

    /**
     * {@return names of a list, or the expression of a text}
     *
     * @param value as a config has it
     * @throws UsageException when it is neither
     */
    public static Names of(Object value) {
      if (value instanceof String text) {
        return new Names(List.of(), text);
      }
      if (value instanceof Collection<?> list && list.stream().allMatch(String.class::isInstance)) {
        return new Names(list.stream().map(String.class::cast).toList(), "");
      }
      throw new UsageException(
          "%s is neither a list of module names, such as [q_proj, v_proj], nor a regular expression"
              .formatted(value));
    }

    boolean isEmpty() {
      return names.isEmpty() && expression.isEmpty();
    }

    /**
     * {@return whether a module is meant}
     *
     * @param path in the model
     */
    public boolean matches(String path) {
      if (expression.equals(ALL_LINEAR)) {
        // The head stands directly below the model.
        return path.indexOf('.') >= 0;
      }
      return expression.isEmpty()
          ? names.stream().anyMatch(name -> path.equals(name) || path.endsWith("." + name))
          : PathPattern.matches(expression, path);
    }

    @Override
    public String toString() {
      return expression.isEmpty() ? names.toString() : "'" + expression + "'";
    }
  }

  /** Copies the list. */
  public TargetModules {
    layers = List.copyOf(layers);
  }

  /**
   * {@return the linears of these names or paths, in all layers}
   *
   * @param names each a path or an end of it
   */
  public static TargetModules of(List<String> names) {
    return new TargetModules(new Names(names, ""), Names.NONE, List.of());
  }

  /**
   * {@return whether a linear is adapted}
   *
   * @param path in the model
   */
  public boolean matches(String path) {
    return include.matches(path) && !exclude.matches(path) && inLayers(path);
  }

  private boolean inLayers(String path) {
    if (layers.isEmpty()) {
      return true;
    }
    Matcher layer = LAYER.matcher(path);
    return layer.lookingAt() && layers.contains(Integer.parseInt(layer.group(1)));
  }

  /**
   * {@return the shortest names for some of a model's linears: the last name where all modules of
   * that name are among them, else paths; in the model's order}
   *
   * @param linears paths of all the model's linears
   * @param adapted some of them
   * @param others names of tensors that are in other modules
   */
  public static List<String> shortest(
      Collection<String> linears, Collection<String> adapted, Collection<String> others) {
    Set<String> taken = new HashSet<>();
    others.forEach(name -> taken.addAll(List.of(name.split("\\."))));
    Map<String, List<String>> byName = new LinkedHashMap<>();
    linears.forEach(
        path -> byName.computeIfAbsent(lastName(path), n -> new ArrayList<>()).add(path));
    List<String> targets = new ArrayList<>();
    byName.forEach(
        (name, paths) -> {
          List<String> here = paths.stream().filter(adapted::contains).toList();
          boolean all = here.size() == paths.size() && !taken.contains(name);
          targets.addAll(all ? List.of(name) : here);
        });
    return targets;
  }

  /** The name of a linear in its module. */
  static String lastName(String path) {
    return path.substring(path.lastIndexOf('.') + 1);
  }

  @Override
  public String toString() {
    return include
        + (exclude.isEmpty() ? "" : " without " + exclude)
        + (layers.isEmpty() ? "" : " in layers " + layers);
  }
}

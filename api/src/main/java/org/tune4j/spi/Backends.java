package org.tune4j.spi;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.ServiceLoader;
import java.util.stream.Collectors;
import org.tune4j.EnvironmentException;
import org.tune4j.UsageException;
import org.tune4j.tensor.Engine;

/** Finds backends by name. */
public final class Backends {
  /** The artefacts that bring the two backends of this project, for error messages. */
  private static final String JARS =
      "org.tune4j:tune4j-backend-javacpp or org.tune4j:tune4j-backend-djl";

  private static final String VARIABLE = "TUNE_BACKEND";

  private final List<BackendProvider> providers;
  private final String preferred;

  /**
   * Of these providers.
   *
   * @param providers in the order in which they are tried
   * @throws UsageException when two have one name
   */
  public Backends(List<BackendProvider> providers) {
    this(providers, "");
  }

  /**
   * The same with a preferred one.
   *
   * @param providers in the order in which they are tried
   * @param preferred the provider's name where none is named; empty for the first available
   * @throws UsageException when two have one name
   */
  public Backends(List<BackendProvider> providers, String preferred) {
    this.providers = List.copyOf(providers);
    this.preferred = preferred;
    for (BackendProvider a : providers) {
      for (BackendProvider b : providers) {
        if (a != b && a.name().equals(b.name())) {
          throw new UsageException(
              "two backends are called '%s': %s and %s; take one off the class path"
                  .formatted(a.name(), a.getClass().getName(), b.getClass().getName()));
        }
      }
    }
  }

  /**
   * {@return those on the class path} The environment variable {@code TUNE_BACKEND} names the one
   * that is opened where none is named.
   */
  public static Backends installed() {
    List<BackendProvider> found = new ArrayList<>();
    ServiceLoader.load(BackendProvider.class).forEach(found::add);
    found.sort(
        java.util.Comparator.comparing((BackendProvider p) -> !p.name().equals("javacpp"))
            .thenComparing(BackendProvider::name));
    return new Backends(found, Objects.requireNonNullElse(System.getenv(VARIABLE), ""));
  }

  /**
   * {@return the same, and others after them}
   *
   * @param more such as those of plugins
   * @throws UsageException when two have one name
   */
  public Backends and(List<BackendProvider> more) {
    List<BackendProvider> all = new ArrayList<>(providers);
    all.addAll(more);
    return new Backends(all, preferred);
  }

  /** {@return all, in the order in which they are tried; unmodifiable} */
  public List<BackendProvider> providers() {
    return providers;
  }

  /**
   * Opens a backend.
   *
   * @param name a provider's name; empty for the preferred or the first available
   * @param options device and threads
   * @return open; the caller closes it
   * @throws UsageException when no provider has the name
   * @throws EnvironmentException when it is there but cannot be opened
   */
  public Engine open(String name, BackendOptions options) {
    return Engine.open(find(name), options);
  }

  /**
   * {@return the provider that {@link #open} would open}
   *
   * @param name a provider's name; empty for the preferred or the first available
   * @throws UsageException when no provider has the name
   * @throws EnvironmentException when it is there but not available
   */
  public BackendProvider find(String name) {
    if (name.isEmpty() && !preferred.isEmpty()) {
      return find(preferred);
    }
    for (BackendProvider p : providers) {
      if (name.isEmpty() ? p.availability().available() : p.name().equals(name)) {
        Availability a = p.availability();
        if (!a.available()) {
          throw new EnvironmentException(
              "backend '%s' is not available: %s".formatted(name, a.reason()));
        }
        return p;
      }
    }
    if (name.isEmpty()) {
      throw new UsageException(
          "no backend is available: %s; add %s"
              .formatted(providers.isEmpty() ? "none is on the class path" : reasons(), JARS));
    }
    throw new UsageException(
        "backend '%s' was requested, %s; add the jar that contains it, such as %s"
            .formatted(
                name,
                providers.isEmpty() ? "none is on the class path" : "there are " + names(),
                JARS));
  }

  private String names() {
    return providers.stream().map(BackendProvider::name).collect(Collectors.joining(", "));
  }

  private String reasons() {
    return providers.stream()
        .map(p -> "'%s' is not (%s)".formatted(p.name(), p.availability().reason()))
        .collect(Collectors.joining(", "));
  }
}

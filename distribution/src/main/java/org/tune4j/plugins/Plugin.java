package org.tune4j.plugins;

import java.io.IOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.function.Consumer;
import java.util.jar.JarFile;
import java.util.jar.Manifest;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.tune4j.TuneException;
import org.tune4j.adapters.AdapterType;
import org.tune4j.component.ComponentProvider;
import org.tune4j.models.ModelFamily;
import org.tune4j.spi.BackendProvider;

/**
 * A third party's jar, opened: a class loader of its own over the application's.
 *
 * @param jar the file
 * @param providers what it brings, by the service that each was found as
 */
record Plugin(Path jar, URLClassLoader loader, Map<Class<?>, List<?>> providers) {
  /** The version of what plugins are built against. Raised when an older plugin would break. */
  static final String API = "1";

  /** The attribute of a jar's manifest that names the version. */
  static final String API_ATTRIBUTE = "Tune4J-Api";

  /** What a jar may bring, by its service files. */
  private static final List<Class<?>> SERVICES =
      List.of(ComponentProvider.class, BackendProvider.class, ModelFamily.class, AdapterType.class);

  /** Those of one service, in the order of its file. */
  <T> List<T> of(Class<T> service) {
    List<T> all = new ArrayList<>();
    for (Object provider : providers.getOrDefault(service, List.of())) {
      all.add(service.cast(provider));
    }
    return all;
  }

  private static boolean bringsSomething(JarFile file) {
    return SERVICES.stream().anyMatch(s -> file.getEntry(serviceFile(s)) != null);
  }

  private static String serviceFile(Class<?> service) {
    return "META-INF/services/" + service.getName();
  }

  /**
   * Opens a jar. No class of it is loaded before its version is known to fit.
   *
   * @param problems takes a line for each thing that is wrong
   * @return null where the jar as a whole cannot be used
   */
  static @Nullable Plugin open(Path jar, Consumer<String> problems) {
    try (JarFile file = new JarFile(jar.toFile())) {
      if (!bringsSomething(file)) {
        problems.accept(
            "plugin %s is skipped: it contains nothing; its jar needs %s"
                .formatted(
                    jar,
                    SERVICES.stream()
                        .map(Plugin::serviceFile)
                        .collect(Collectors.joining(" or "))));
        return null;
      }
      Manifest manifest = file.getManifest();
      String api = manifest == null ? null : manifest.getMainAttributes().getValue(API_ATTRIBUTE);
      if (!API.equals(api)) {
        problems.accept(
            "plugin %s is skipped: %s, expected '%s: %s' in its manifest; %s"
                .formatted(
                    jar,
                    api == null
                        ? "its manifest does not say what it is built for"
                        : "it is built for version " + api,
                    API_ATTRIBUTE,
                    API,
                    api == null ? "add that line" : "get a build for this version"));
        return null;
      }
    } catch (IOException e) {
      problems.accept(
          "plugin %s is skipped: it is not a readable jar: %s"
              .formatted(jar, TuneException.reason(e)));
      return null;
    }
    URLClassLoader loader =
        new URLClassLoader(
            "plugin " + jar.getFileName(), new URL[] {url(jar)}, Plugin.class.getClassLoader());
    Map<Class<?>, List<?>> found = new HashMap<>();
    SERVICES.forEach(s -> found.put(s, providers(s, jar, loader, problems)));
    return new Plugin(jar, loader, found);
  }

  private static URL url(Path jar) {
    try {
      return jar.toUri().toURL();
    } catch (MalformedURLException e) {
      throw new IllegalStateException(jar + " has no URL", e);
    }
  }

  /** Those that the jar itself brings: its loader finds the application's too. */
  private static <T> List<T> providers(
      Class<T> service, Path jar, ClassLoader loader, Consumer<String> problems) {
    List<T> found = new ArrayList<>();
    Iterator<ServiceLoader.Provider<T>> all =
        ServiceLoader.load(service, loader).stream().iterator();
    boolean more = true;
    while (more) {
      try {
        more = all.hasNext();
        if (more) {
          ServiceLoader.Provider<T> provider = all.next();
          if (provider.type().getClassLoader() == loader) {
            found.add(provider.get());
          }
        }
      } catch (ServiceConfigurationError | LinkageError | RuntimeException e) {
        // The iterator goes on behind what failed.
        problems.accept(
            "plugin %s: %s; rebuild it with its dependencies in the jar".formatted(jar, reason(e)));
      }
    }
    return List.copyOf(found);
  }

  /** The message with the innermost cause's, which says what is missing. */
  private static String reason(Throwable e) {
    Throwable root = e;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return root == e ? String.valueOf(e.getMessage()) : e.getMessage() + " (" + root + ")";
  }
}

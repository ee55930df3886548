package org.tune4j.plugins;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.tune4j.EnvironmentException;
import org.tune4j.TuneException;
import org.tune4j.UsageException;

/**
 * Where plugins are looked for: jars that were named, then those of the user's folder. Nowhere
 * else: a folder that holds a config, data or a model may have come from a stranger. A file that is
 * found twice counts once.
 */
public final class PluginSearch {
  /** The system property, and the environment variable, that name another folder. */
  public static final String PROPERTY = "tune4j.plugins";

  /** See {@link #PROPERTY}, which goes before it. */
  public static final String VARIABLE = "TUNE_PLUGINS";

  private final @Nullable Path folder;
  private final Set<Path> named = new LinkedHashSet<>();

  /**
   * In a folder, besides what is added.
   *
   * @param folder of jars; need not exist; null for none
   */
  public PluginSearch(@Nullable Path folder) {
    this.folder = folder;
  }

  /**
   * {@return a search in {@code ~/.tune/plugins}, or the folder that {@link #PROPERTY} or {@link
   * #VARIABLE} names instead; an empty name stands for neither}
   */
  public static PluginSearch ofUser() {
    String chosen = System.getProperty(PROPERTY, System.getenv(VARIABLE));
    return new PluginSearch(
        chosen == null || chosen.isEmpty()
            ? Path.of(System.getProperty("user.home"), ".tune", "plugins")
            : Path.of(chosen));
  }

  /**
   * Adds jars by name.
   *
   * @param jars must be files by the time of {@link #load}
   */
  public void add(Collection<Path> jars) {
    named.addAll(jars);
  }

  /** {@return the jars that were named, in order} */
  public List<Path> named() {
    return List.copyOf(named);
  }

  /**
   * Opens all that is there now.
   *
   * @return what was found, to be closed by the caller
   * @throws UsageException when a named jar does not exist
   * @throws EnvironmentException when a folder cannot be read
   */
  public Plugins load() {
    Map<Path, Path> jars = new LinkedHashMap<>();
    for (Path jar : named) {
      if (!Files.isRegularFile(jar)) {
        throw new UsageException(
            "plugin %s is not a file; correct --plugin, which takes a jar".formatted(jar));
      }
      jars.putIfAbsent(real(jar), jar);
    }
    if (folder != null) {
      jars(folder).forEach(j -> jars.putIfAbsent(real(j), j));
    }
    return Plugins.load(jars.values());
  }

  private static List<Path> jars(Path folder) {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(f -> f.getFileName().toString().endsWith(".jar") && Files.isRegularFile(f))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw unreadable(folder, e);
    }
  }

  private static Path real(Path jar) {
    try {
      return jar.toRealPath();
    } catch (IOException e) {
      throw unreadable(jar, e);
    }
  }

  private static EnvironmentException unreadable(Path path, IOException e) {
    return new EnvironmentException(
        "plugins: %s cannot be read: %s; make it readable, or name another folder with %s"
            .formatted(path, TuneException.reason(e), VARIABLE),
        e);
  }
}

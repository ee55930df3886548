package org.tune4j.curves;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.tune4j.InputException;
import org.tune4j.TuneException;
import org.tune4j.UsageException;

/**
 * The runs in and beneath some folders. A run is a folder that holds {@code logs/metrics.jsonl}, or
 * {@code metrics.jsonl} itself. Links are not followed beneath a folder that was named, so that
 * nothing outside of it is read. Safe for several threads.
 */
public final class RunFolders {
  /** How far beneath a named folder runs are looked for, in folders that are not runs. */
  private static final int DEPTH = 4;

  /** So that a search from a disk's root ends. */
  private static final int MOST_FOLDERS = 20_000;

  private final List<Path> roots;
  private final Map<Path, Run> runs = new TreeMap<>();

  private RunFolders(List<Path> roots) {
    this.roots = roots;
  }

  /**
   * Looks for runs in these folders.
   *
   * @param folders each a run's own, or one with runs at most four folders beneath it
   * @return the runs that are there now; none of them is read yet
   * @throws UsageException when one is missing, or no folder
   * @throws InputException when one cannot be read
   */
  public static RunFolders open(List<Path> folders) {
    List<Path> roots = new ArrayList<>();
    for (Path folder : folders) {
      if (Files.notExists(folder)) {
        throw new UsageException("there is no folder " + folder + "; name the folders of runs");
      }
      if (!Files.isDirectory(folder)) {
        throw new UsageException(
            "%s is a file; name the run's folder, its output_dir".formatted(folder));
      }
      try {
        roots.add(folder.toRealPath());
      } catch (IOException e) {
        throw new InputException(
            "%s cannot be read: %s".formatted(folder, TuneException.reason(e)), e);
      }
    }
    RunFolders all = new RunFolders(List.copyOf(roots));
    all.search();
    return all;
  }

  /** {@return the named folders in which the last search found no run, links resolved} */
  public synchronized List<Path> withoutRuns() {
    return roots.stream()
        .filter(root -> runs.keySet().stream().noneMatch(folder -> folder.startsWith(root)))
        .toList();
  }

  /** {@return the runs that the last search found, in the order of their folders' paths} */
  public synchronized List<Run> runs() {
    return List.copyOf(runs.values());
  }

  /** Looks for runs that are new or gone; those that stay keep what was read. */
  public synchronized void search() {
    Map<Path, Path> found = new TreeMap<>();
    roots.forEach(root -> search(root, found));
    runs.entrySet().removeIf(e -> !e.getValue().metrics().equals(found.get(e.getKey())));
    Set<String> taken = runs.values().stream().map(Run::name).collect(Collectors.toSet());
    found.forEach(
        (folder, metrics) ->
            runs.computeIfAbsent(folder, f -> new Run(name(f, taken), f, metrics)));
  }

  private static void search(Path root, Map<Path, Path> found) {
    int[] folders = {0};
    try {
      Files.walkFileTree(
          root,
          EnumSet.noneOf(java.nio.file.FileVisitOption.class),
          DEPTH + 1,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes a) {
              if (++folders[0] > MOST_FOLDERS) {
                return FileVisitResult.TERMINATE;
              }
              if (!folder.equals(root) && folder.getFileName().toString().startsWith(".")) {
                return FileVisitResult.SKIP_SUBTREE;
              }
              for (Path metrics :
                  List.of(folder.resolve("logs/metrics.jsonl"), folder.resolve("metrics.jsonl"))) {
                if (isPlain(metrics) && !Files.isSymbolicLink(metrics.getParent())) {
                  found.put(folder, metrics);
                  return FileVisitResult.SKIP_SUBTREE;
                }
              }
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException e) {
              return FileVisitResult.CONTINUE; // not ours to read
            }
          });
    } catch (IOException e) {
      // What was found until then is shown; the next search may find more.
    }
  }

  private static boolean isPlain(Path file) {
    return Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS);
  }

  /** The path beneath the named folder; the folder's own name where that is the run. */
  private String name(Path folder, Set<String> taken) {
    Path root = roots.stream().filter(folder::startsWith).findFirst().orElse(folder);
    Path relative = root.relativize(folder);
    String name =
        relative.toString().isEmpty() ? String.valueOf(folder.getFileName()) : relative.toString();
    if (!taken.add(name)) {
      name = folder.toString();
      taken.add(name);
    }
    return name;
  }
}

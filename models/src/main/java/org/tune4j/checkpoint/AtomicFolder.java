package org.tune4j.checkpoint;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Comparator;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.tune4j.EnvironmentException;
import org.tune4j.InputException;
import org.tune4j.TuneException;
import org.tune4j.platform.FolderSync;

/**
 * Writes a whole folder or nothing: it is filled under a hidden name beside its place, synced, and
 * renamed. A folder that stood there is replaced, content and all, once the new one is whole.
 */
public final class AtomicFolder {
  private static final String OLD = "old";
  private static final int MOST_TRIES = 10;

  /** The names that {@link AtomicFile#aside} gives. */
  private static final Pattern ASIDE = Pattern.compile("\\.(.+)\\.[0-9a-f-]{8}\\.(tmp|old)");

  private AtomicFolder() {}

  /** Fills a folder. */
  @FunctionalInterface
  public interface Content {
    /**
     * Writes everything.
     *
     * @param folder exists and is empty
     * @throws IOException if a file cannot be written; what was written is deleted then
     */
    void writeTo(Path folder) throws IOException;
  }

  /**
   * Writes the folder. On any failure, of the content too, what was written is deleted and an
   * earlier folder is as it was; where only the sync of its name failed, it is there and may not
   * outlast the machine's end. Whatever else the earlier folder held goes with it: give every
   * output a folder of its own.
   *
   * @param target parents are made as needed
   * @param content is called once, on this thread; any exception of its own passes through
   * @throws InputException if something other than a folder has that name
   * @throws EnvironmentException if the folder cannot be written
   */
  public static void write(Path target, Content content) {
    Path place = target.toAbsolutePath().normalize();
    restore(place);
    if (isTaken(place)) {
      throw new InputException("cannot write the folder " + target + ": a file has that name");
    }
    Path aside = AtomicFile.aside(place, "tmp");
    try {
      Files.createDirectories(AtomicFile.folderOf(place));
      Files.createDirectory(aside);
      content.writeTo(aside);
      sync(aside);
      exchange(aside, place);
    } catch (IOException e) {
      throw new EnvironmentException(
          "cannot write the folder "
              + target
              + ": "
              + TuneException.reason(e)
              + "; free space or choose another output folder",
          e);
    } finally {
      delete(aside);
    }
  }

  /** Whether something other than a folder is there; asked at once, as other writers rename. */
  private static boolean isTaken(Path place) {
    try {
      return !Files.readAttributes(place, BasicFileAttributes.class).isDirectory();
    } catch (IOException e) {
      return false; // nothing is there
    }
  }

  /**
   * Puts back the earlier folder of a write that the machine's end cut between its two renames;
   * does nothing if the folder is there. Call it before reading a folder that was written with
   * {@link #write}.
   */
  static void restore(Path target) {
    Path place = target.toAbsolutePath().normalize();
    if (Files.exists(place, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    try {
      Optional<Path> old = newestOld(place);
      if (old.isPresent()) {
        Files.move(old.get(), place, StandardCopyOption.ATOMIC_MOVE);
      }
    } catch (IOException e) {
      if (Files.exists(place, LinkOption.NOFOLLOW_LINKS)) {
        return; // another writer has put its own there meanwhile
      }
      throw new EnvironmentException(
          "cannot put back the folder " + target + ": " + TuneException.reason(e), e);
    }
  }

  /**
   * Deletes what cut-off writes and deletions have left in a folder, and puts back the earlier
   * folder of a write that was cut between its two renames. Nobody may be writing there.
   *
   * @param parent of the folders that {@link #write} wrote; need not exist
   * @throws EnvironmentException if the folder cannot be read, or an earlier one not put back
   */
  public static void sweep(Path parent) {
    if (!Files.isDirectory(parent)) {
      return;
    }
    try (Stream<Path> paths = Files.list(parent)) {
      for (Path path : paths.toList()) {
        String name = String.valueOf(path.getFileName());
        Matcher aside = ASIDE.matcher(name);
        if (!aside.matches()) {
          continue;
        }
        if (aside.group(2).equals(OLD)) {
          restore(path.resolveSibling(aside.group(1)));
        }
        delete(path);
      }
    } catch (IOException e) {
      throw new EnvironmentException(
          "cannot read the folder " + parent + ": " + TuneException.reason(e), e);
    }
  }

  /**
   * Deletes a folder so that it is there whole or not at all; what a cut leaves is for {@link
   * #sweep}.
   *
   * @param folder exists
   * @throws EnvironmentException if it cannot be renamed away
   */
  public static void remove(Path folder) {
    Path place = folder.toAbsolutePath().normalize();
    Path aside = AtomicFile.aside(place, "tmp");
    try {
      Files.move(place, aside, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new EnvironmentException(
          "cannot delete the folder " + folder + ": " + TuneException.reason(e), e);
    }
    delete(aside);
  }

  private static Optional<Path> newestOld(Path place) throws IOException {
    Path parent = AtomicFile.folderOf(place);
    if (!Files.isDirectory(parent)) {
      return Optional.empty();
    }
    String start = "." + place.getFileName() + ".";
    Optional<Path> newest = Optional.empty();
    try (DirectoryStream<Path> siblings =
        Files.newDirectoryStream(
            parent, path -> isOld(String.valueOf(path.getFileName()), start))) {
      for (Path old : siblings) {
        if (newest.isEmpty()
            || Files.getLastModifiedTime(old).compareTo(Files.getLastModifiedTime(newest.get()))
                > 0) {
          newest = Optional.of(old);
        }
      }
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    return newest;
  }

  /** The name is the start, eight characters and the ending, so that "a" is not taken for "a.b". */
  private static boolean isOld(String name, String start) {
    return name.startsWith(start)
        && name.endsWith("." + OLD)
        && name.length() == start.length() + 8 + 1 + OLD.length();
  }

  /** Another writer of the same folder may come between any two renames: the last one stays. */
  private static void exchange(Path aside, Path place) throws IOException {
    for (int tries = 1; ; tries++) {
      Path old = AtomicFile.aside(place, OLD);
      boolean replaces = movedAway(place, old);
      try {
        Files.move(aside, place, StandardCopyOption.ATOMIC_MOVE);
      } catch (IOException e) {
        if (Files.exists(place, LinkOption.NOFOLLOW_LINKS) && tries < MOST_TRIES) {
          delete(old);
          continue;
        }
        if (replaces) {
          Files.move(old, place, StandardCopyOption.ATOMIC_MOVE);
        }
        throw e;
      }
      FolderSync.sync(AtomicFile.folderOf(place));
      delete(old);
      return;
    }
  }

  private static boolean movedAway(Path place, Path old) throws IOException {
    try {
      Files.move(place, old, StandardCopyOption.ATOMIC_MOVE);
      return true;
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  private static void sync(Path folder) throws IOException {
    try (Stream<Path> paths = Files.walk(folder)) {
      for (Path path : paths.toList()) {
        if (Files.isDirectory(path)) {
          FolderSync.sync(path);
        } else {
          try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
            channel.force(true);
          }
        }
      }
    }
  }

  /** Deletes what it can: a left-over harms nothing, and the first failure is the one to report. */
  private static void delete(Path folder) {
    if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    try (Stream<Path> paths = Files.walk(folder)) {
      for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    } catch (IOException e) {
      // See above.
    }
  }
}

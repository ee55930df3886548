package org.tune4j.runs;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;
import org.tune4j.EnvironmentException;
import org.tune4j.TuneException;
import org.tune4j.UsageException;
import org.tune4j.checkpoint.AtomicFolder;

/**
 * A run's {@code output_dir}, held by one run at a time; the operating system lets go of it however
 * the process ends.
 */
public final class OutputFolder implements AutoCloseable {
  private static final String LOCK = ".lock";

  private final Path path;
  private final FileChannel lock;

  private OutputFolder(Path path, FileChannel lock) {
    this.path = path;
    this.lock = lock;
  }

  /**
   * Makes the folder, takes it, and deletes what killed runs left half-written.
   *
   * @param path {@code output_dir}
   * @param anew whether the run starts at step 1: an earlier run's checkpoints are moved aside
   * @param out is told where they are then
   * @return held; the caller closes it
   * @throws UsageException when another run writes there
   * @throws EnvironmentException when it cannot be written
   */
  public static OutputFolder open(Path path, boolean anew, PrintStream out) {
    return open(path, anew, out, () -> {});
  }

  /** The same, where something else comes first once the folder is held, and may refuse it. */
  static OutputFolder open(Path path, boolean anew, PrintStream out, Runnable first) {
    OutputFolder held = new OutputFolder(path, take(path));
    try {
      first.run();
      AtomicFolder.sweep(path);
      AtomicFolder.sweep(path.resolve(RunCheckpoints.FOLDER));
      if (anew && RunCheckpoints.setAside(path)) {
        out.printf(
            "%s holds an earlier run's checkpoints; they are now in %s.old%n",
            path, path.resolve(RunCheckpoints.FOLDER));
      }
      return held;
    } catch (RuntimeException | Error e) {
      held.close(); // a program may try again
      throw e;
    }
  }

  private static FileChannel take(Path path) {
    try {
      Files.createDirectories(path);
      FileChannel channel =
          FileChannel.open(path.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      if (locked(channel)) {
        return channel;
      }
      channel.close();
    } catch (IOException e) {
      throw new EnvironmentException(
          "output_dir %s cannot be written: %s; choose another output_dir"
              .formatted(path, TuneException.reason(e)),
          e);
    }
    throw new UsageException(
        "output_dir %s is in use by another run; wait for it or choose another output_dir"
            .formatted(path));
  }

  /**
   * Says that its run is complete, and deletes what a kill at the very end has left.
   *
   * @param path {@code output_dir}
   * @param out gets a line
   * @throws UsageException when another run writes there
   * @throws EnvironmentException when it cannot be written
   */
  public static void complete(Path path, PrintStream out) {
    open(path, false, out).close();
    out.println("nothing to do: the run in " + path + " is complete");
  }

  private static boolean locked(FileChannel channel) throws IOException {
    try {
      @Nullable FileLock lock = channel.tryLock();
      return lock != null;
    } catch (OverlappingFileLockException e) {
      return false; // by this process
    }
  }

  /** {@return {@code output_dir}} */
  public Path path() {
    return path;
  }

  /**
   * Writes a small file, in place of an earlier run's.
   *
   * @param name in the folder
   * @param text in UTF-8
   * @throws EnvironmentException when it cannot be written
   */
  void write(String name, String text) {
    Path file = path.resolve(name);
    try {
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new EnvironmentException(
          "%s cannot be written: %s; choose another output_dir"
              .formatted(file, TuneException.reason(e)),
          e);
    }
  }

  @Override
  public void close() {
    try {
      lock.close();
    } catch (IOException e) {
      throw new EnvironmentException(
          "output_dir %s cannot be released: %s".formatted(path, TuneException.reason(e)), e);
    }
  }
}

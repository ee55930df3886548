package org.tune4j.checkpoint;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tune4j.EnvironmentException;
import org.tune4j.TuneException;

/**
 * Folders that are made once and kept, each for a hash of what it was made from. One is written
 * aside and renamed. What a killed process has left half-written is deleted by the next one;
 * nothing else ever is.
 *
 * @param cache made when needed
 * @param kind the name of the folder in the cache that holds them
 */
public record CacheFolder(Path cache, String kind) {
  private static final Logger LOG = LoggerFactory.getLogger(CacheFolder.class);

  /** {@return {@code TUNE_CACHE}, or {@code ~/.cache/tune4j} where that is unset or empty} */
  public static Path ofUser() {
    String chosen = System.getenv("TUNE_CACHE");
    return chosen == null || chosen.isEmpty()
        ? Path.of(System.getProperty("user.home"), ".cache", "tune4j")
        : Path.of(chosen);
  }

  /**
   * {@return where the folder of a key is, or would be}
   *
   * @param key a hash in hexadecimal
   */
  public Path place(String key) {
    return cache.resolve(kind).resolve(key.substring(0, 32));
  }

  private Path lock() {
    return cache.resolve("." + kind + ".lock");
  }

  /** Deletes what was left half-written, where no process holds the lock that writers share. */
  public void sweep() {
    if (!Files.exists(lock())) {
      return;
    }
    try (FileChannel channel = FileChannel.open(lock(), StandardOpenOption.WRITE);
        FileLock sole = channel.tryLock()) {
      if (sole != null) {
        AtomicFolder.sweep(cache.resolve(kind));
      }
    } catch (IOException | OverlappingFileLockException | EnvironmentException e) {
      LOG.debug("{} is not swept", cache, e); // such as a cache that is only read
    }
  }

  /** Held while a folder is written; null where it cannot be had, and nobody may sweep then. */
  private static @Nullable FileLock shared(FileChannel channel) throws IOException {
    try {
      return channel.lock(0, Long.MAX_VALUE, true);
    } catch (OverlappingFileLockException e) {
      return null; // another thread of this process holds it
    }
  }

  /**
   * Writes a folder.
   *
   * @param place of {@link #place}
   * @param content is called once; what was there is replaced
   * @throws IOException if the cache cannot be used
   * @throws EnvironmentException if the folder cannot be written
   */
  public void write(Path place, AtomicFolder.Content content) throws IOException {
    Files.createDirectories(cache);
    try (FileChannel channel =
            FileChannel.open(
                lock(),
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE);
        FileLock held = shared(channel)) {
      AtomicFolder.write(place, content);
    }
  }

  /**
   * {@return the error for a folder that could not be written}
   *
   * @param what cannot be cached
   * @param e of {@link #write}
   */
  public EnvironmentException unusable(String what, Exception e) {
    Throwable cause = e.getCause() instanceof IOException io ? io : e;
    return new EnvironmentException(
        "%s cannot be cached in %s: %s; free space, or set TUNE_CACHE to another folder"
            .formatted(
                what,
                cache,
                cause instanceof IOException io ? TuneException.reason(io) : e.getMessage()),
        e);
  }
}

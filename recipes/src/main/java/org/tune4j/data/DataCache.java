package org.tune4j.data;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tune4j.EnvironmentException;
import org.tune4j.TuneException;
import org.tune4j.checkpoint.AtomicFolder;

/**
 * Tokenised rows on disk, a folder for each hash of what they were made from. A folder is written
 * aside and renamed; a damaged one is made again. What a killed process has left half-written is
 * deleted by the next one; nothing else ever is: about 4 bytes a token stay until the user removes
 * the folder, which is safe at any time.
 *
 * @param folder made when needed
 */
public record DataCache(Path folder) {
  private static final String NUMBERS = "numbers";
  private static final String LOCK = ".datasets.lock";
  private static final Logger LOG = LoggerFactory.getLogger(DataCache.class);

  /** {@return {@code TUNE_CACHE}, or {@code ~/.cache/tune4j} where that is unset or empty} */
  public static DataCache ofUser() {
    String chosen = System.getenv("TUNE_CACHE");
    return new DataCache(
        chosen == null || chosen.isEmpty()
            ? Path.of(System.getProperty("user.home"), ".cache", "tune4j")
            : Path.of(chosen));
  }

  /** Stores all rows. */
  @FunctionalInterface
  interface Content {
    void write(RowStore.Writer out) throws IOException;
  }

  /**
   * {@return numbers that {@link #keep} has stored; empty where they are not there whole}
   *
   * @param key what they were made from
   * @param count how many they are
   */
  public Optional<double[]> kept(String key, int count) {
    try {
      ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(place(key).resolve(NUMBERS)));
      if (bytes.remaining() != (count + 1) * Double.BYTES) {
        return Optional.empty();
      }
      double[] numbers = new double[count];
      bytes.asDoubleBuffer().get(numbers);
      return bytes.getLong(count * Double.BYTES) == crc(bytes.limit(count * Double.BYTES))
          ? Optional.of(numbers)
          : Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /**
   * Stores numbers that belong to rows.
   *
   * @param key what they were made from
   * @param numbers one a row
   * @throws EnvironmentException when they cannot be written
   */
  public void keep(String key, double[] numbers) {
    ByteBuffer bytes = ByteBuffer.allocate((numbers.length + 1) * Double.BYTES);
    bytes.asDoubleBuffer().put(numbers);
    int end = numbers.length * Double.BYTES;
    bytes.putLong(end, crc(bytes.duplicate().limit(end)));
    write(place(key), aside -> Files.write(aside.resolve(NUMBERS), bytes.array()));
  }

  private Path place(String key) {
    String hash = Fingerprint.start().text(key).end();
    return folder.resolve("datasets").resolve(hash.substring(0, 32));
  }

  private static long crc(ByteBuffer bytes) {
    CRC32C crc = new CRC32C();
    crc.update(bytes.duplicate());
    return crc.getValue();
  }

  /** The rows of a key, made by {@code content} where they are not there whole. */
  RowStore rows(String key, Content content) {
    Path place = folder.resolve("datasets").resolve(key.substring(0, 32));
    sweep();
    return find(place).orElseGet(() -> make(place, content));
  }

  /** Deletes what was left half-written, where no process holds the lock that writers share. */
  private void sweep() {
    Path lock = folder.resolve(LOCK);
    if (!Files.exists(lock)) {
      return;
    }
    try (FileChannel channel = FileChannel.open(lock, StandardOpenOption.WRITE);
        FileLock sole = channel.tryLock()) {
      if (sole != null) {
        AtomicFolder.sweep(folder.resolve("datasets"));
      }
    } catch (IOException | OverlappingFileLockException | EnvironmentException e) {
      LOG.debug("{} is not swept", folder, e); // such as a cache that is only read
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

  private static Optional<RowStore> find(Path place) {
    if (!Files.isDirectory(place)) {
      return Optional.empty();
    }
    try {
      return Optional.of(RowStore.open(place, MappedInts.SEGMENT_BITS));
    } catch (IOException e) {
      LOG.warn("cached data {} is damaged and rebuilt: {}", place, TuneException.reason(e));
      return Optional.empty();
    }
  }

  private RowStore make(Path place, Content content) {
    write(
        place,
        aside -> {
          try (RowStore.Writer out = new RowStore.Writer(aside)) {
            content.write(out);
            out.finish();
          }
        });
    try {
      return RowStore.open(place, MappedInts.SEGMENT_BITS);
    } catch (IOException e) {
      throw cannotWrite(e, e);
    }
  }

  private void write(Path place, AtomicFolder.Content content) {
    try {
      Files.createDirectories(folder);
      try (FileChannel channel =
              FileChannel.open(
                  folder.resolve(LOCK),
                  StandardOpenOption.CREATE,
                  StandardOpenOption.READ,
                  StandardOpenOption.WRITE);
          FileLock held = shared(channel)) {
        AtomicFolder.write(place, content);
      }
    } catch (EnvironmentException | IOException e) {
      throw cannotWrite(e.getCause() instanceof IOException io ? io : e, e);
    }
  }

  private EnvironmentException cannotWrite(Throwable cause, Exception e) {
    return new EnvironmentException(
        "data cannot be cached in %s: %s; free space, or set TUNE_CACHE to another folder"
            .formatted(
                folder,
                cause instanceof IOException io ? TuneException.reason(io) : e.getMessage()),
        e);
  }
}

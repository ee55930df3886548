package org.tune4j.data;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.zip.CRC32C;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tune4j.EnvironmentException;
import org.tune4j.TuneException;
import org.tune4j.checkpoint.CacheFolder;

/**
 * Tokenised rows on disk, a folder for each hash of what they were made from. A damaged one is made
 * again. About 4 bytes a token stay until the user removes the folder, which is safe at any time.
 *
 * @param folder made when needed
 */
public record DataCache(Path folder) {
  private static final String NUMBERS = "numbers";
  private static final Logger LOG = LoggerFactory.getLogger(DataCache.class);

  /** {@return {@code TUNE_CACHE}, or {@code ~/.cache/tune4j} where that is unset or empty} */
  public static DataCache ofUser() {
    return new DataCache(CacheFolder.ofUser());
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
    CacheFolder cache = cache();
    try {
      cache.write(place(key), aside -> Files.write(aside.resolve(NUMBERS), bytes.array()));
    } catch (EnvironmentException | IOException e) {
      throw cache.unusable("data", e);
    }
  }

  private CacheFolder cache() {
    return new CacheFolder(folder, "datasets");
  }

  private Path place(String key) {
    return cache().place(Fingerprint.start().text(key).end());
  }

  private static long crc(ByteBuffer bytes) {
    CRC32C crc = new CRC32C();
    crc.update(bytes.duplicate());
    return crc.getValue();
  }

  /** The rows of a key, made by {@code content} where they are not there whole. */
  RowStore rows(String key, Content content) {
    CacheFolder cache = cache();
    Path place = cache.place(key);
    cache.sweep();
    return find(place).orElseGet(() -> make(cache, place, content));
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

  private static RowStore make(CacheFolder cache, Path place, Content content) {
    try {
      cache.write(
          place,
          aside -> {
            try (RowStore.Writer out = new RowStore.Writer(aside)) {
              content.write(out);
              out.finish();
            }
          });
      return RowStore.open(place, MappedInts.SEGMENT_BITS);
    } catch (EnvironmentException | IOException e) {
      throw cache.unusable("data", e);
    }
  }
}

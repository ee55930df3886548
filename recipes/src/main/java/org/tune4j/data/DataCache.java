package org.tune4j.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tune4j.EnvironmentException;
import org.tune4j.TuneException;
import org.tune4j.checkpoint.AtomicFolder;

/**
 * Tokenised rows on disk, a folder for each hash of what they were made from. A folder is written
 * aside and renamed; a damaged one is made again. Nothing is ever deleted: about 4 bytes a token
 * stay until the user removes the folder, which is safe at any time.
 *
 * @param folder made when needed
 */
public record DataCache(Path folder) {
  private static final Logger LOG = LoggerFactory.getLogger(DataCache.class);

  /** {@return {@code TUNE_CACHE}, or {@code ~/.cache/tune4j} where that is unset or empty} */
  static DataCache ofUser() {
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

  /** The rows of a key, made by {@code content} where they are not there whole. */
  RowStore rows(String key, Content content) {
    Path place = folder.resolve("datasets").resolve(key.substring(0, 32));
    return find(place).orElseGet(() -> make(place, content));
  }

  private static Optional<RowStore> find(Path place) {
    if (!Files.isDirectory(place)) {
      return Optional.empty();
    }
    try {
      return Optional.of(RowStore.open(place, MappedInts.SEGMENT_BITS));
    } catch (IOException e) {
      LOG.warn("cached data {} is damaged and made again: {}", place, TuneException.reason(e));
      return Optional.empty();
    }
  }

  private RowStore make(Path place, Content content) {
    try {
      AtomicFolder.write(
          place,
          aside -> {
            try (RowStore.Writer out = new RowStore.Writer(aside)) {
              content.write(out);
              out.finish();
            }
          });
      return RowStore.open(place, MappedInts.SEGMENT_BITS);
    } catch (EnvironmentException | IOException e) {
      Throwable cause = e.getCause() instanceof IOException io ? io : e;
      throw new EnvironmentException(
          "data cannot be cached in %s: %s; free space, or set TUNE_CACHE to another folder"
              .formatted(
                  folder,
                  cause instanceof IOException io ? TuneException.reason(io) : e.getMessage()),
          e);
    }
  }
}

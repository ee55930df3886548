package org.tune4j.checkpointing;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tune4j.EnvironmentException;
import org.tune4j.InputException;
import org.tune4j.checkpoint.CacheFolder;
import org.tune4j.checkpoint.HuggingFaceFolder;
import org.tune4j.checkpoint.HuggingFaceFolder.Weight;
import org.tune4j.checkpoint.QuantisedFiles;
import org.tune4j.checkpoint.QuantisedLayout;
import org.tune4j.tensor.DType;

/**
 * A folder's weights, some of them in quantised types. These are made once, from one weight after
 * the other, and kept in the user's cache; about half a byte an element in NF4 and one in int8 stay
 * until the user removes the folder, which is safe while nothing runs.
 */
final class QuantisedWeights {
  private static final Logger LOG = LoggerFactory.getLogger(QuantisedWeights.class);

  /** Changes with what is written for the same weights. */
  private static final String VERSION = "1";

  private QuantisedWeights() {}

  /**
   * The weights by name.
   *
   * @param dtype of those that are to be quantised; what the folder has quantised stays as it is
   * @throws InputException when a file is broken
   * @throws EnvironmentException when the cache cannot be written
   */
  static Map<String, Weight> of(HuggingFaceFolder folder, Map<String, DType> dtype) {
    Map<String, DType> wanted = new LinkedHashMap<>(dtype);
    wanted
        .keySet()
        .removeIf(
            name -> {
              Weight stored = folder.weights().get(name);
              return stored == null || stored.entry().layout() instanceof QuantisedLayout;
            });
    if (wanted.isEmpty()) {
      return folder.weights();
    }
    CacheFolder cache = new CacheFolder(CacheFolder.ofUser(), "weights");
    Path place = cache.place(key(folder, wanted));
    cache.sweep();
    Map<String, Weight> all = new LinkedHashMap<>(folder.weights());
    all.putAll(find(place, wanted).orElseGet(() -> make(cache, place, folder, wanted)));
    return all;
  }

  private static String key(HuggingFaceFolder folder, Map<String, DType> wanted) {
    try {
      MessageDigest hash = MessageDigest.getInstance("SHA-256");
      String text = VERSION + wanted + WeightsFingerprint.of(folder, "");
      return HexFormat.of().formatHex(hash.digest(text.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  private static Optional<Map<String, Weight>> find(Path place, Map<String, DType> wanted) {
    if (!Files.isDirectory(place)) {
      return Optional.empty();
    }
    try {
      Map<String, Weight> found = QuantisedFiles.open(place);
      if (found.keySet().equals(wanted.keySet())) {
        return Optional.of(found);
      }
      LOG.warn("cached weights {} are incomplete and made again", place);
    } catch (InputException e) {
      LOG.warn("cached weights {} are damaged and made again: {}", place, e.getMessage());
    }
    return Optional.empty();
  }

  private static Map<String, Weight> make(
      CacheFolder cache, Path place, HuggingFaceFolder folder, Map<String, DType> wanted) {
    LOG.info("weights of {} are quantised into {}", folder.path(), place);
    try {
      cache.write(place, aside -> QuantisedFiles.write(aside, folder.weights(), wanted));
      return QuantisedFiles.open(place);
    } catch (EnvironmentException | IOException e) {
      throw cache.unusable("quantised weights", e);
    }
  }
}

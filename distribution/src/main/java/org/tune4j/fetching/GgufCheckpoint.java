package org.tune4j.fetching;

import java.nio.file.Path;
import org.tune4j.checkpoint.GgufModel;
import org.tune4j.config.Config;
import org.tune4j.data.DataCache;

/**
 * Checkpoints that are a GGUF file, where a folder's name may stand: the folder is made of what the
 * file says, in the cache.
 */
public final class GgufCheckpoint {
  private GgufCheckpoint() {}

  /**
   * {@return the config with a folder instead of a GGUF file, and the tokenizer from there if it
   * had the same name; itself where none is named}
   *
   * @param config of a run
   * @throws org.tune4j.InputException if the file is broken, or of a kind that is not supported
   */
  public static Config in(Config config) {
    String place = config.text(HubCheckpoint.CHECKPOINT);
    if (place.isEmpty() || place.indexOf('\0') >= 0) {
      return config;
    }
    Path model = Path.of(place);
    Path folder = folder(model);
    return folder.equals(model) ? config : HubCheckpoint.at(config, place, folder);
  }

  /**
   * {@return the folder of a GGUF file; the place itself where it is none}
   *
   * @param model a model's folder or file
   * @throws org.tune4j.InputException if the file is broken, or of a kind that is not supported
   */
  public static Path folder(Path model) {
    return GgufModel.at(model)
        .map(file -> GgufModel.folder(file, DataCache.ofUser().folder().resolve("gguf")))
        .orElse(model);
  }
}

package org.tune4j.checkpointing;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;

/**
 * What {@code checkpoint_dir} and {@code checkpoint_files} say together. Nothing is read.
 *
 * @param folder of the model
 * @param names the files to load, as paths from the folder; empty for the folder's own
 */
record CheckpointFiles(Path folder, List<Path> names) {
  private static final String KEY = "checkpointer.checkpoint_files";

  /**
   * Reads both keys.
   *
   * @param folder null for the one that all files lie in
   * @param files null, a path, a list of paths, or torchtune's map of {@code filename_format} and
   *     {@code max_filename}
   * @throws UsageException naming what is wrong
   */
  static CheckpointFiles of(@Nullable Path folder, @Nullable Object files) {
    List<Path> names = new ArrayList<>();
    for (Object name : files instanceof Map<?, ?> map ? formatted(map) : listed(files)) {
      names.add(weights(name));
    }
    if (folder != null) {
      return new CheckpointFiles(folder, names);
    }
    Set<Path> folders = new LinkedHashSet<>();
    names.forEach(name -> folders.add(folderOf(name)));
    if (folders.size() != 1) {
      throw new UsageException(
          names.isEmpty()
              ? "checkpointer.checkpoint_dir is not set; set it to a Hugging Face model's folder"
              : "%s lists files of the folders %s; set checkpointer.checkpoint_dir to the folder that holds config.json"
                  .formatted(KEY, folders));
    }
    return new CheckpointFiles(
        folders.iterator().next(), names.stream().map(Path::getFileName).toList());
  }

  private static Path folderOf(Path name) {
    Path parent = name.getParent();
    return parent == null ? Path.of(".") : parent;
  }

  private static List<?> listed(@Nullable Object files) {
    return files == null ? List.of() : files instanceof List<?> list ? list : List.of(files);
  }

  /** torchtune's {@code FormattedCheckpointFiles}. */
  private static List<String> formatted(Map<?, ?> map) {
    String format = String.valueOf(map.get("filename_format"));
    String last = String.valueOf(map.get("max_filename"));
    String[] parts = format.split("\\{}", -1);
    if (map.size() != 2 || parts.length != 3 || !last.matches("0*[1-9][0-9]{0,4}")) {
      throw new UsageException(
          "%s is %s, expected a list of files, or filename_format with two {} and max_filename from 1 to 99999, such as {filename_format: 'model-{}-of-{}.safetensors', max_filename: '00003'}"
              .formatted(KEY, map));
    }
    List<String> names = new ArrayList<>();
    for (int i = 1; i <= Integer.parseInt(last); i++) {
      String number = ("%0" + last.length() + "d").formatted(i);
      names.add(parts[0] + number + parts[1] + last + parts[2]);
    }
    return names;
  }

  private static Path weights(Object name) {
    if (!(name instanceof String text)) {
      throw new UsageException("%s lists %s, expected the path of a file".formatted(KEY, name));
    }
    if (!text.matches(".*\\.(safetensors|bin|pth|pt|gguf)")) {
      throw new UsageException(
          "%s lists '%s', which is no file of weights; list the model's .safetensors, .bin or .pth files, or set it to null to load those of checkpoint_dir"
              .formatted(KEY, text));
    }
    try {
      return Path.of(
          text.startsWith("~/") ? System.getProperty("user.home") + text.substring(1) : text);
    } catch (InvalidPathException e) {
      throw new UsageException("%s lists '%s', which is not a path".formatted(KEY, text));
    }
  }
}

package org.tune4j.checkpoint;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.tune4j.InputException;

/**
 * A {@code model.safetensors.index.json}: which file holds which tensor.
 *
 * @param file the index itself
 * @param weightMap tensor to name of the file beside the index
 */
record ShardIndex(Path file, Map<String, String> weightMap) {
  public ShardIndex {
    weightMap = Collections.unmodifiableMap(new LinkedHashMap<>(weightMap));
  }

  /**
   * Reads the index; the shards are not looked at.
   *
   * @throws InputException if it cannot be read, is no index, or names a file outside its folder
   */
  public static ShardIndex read(Path file) {
    JsonFields weightMap = JsonFields.read(file).object("weight_map");
    Map<String, String> places = new LinkedHashMap<>();
    for (String tensor : weightMap.toMap().keySet()) {
      String shard = weightMap.text(tensor);
      if (!isPlainName(shard)) {
        throw new InputException(
            file
                + ": weight_map places tensor "
                + Texts.quoted(tensor)
                + " in "
                + Texts.quoted(shard)
                + ", expected the name of a file beside the index; get the checkpoint again");
      }
      places.put(tensor, shard);
    }
    if (places.isEmpty()) {
      throw new InputException(file + ": weight_map is empty; get the checkpoint again");
    }
    return new ShardIndex(file, places);
  }

  private static boolean isPlainName(String name) {
    return !name.isEmpty()
        && !name.equals(".")
        && !name.equals("..")
        && name.chars().noneMatch(c -> "/\\:".indexOf(c) >= 0 || Character.isISOControl(c));
  }

  /** The files that the index names, in order of their names. */
  public List<Path> shards() {
    return new TreeSet<>(weightMap.values()).stream().map(file::resolveSibling).toList();
  }

  /**
   * Opens every shard and compares it with the index.
   *
   * @throws InputException if a shard is missing or broken, or index and shards disagree about a
   *     tensor
   */
  public List<SafetensorsFile> openShards() {
    List<Path> missing = shards().stream().filter(shard -> !Files.exists(shard)).toList();
    if (!missing.isEmpty()) {
      throw new InputException(
          file
              + " names "
              + Texts.quoted(missing.stream().map(s -> String.valueOf(s.getFileName())).toList())
              + ", which "
              + (missing.size() == 1 ? "is" : "are")
              + " not in the folder; download the missing shards");
    }
    List<SafetensorsFile> opened = new ArrayList<>();
    for (Path shard : shards()) {
      opened.add(checked(SafetensorsFile.open(shard)));
    }
    return List.copyOf(opened);
  }

  private SafetensorsFile checked(SafetensorsFile shard) {
    String name = String.valueOf(shard.path().getFileName());
    weightMap.forEach(
        (tensor, place) -> {
          if (place.equals(name) && !shard.entries().containsKey(tensor)) {
            throw new InputException(
                file
                    + " places tensor "
                    + Texts.quoted(tensor)
                    + " in "
                    + name
                    + ", which does not hold it; get the checkpoint again");
          }
        });
    for (String tensor : shard.entries().keySet()) {
      String place = weightMap.get(tensor);
      if (!name.equals(place)) {
        throw new InputException(
            shard.path()
                + " holds tensor "
                + Texts.quoted(tensor)
                + ", which "
                + file.getFileName()
                + (place == null ? " does not name" : " places in " + place)
                + "; get the checkpoint again");
      }
    }
    return shard;
  }
}

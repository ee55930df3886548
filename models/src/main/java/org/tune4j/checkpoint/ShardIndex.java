package org.tune4j.checkpoint;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.tune4j.InputException;

/**
 * A {@code model.safetensors.index.json}: which file holds which tensor.
 *
 * @param file the index itself
 * @param weightMap tensor to its file, in the index's folder or one below; a path from there
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
      if (!isInside(shard)) {
        throw new InputException(
            file
                + ": weight_map places tensor "
                + Texts.quoted(tensor)
                + " in "
                + Texts.quoted(shard)
                + ", expected a file in the index's folder; download the checkpoint again");
      }
      places.put(tensor, shard);
    }
    if (places.isEmpty()) {
      throw new InputException(file + ": weight_map is empty; download the checkpoint again");
    }
    return new ShardIndex(file, places);
  }

  private static boolean isInside(String path) {
    return path.chars().noneMatch(c -> "\\:".indexOf(c) >= 0 || Character.isISOControl(c))
        && Stream.of(path.split("/", -1))
            .noneMatch(part -> part.isEmpty() || part.equals(".") || part.equals(".."));
  }

  /**
   * Opens every shard and compares it with the index, which need not agree about buffers that a
   * model computes itself.
   *
   * @return the shards, in order of their names
   * @throws InputException if a shard is missing or broken, or index and shards disagree about a
   *     tensor
   */
  List<WeightsFile> openShards() {
    TreeSet<String> names = new TreeSet<>(weightMap.values());
    List<String> missing =
        names.stream().filter(name -> !Files.exists(file.resolveSibling(name))).toList();
    if (!missing.isEmpty()) {
      throw new InputException(
          file
              + " names "
              + Texts.quoted(missing)
              + ", which "
              + (missing.size() == 1 ? "is" : "are")
              + " not in the folder; download the missing shards");
    }
    return names.stream().map(this::openShard).toList();
  }

  private WeightsFile openShard(String name) {
    WeightsFile shard = WeightsFile.open(file.resolveSibling(name));
    weightMap.forEach(
        (tensor, place) -> {
          if (place.equals(name)
              && !shard.entries().containsKey(tensor)
              && !DerivedTensors.isBuffer(tensor)) {
            throw new InputException(
                file
                    + " places tensor "
                    + Texts.quoted(tensor)
                    + " in "
                    + name
                    + ", which does not hold it; download the checkpoint again");
          }
        });
    for (String tensor : shard.entries().keySet()) {
      String place = weightMap.get(tensor);
      if (!name.equals(place) && !DerivedTensors.isBuffer(tensor)) {
        throw new InputException(
            shard.path()
                + " holds tensor "
                + Texts.quoted(tensor)
                + ", which "
                + file.getFileName()
                + (place == null ? " does not name" : " places in " + place)
                + "; download the checkpoint again");
      }
    }
    return shard;
  }
}

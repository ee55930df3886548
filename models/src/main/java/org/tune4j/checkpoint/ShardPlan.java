package org.tune4j.checkpoint;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.Separators;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.tune4j.UsageException;

/**
 * Which tensor of a model goes to which file: one {@code model.safetensors}, or numbered shards and
 * {@code model.safetensors.index.json}, as transformers names them.
 *
 * @param shards each file's tensors, in order; at least one
 */
public record ShardPlan(List<Shard> shards) {
  /** The name of a checkpoint that is one file. */
  public static final String SINGLE = "model.safetensors";

  /** The name of the index beside several files. */
  public static final String INDEX = "model.safetensors.index.json";

  /** Copies the list. */
  public ShardPlan {
    shards = List.copyOf(shards);
  }

  /**
   * One file.
   *
   * @param fileName within the folder
   * @param tensors in the order they are written
   */
  public record Shard(String fileName, List<StoredTensor> tensors) {
    /** Copies the list. */
    public Shard {
      tensors = List.copyOf(tensors);
    }
  }

  /**
   * Fills files in the given order, opening the next when a tensor would exceed the size.
   *
   * @param tensors of the whole model, at least one
   * @param size a file's most bytes of tensors; a larger tensor has a file of its own
   * @return {@link #SINGLE} alone, or {@code model-00001-of-0000N.safetensors} and on
   * @throws UsageException if there is no tensor, or a name is given twice
   */
  public static ShardPlan of(List<StoredTensor> tensors, ShardSize size) {
    if (tensors.isEmpty()) {
      throw new UsageException("a checkpoint without tensors cannot be written");
    }
    List<List<StoredTensor>> groups = new ArrayList<>();
    List<StoredTensor> group = new ArrayList<>();
    Set<String> names = new HashSet<>();
    long bytes = 0;
    for (StoredTensor tensor : tensors) {
      if (!names.add(tensor.name())) {
        throw new UsageException("tensor " + Texts.quoted(tensor.name()) + " is given twice");
      }
      if (!group.isEmpty() && tensor.length() > size.bytes() - bytes) {
        groups.add(group);
        group = new ArrayList<>();
        bytes = 0;
      }
      group.add(tensor);
      bytes += tensor.length();
    }
    groups.add(group);
    return new ShardPlan(named(groups));
  }

  private static List<Shard> named(List<List<StoredTensor>> groups) {
    if (groups.size() == 1) {
      return List.of(new Shard(SINGLE, groups.get(0)));
    }
    List<Shard> shards = new ArrayList<>();
    for (List<StoredTensor> group : groups) {
      String name =
          String.format(
              Locale.ROOT, "model-%05d-of-%05d.safetensors", shards.size() + 1, groups.size());
      shards.add(new Shard(name, group));
    }
    return shards;
  }

  /** Bytes of all tensors together, without headers. */
  long totalBytes() {
    return shards.stream()
        .flatMap(shard -> shard.tensors().stream())
        .mapToLong(StoredTensor::length)
        .sum();
  }

  /**
   * Writes the shards, then the index. A failure leaves the shards before it: write into a folder
   * that {@link AtomicFolder} gives.
   *
   * @param folder exists
   * @throws org.tune4j.EnvironmentException if a file cannot be written
   */
  public void write(Path folder) {
    for (Shard shard : shards) {
      SafetensorsWriter.write(folder.resolve(shard.fileName()), shard.tensors());
    }
    if (shards.size() > 1) {
      AtomicFile.write(folder.resolve(INDEX), index());
    }
  }

  private String index() {
    Map<String, String> places = new TreeMap<>();
    shards.forEach(shard -> shard.tensors().forEach(t -> places.put(t.name(), shard.fileName())));
    ObjectNode index = JsonFields.MAPPER.createObjectNode();
    index.putObject("metadata").put("total_size", totalBytes());
    ObjectNode weightMap = index.putObject("weight_map");
    places.forEach(weightMap::put);
    return pretty(index);
  }

  /** As Python's {@code json.dumps(indent=2)} lays it out, with a line break at the end. */
  static String pretty(ObjectNode node) {
    DefaultIndenter lines = new DefaultIndenter("  ", "\n");
    DefaultPrettyPrinter printer =
        new DefaultPrettyPrinter(
                Separators.createDefaultInstance()
                    .withObjectFieldValueSpacing(Separators.Spacing.AFTER)
                    .withObjectEmptySeparator("")
                    .withArrayEmptySeparator(""))
            .withObjectIndenter(lines)
            .withArrayIndenter(lines);
    try {
      return JsonFields.MAPPER.writer(printer).writeValueAsString(node) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a tree of plain values must be writable", e);
    }
  }
}

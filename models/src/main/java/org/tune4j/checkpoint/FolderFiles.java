package org.tune4j.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.tune4j.InputException;
import org.tune4j.TuneException;

/** Which files of a model's folder hold its weights. */
final class FolderFiles {
  private static final String TORCH = "pytorch_model.bin";
  private static final Pattern WEIGHTS = Pattern.compile(".*\\.(bin|pth|pt|safetensors|gguf)");
  private static final Pattern GGUF = Pattern.compile(".*\\.gguf");
  private static final Pattern SHARD =
      Pattern.compile("model-[0-9]{5}-of-([0-9]{5})\\.safetensors");

  private FolderFiles() {}

  /** Those that a user lists, each a path from the folder. */
  static List<WeightsFile> listed(Path folder, List<Path> names) {
    Set<Path> files = new TreeSet<>();
    names.forEach(name -> files.add(folder.resolve(name)));
    for (Path file : files) {
      if (!Files.exists(file)) {
        throw new InputException(
            "checkpointer.checkpoint_files lists "
                + file
                + ", which does not exist; list the files of "
                + folder
                + ", or leave the key out to load what the folder holds");
      }
    }
    boolean meta =
        files.size() > 1
            && files.stream()
                .allMatch(f -> MetaModel.FILE.matcher(String.valueOf(f.getFileName())).matches());
    return meta
        ? List.of(MetaModel.joined(List.copyOf(files)))
        : files.stream().map(WeightsFile::open).toList();
  }

  /**
   * Those of the folder itself: safetensors go before torch's files and one file before an index,
   * as in transformers; shards say by their names what they are.
   */
  static List<WeightsFile> own(Path folder) {
    for (String single : List.of(ShardPlan.SINGLE, TORCH)) {
      Path file = folder.resolve(single);
      Path index = folder.resolve(single + ".index.json");
      if (Files.exists(file)) {
        return List.of(WeightsFile.open(file));
      }
      if (Files.exists(index)) {
        return ShardIndex.read(index).openShards();
      }
    }
    List<String> shards = matching(folder, SHARD);
    if (!shards.isEmpty()) {
      requireWhole(folder, shards);
      return shards.stream().map(name -> WeightsFile.open(folder.resolve(name))).toList();
    }
    List<String> meta = matching(folder, MetaModel.FILE);
    if (meta.size() > 1) {
      return List.of(MetaModel.joined(meta.stream().map(folder::resolve).toList()));
    }
    List<String> only = meta.isEmpty() ? matching(folder, GGUF) : meta;
    boolean split = !only.isEmpty() && GgufModel.parts(folder.resolve(only.get(0))) == only.size();
    if (only.size() != 1 && !split) {
      throw new InputException(
          "the checkpoint folder %s has no weights: expected %s or %s%s"
              .formatted(folder, ShardPlan.SINGLE, ShardPlan.INDEX, otherWeights(folder)));
    }
    return only.stream().map(name -> WeightsFile.open(folder.resolve(name))).toList();
  }

  private static List<String> matching(Path folder, Pattern name) {
    return all(folder).stream()
        .map(file -> String.valueOf(file.getFileName()))
        .filter(name.asMatchPredicate())
        .toList();
  }

  /** Without an index the names alone tell whether a shard is missing. */
  private static void requireWhole(Path folder, List<String> shards) {
    Matcher first = SHARD.matcher(shards.get(0));
    int count = first.matches() ? Integer.parseInt(first.group(1)) : 0;
    for (int i = 1; i <= count; i++) {
      String name = "model-%05d-of-%05d.safetensors".formatted(i, count);
      if (!shards.contains(name)) {
        throw new InputException(
            "the checkpoint folder %s has shards and no %s, and of the shards %s is missing; download both"
                .formatted(folder, ShardPlan.INDEX, name));
      }
    }
    if (shards.size() != count) {
      throw new InputException(
          "the checkpoint folder %s has shards of several checkpoints and no %s; download it, or list the files to load in checkpointer.checkpoint_files"
              .formatted(folder, ShardPlan.INDEX));
    }
  }

  private static String otherWeights(Path folder) {
    List<String> other = matching(folder, WEIGHTS);
    if (other.isEmpty()) {
      return "; download them";
    }
    return ", found "
        + Texts.quoted(other)
        + "; list the files to load in checkpointer.checkpoint_files";
  }

  /** All files of a folder, sorted. */
  static List<Path> all(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(Files::isRegularFile).sorted().toList();
    } catch (IOException e) {
      throw new InputException(
          "cannot read the folder " + folder + ": " + TuneException.reason(e), e);
    }
  }
}

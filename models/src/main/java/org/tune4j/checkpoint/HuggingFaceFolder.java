package org.tune4j.checkpoint;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.tune4j.EnvironmentException;
import org.tune4j.InputException;
import org.tune4j.TuneException;
import org.tune4j.checkpoint.SafetensorsFile.Entry;
import org.tune4j.tensor.DType;

/**
 * A model's folder as Hugging Face lays it out: {@code config.json}, the weights in one or several
 * files, tokenizer files beside them; or Meta's, with {@code params.json}. Opening reads headers
 * only.
 *
 * <p>Tensors that a model computes itself are no weights: rotary frequencies, causal masks, and
 * {@code lm_head.weight} where the head is tied to the embedding.
 */
public final class HuggingFaceFolder {
  /** The name of the model's description. */
  public static final String CONFIG = "config.json";

  private static final Set<String> MODELS = Set.of(CONFIG, "generation_config.json");

  private static final Set<String> SIDE_FILES =
      Set.of(
          CONFIG,
          "generation_config.json",
          "special_tokens_map.json",
          "added_tokens.json",
          "chat_template.jinja",
          "chat_template.json",
          "vocab.json",
          "vocab.txt",
          "merges.txt");

  private static final String SCORE = Labels.HEAD + ".weight";

  private static final Pattern TABLE = Pattern.compile("(.*\\.)?(embed_tokens|lm_head)\\.weight");

  private final Path path;
  private final HuggingFaceConfig config;
  private final List<WeightsFile> files;
  private final Map<String, Weight> weights;
  private final List<Weight> others = new ArrayList<>();

  private HuggingFaceFolder(
      Path path, HuggingFaceConfig config, List<WeightsFile> files, Map<String, Weight> weights) {
    this.path = path;
    this.config = config;
    this.files = files;
    this.weights = weights;
  }

  private HuggingFaceFolder(Path path, HuggingFaceConfig config, List<WeightsFile> files) {
    this.path = path;
    this.config = config;
    this.files = files;
    Map<String, Weight> all = new LinkedHashMap<>();
    for (WeightsFile file : files) {
      for (Entry entry : file.weights(config.json()).values()) {
        String name = config.inImageModel() ? TextModel.name(entry.name()) : entry.name();
        if (isText(name) && DerivedTensors.isDerived(name, entry, config)) {
          continue;
        }
        Weight other = all.put(name, new Weight(file.path(), entry));
        if (other != null) {
          throw new InputException(
              "tensor "
                  + Texts.quoted(entry.name())
                  + " is both in "
                  + other.file()
                  + " and in "
                  + file.path()
                  + "; give files that do not overlap");
        }
      }
    }
    Map<String, Weight> read =
        config
            .quantisation()
            .map(fields -> QuantMethod.of(fields).weights(all, fields))
            .orElse(all);
    read.forEach(
        (name, weight) -> {
          if (!isText(name)) {
            others.add(weight);
          }
        });
    read.keySet().removeIf(name -> !isText(name));
    this.weights = Collections.unmodifiableMap(read);
  }

  /**
   * {@return the same with so many rows of embedding and head: those that are added are the mean of
   * the others, as where transformers resizes token embeddings; itself where it has them}
   *
   * @param rows one for each token of a tokenizer
   * @throws InputException if each layer takes an input of its own for every token
   */
  public HuggingFaceFolder withVocabulary(int rows) {
    Map<String, Weight> all = new LinkedHashMap<>(weights);
    all.replaceAll((name, w) -> TABLE.matcher(name).matches() ? MeanRows.of(w, rows) : w);
    if (all.equals(weights)) {
      return this;
    }
    HuggingFaceFolder wider = new HuggingFaceFolder(path, config.withVocabulary(rows), files, all);
    wider.others.addAll(others);
    return wider;
  }

  /**
   * {@return the same as a classifier: without a head of tokens, and with one of labels where it
   * has none, which begins with small numbers; itself where no labels are asked for}
   *
   * @param labels by their numbers
   * @param seed of these numbers
   * @throws InputException if the model is a classifier of others, or not one of text alone
   */
  public HuggingFaceFolder withLabels(List<String> labels, long seed) {
    if (labels.isEmpty()) {
      return this;
    }
    HuggingFaceConfig labelled = config.withLabels(labels);
    Map<String, Weight> all = new LinkedHashMap<>(weights);
    all.keySet().removeIf(name -> name.startsWith("lm_head."));
    all.computeIfAbsent(SCORE, name -> drawn(name, labels.size(), seed));
    return new HuggingFaceFolder(path, labelled, files, all);
  }

  private Weight drawn(String name, int labels, long seed) {
    Weight table =
        weights.entrySet().stream()
            .filter(w -> TABLE.matcher(w.getKey()).matches())
            .map(Map.Entry::getValue)
            .findFirst()
            .orElseThrow(() -> new InputException(path + " has no embed_tokens.weight"));
    double deviation = config.json().positiveDecimal("initializer_range", 0.02);
    return DrawnRows.of(
        name, labels, table.entry().shape().get(1), table, new DrawnRows(seed, deviation));
  }

  private boolean isText(String name) {
    return !config.inImageModel() || TextModel.has(name);
  }

  /**
   * Where a weight lies.
   *
   * @param file that holds it
   * @param entry its place, type, shape and name there
   */
  public record Weight(Path file, Entry entry) {
    private static final int PIECE = 8 << 20;

    /** {@return the weight as it is, under its name in the file; read when it is written} */
    public StoredTensor stored() {
      return new StoredTensor(entry.name(), entry.type(), entry.shape(), this::copy);
    }

    /** Streams its elements. */
    void copy(WritableByteChannel out) throws IOException {
      ByteBuffer piece = ByteBuffer.allocateDirect(PIECE).order(ByteOrder.LITTLE_ENDIAN);
      try (FileChannel in = FileChannel.open(file)) {
        for (long at = 0; at < entry.length(); at += piece.limit()) {
          piece.clear().limit((int) Math.min(PIECE, entry.length() - at));
          entry.layout().read(in, entry, at, piece);
          AtomicFile.writeFully(out, piece.flip());
        }
      }
    }
  }

  /**
   * {@return what a folder's {@code config.json} says, also where no weights are there}
   *
   * @param folder that exists
   * @throws InputException if the file is missing, broken or of a kind that is not supported
   */
  public static HuggingFaceConfig config(Path folder) {
    return HuggingFaceConfig.read(folder.resolve(CONFIG));
  }

  /**
   * Opens the folder, reads its config and checks the headers of all its weights.
   *
   * @param folder with {@code config.json} and {@code model.safetensors} or {@code
   *     pytorch_model.bin}, or shards and their index; or Meta's with {@code consolidated.00.pth}
   * @return the folder; it keeps no file open
   * @throws InputException if the folder, its config or its weights are missing, broken or of a
   *     kind that is not supported
   */
  public static HuggingFaceFolder open(Path folder) {
    return open(folder, List.of());
  }

  /**
   * Opens the folder with weights from other files than its own.
   *
   * @param folder with {@code config.json}
   * @param weights all the files that hold weights, as paths from the folder; empty for the
   *     folder's own
   * @return the folder; it keeps no file open
   * @throws InputException if the folder, its config or a file is missing, broken or of a kind that
   *     is not supported, or two files hold one tensor
   */
  public static HuggingFaceFolder open(Path folder, List<Path> weights) {
    if (!Files.exists(folder)) {
      throw new InputException(
          "the checkpoint folder "
              + folder
              + " does not exist; download the model there or correct the path");
    }
    if (!Files.isDirectory(folder)) {
      throw new InputException(
          "the checkpoint folder " + folder + " is a file; give the folder that holds config.json");
    }
    HuggingFaceConfig config = HuggingFaceConfig.read(folder.resolve(CONFIG));
    return new HuggingFaceFolder(
        folder,
        config,
        weights.isEmpty() ? FolderFiles.own(folder) : FolderFiles.listed(folder, weights));
  }

  /** {@return the folder} */
  public Path path() {
    return path;
  }

  /** {@return what {@code config.json} says, read when the folder was opened} */
  public HuggingFaceConfig config() {
    return config;
  }

  /** The weights' files, in order of their names. */
  List<WeightsFile> files() {
    return files;
  }

  /**
   * {@return every weight of the text model by its name, file by file; unmodifiable}
   *
   * <p>The name is the one in the file, but for text models inside image models: these have the
   * names of transformers' modules, {@code model.language_model.layers.0...} and {@code lm_head}.
   */
  public Map<String, Weight> weights() {
    return weights;
  }

  /** {@return the type of the first quantised weight; empty where none is} */
  public Optional<DType> quantised() {
    return weights.values().stream()
        .filter(w -> w.entry().layout() instanceof QuantisedLayout)
        .map(w -> ((QuantisedLayout) w.entry().layout()).dtype())
        .findFirst();
  }

  /**
   * {@return what is no text model's: the rest of an image model's checkpoint, which no one reads
   * and which belongs to every model made from it; unmodifiable}
   */
  public List<Weight> others() {
    return Collections.unmodifiableList(others);
  }

  /**
   * {@return what the files call a weight of the model}
   *
   * @param name in {@link #weights}, or a head's that the files do not have
   */
  public String storedName(String name) {
    Weight own = weights.get(name);
    return own != null
        ? own.entry().name()
        : TextModel.besides(weights.values().iterator().next().entry().name(), name);
  }

  /**
   * The files that belong to the model beside its weights, and to every model made from it: config,
   * generation config, tokenizer, chat template.
   */
  List<Path> sideFiles() {
    return sideFiles(path);
  }

  private static List<Path> sideFiles(Path folder) {
    return FolderFiles.all(folder).stream()
        .filter(
            file -> {
              String name = String.valueOf(file.getFileName());
              return SIDE_FILES.contains(name) || name.startsWith("tokenizer");
            })
        .toList();
  }

  /**
   * {@return the files that {@link #copySideFiles} leaves out, since they are links to somewhere
   * else: a model from elsewhere must not carry a file of this machine into what is made from it}
   */
  public List<Path> foreignFiles() {
    return sideFiles().stream().filter(file -> !isOwn(path, file)).toList();
  }

  /** Whether a file lies in the folder, or is a link to the blobs of the hub cache around it. */
  private static boolean isOwn(Path path, Path file) {
    try {
      Path folder = path.toRealPath();
      Path real = file.toRealPath();
      Path snapshots = folder.getParent();
      return real.startsWith(folder)
          || (snapshots != null
              && snapshots.endsWith("snapshots")
              && real.startsWith(snapshots.resolveSibling("blobs")));
    } catch (IOException e) {
      throw new InputException("cannot read " + file + ": " + TuneException.reason(e), e);
    }
  }

  /**
   * Copies what belongs to a model beside its weights, and to every model made from it: config,
   * generation config, tokenizer, chat template. Files of the same names are replaced; {@link
   * #foreignFiles} are left out.
   *
   * @param target exists
   * @throws EnvironmentException if one cannot be copied
   */
  public void copySideFiles(Path target) {
    copy(path, sideFiles(), target);
  }

  /**
   * Copies the tokenizer's files among those that {@link #copySideFiles} copies.
   *
   * @param folder of a model or an adapter
   * @param target exists
   * @throws EnvironmentException if one cannot be copied
   */
  public static void copyTokenizer(Path folder, Path target) {
    List<Path> files = new ArrayList<>(sideFiles(folder));
    files.removeIf(file -> MODELS.contains(String.valueOf(file.getFileName())));
    copy(folder, files, target);
  }

  private static void copy(Path folder, List<Path> files, Path target) {
    for (Path file : files) {
      if (!isOwn(folder, file)) {
        continue;
      }
      // As a stream: a copy of a read-only file would be read-only, and could not be changed.
      try (InputStream in = Files.newInputStream(file)) {
        Files.copy(in, target.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
      } catch (IOException e) {
        throw new EnvironmentException(
            "cannot copy " + file + " to " + target + ": " + TuneException.reason(e), e);
      }
    }
  }
}

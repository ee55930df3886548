package org.tune4j.recipes;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.tune4j.adapters.lora.AttnModule;
import org.tune4j.adapters.lora.LoraArguments;
import org.tune4j.adapters.lora.LoraTargets;
import org.tune4j.checkpointing.HuggingFaceCheckpointer;
import org.tune4j.collective.Ranks;
import org.tune4j.component.ByName;
import org.tune4j.data.DataCache;
import org.tune4j.data.Dataset;
import org.tune4j.data.DatasetSpec;
import org.tune4j.data.Example;
import org.tune4j.data.Prompt;
import org.tune4j.data.Prompts;
import org.tune4j.loss.ChunkedCrossEntropy;
import org.tune4j.loss.ForwardKlLoss;
import org.tune4j.models.ModelRegistry;
import org.tune4j.models.ModelSpec;
import org.tune4j.models.Quantisation;
import org.tune4j.models.auto.AutoModel;
import org.tune4j.nn.Objective;
import org.tune4j.optim.AdamW;
import org.tune4j.optim.Cosine;
import org.tune4j.optim.Optimizer;
import org.tune4j.recipe.Recipe;
import org.tune4j.recipe.RunContext;
import org.tune4j.recipe.RunListener;
import org.tune4j.rewards.RewardFunction;
import org.tune4j.rollouts.RolloutOptions;
import org.tune4j.runs.EvaluationOptions;
import org.tune4j.runs.LoggingOptions;
import org.tune4j.runs.SampleOptions;
import org.tune4j.runs.SavingOptions;
import org.tune4j.runs.ValidationOptions;
import org.tune4j.spi.Backends;
import org.tune4j.tokenizers.Tokenizer;
import org.tune4j.tokenizers.TokenizerSpec;
import org.tune4j.training.ComputeOptions;
import org.tune4j.training.TrainingOptions;

/**
 * A recipe, LoRA unless told, on the tiny Llama 2 and made-up rows, as this JVM's backend runs it.
 */
final class TinyRun {
  static final Path MODEL = Path.of("../models/src/test/resources/golden/tiny/families/llama2");
  static final int VOCAB = 320;

  Path model = MODEL;
  TokenizerSpec tokenizer = new TokenizerSpec(Path.of("../docs/tiny"), null);
  List<Example> rows = rows(1, 5);
  @Nullable List<Example> validation;
  int batchSize = 1;
  int accumulation = 2;
  int epochs = 2;
  boolean shuffle = true;
  double lr = 1e-2;
  Optimizer.@Nullable Spec optimizer;
  int rank = 4;
  double alpha = 16;
  double dropout = 0;
  Quantisation quantisation = Quantisation.NONE;
  boolean activationCheckpointing;
  int threads = 2;
  boolean full;

  /** Whether it is a recipe of preferences. */
  boolean preferences;

  /** Whether it is a recipe of reward models. */
  boolean rewards;

  /** The labels of a classifier's recipe; none for another. */
  List<String> classes = List.of();

  boolean precomputeReference;

  /** That it starts from; null for none. */
  @Nullable Path adapter;

  /** How answers are sampled; null where rows have theirs. */
  @Nullable RolloutOptions rollouts;

  List<Prompt> prompts = List.of();
  RewardFunction reward = completion -> 0;

  /** The folder of the model that it learns from; null for none. */
  @Nullable Path teacher;

  boolean optimizerInBwd;
  @Nullable Integer saveEvery = 2;

  /** False where a checkpoint will never be there. */
  boolean awaitsCheckpoints = true;

  int keep = 3;
  boolean resume;
  boolean overwrite;
  @Nullable Integer validateEvery;
  @Nullable Integer patience;
  List<String> evalTasks = List.of();
  @Nullable Path evalData;
  @Nullable Integer evalEvery;
  boolean dryRun;
  long seed = 7;
  Objective loss = new ChunkedCrossEntropy(8, 5);

  /** Settings besides those that the fields stand for. */
  Map<String, String> moreSettings = Map.of();

  /** What the last run printed. */
  String printed = "";

  /** Rows of 4 to 12 ids, the first two of which are not trained on. */
  static List<Example> rows(long seed, int count) {
    Random random = new Random(seed);
    List<Example> rows = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int[] tokens = random.ints(4 + random.nextInt(9), 3, VOCAB - 1).toArray();
      rows.add(row(tokens, 2));
    }
    return rows;
  }

  /** A row whose first tokens are not trained on. */
  static Example row(int[] tokens, int masked) {
    int[] labels = new int[tokens.length];
    for (int i = 0; i < tokens.length; i++) {
      labels[i] = i + 1 < tokens.length && i + 1 >= masked ? tokens[i + 1] : Example.IGNORED;
    }
    return new Example(tokens, labels, new int[] {tokens.length});
  }

  /** The same in pairs, of which each first row was chosen; both have the prompt in common. */
  static List<Example> pairs(long seed, int count) {
    List<Example> rated = new ArrayList<>();
    List<Example> rows = rows(seed, 2 * count);
    for (int i = 0; i < rows.size(); i++) {
      Example row = rows.get(i);
      int[] tokens = row.tokens().clone();
      System.arraycopy(rows.get(i - i % 2).tokens(), 0, tokens, 0, 2);
      rated.add(Example.rated(tokens, row.labels(), i % 2 == 0 ? 1 : 0));
    }
    return rated;
  }

  /** The same as texts of so many classes, in turns. */
  static List<Example> texts(long seed, int count, int classes) {
    List<Example> texts = new ArrayList<>();
    for (Example row : rows(seed, count)) {
      texts.add(Example.rated(row.tokens(), row.labels(), texts.size() % classes));
    }
    return texts;
  }

  /** Rows laid end to end, two in each. */
  static List<Example> packs(long seed, int count) {
    List<Example> packs = new ArrayList<>();
    List<Example> rows = rows(seed, 2 * count);
    for (int i = 0; i < rows.size(); i += 2) {
      Example a = rows.get(i);
      Example b = rows.get(i + 1);
      int[] tokens =
          IntStream.concat(Arrays.stream(a.tokens()), Arrays.stream(b.tokens())).toArray();
      int[] labels =
          IntStream.concat(Arrays.stream(a.labels()), Arrays.stream(b.labels())).toArray();
      packs.add(new Example(tokens, labels, new int[] {a.tokens().length, tokens.length}));
    }
    return packs;
  }

  /** A row that nothing is learnt from. */
  static Example maskedRow() {
    return row(new int[] {5, 6, 7, 8}, 4);
  }

  /** Runs to the end. */
  void run(Path out) {
    run(out, () -> false);
  }

  /** Makes so many steps and stops. */
  void runAndStopAfter(Path out, int steps) {
    int[] made = {0};
    run(out, () -> ++made[0] >= steps);
  }

  /** A run that stops after three steps and goes on ends in the bits of one that does not stop. */
  static void assertResumesToTheSameBits(Supplier<TinyRun> runs, Path dir) throws IOException {
    Path whole = dir.resolve("whole");
    runs.get().run(whole);
    Path twice = dir.resolve("twice");
    runs.get().runAndStopAfter(twice, 3);
    TinyRun again = runs.get();
    again.resume = true;
    again.run(twice);
    assertArrayEquals(runs.get().weights(whole), runs.get().weights(twice));
    assertEquals(metrics(whole), metrics(twice));
  }

  /**
   * Waits for each checkpoint, so that none is left out because a newer one overtook it. How many
   * steps were made is read: evaluation asks whether to stop, too.
   */
  private BooleanSupplier patient(Path out, BooleanSupplier stop) {
    return () -> {
      int made = made(out);
      if (awaitsCheckpoints && !resume && saveEvery != null && made > 0 && made % saveEvery == 0) {
        Path due = out.resolve("checkpoints/step_" + made);
        long end = System.nanoTime() + 300_000_000_000L;
        while (!Files.exists(due) && System.nanoTime() < end) {
          LockSupport.parkNanos(1_000_000);
        }
      }
      return stop.getAsBoolean();
    };
  }

  private static int made(Path out) {
    try {
      return metrics(out).size();
    } catch (NoSuchFileException e) {
      return 0;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void run(Path out, BooleanSupplier stop) {
    run(out, stop, Ranks.alone(Backends.installed()));
  }

  void run(Path out, BooleanSupplier stop, Ranks ranks) {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    try {
      recipe(out)
          .run(
              new RunContext(
                  Backends.installed(),
                  "# a test\n",
                  settings(out),
                  "tune again",
                  new PrintStream(text, true, StandardCharsets.UTF_8),
                  false,
                  dryRun,
                  patient(out, stop),
                  ranks,
                  RunListener.NONE));
    } finally {
      printed = text.toString(StandardCharsets.UTF_8);
    }
  }

  private Recipe recipe(Path out) {
    List<Example> train = rows;
    List<Example> test = validation;
    HuggingFaceCheckpointer checkpointer = new HuggingFaceCheckpointer(model, adapter, out);
    DatasetSpec dataset = prompts.isEmpty() ? of(train) : (t, max, cache) -> new Prompts(prompts);
    Cosine schedule = new Cosine(1, 0.5);
    TrainingOptions training =
        new TrainingOptions(
            batchSize, epochs, null, accumulation, optimizerInBwd ? null : 1.0, 0, shuffle, seed);
    ComputeOptions compute =
        new ComputeOptions(
            System.getProperty("tune4j.test.backend", ""),
            "cpu",
            "fp32",
            null,
            threads,
            activationCheckpointing,
            true);
    SavingOptions saving = new SavingOptions(saveEvery, keep, resume, overwrite, false, "5GB");
    ValidationOptions validating =
        new ValidationOptions(test == null ? null : of(test), validateEvery, null, patience);
    EvaluationOptions evaluating =
        new EvaluationOptions(evalTasks, evalData, 0, evalEvery, ByName.none());
    SampleOptions samples = new SampleOptions(List.of(), 1);
    LoggingOptions logging = new LoggingOptions(1, null);
    FinetuneOptions keys =
        new FinetuneOptions(
            out,
            tokenizer,
            full ? AutoModel.base(ModelRegistry.installed()) : lora(),
            checkpointer,
            dataset,
            optimizer == null ? new AdamW(lr, List.of(0.9, 0.999), 1e-8, 0.01, true) : optimizer,
            schedule,
            loss,
            training,
            compute,
            saving,
            validating,
            evaluating,
            samples,
            logging);
    if (teacher != null) {
      return DistillationRecipes.singleDevice(
          keys,
          AutoModel.base(ModelRegistry.installed()),
          new HuggingFaceCheckpointer(teacher, null, out),
          new ForwardKlLoss(8),
          0.5,
          true);
    }
    if (rollouts != null) {
      return new Grpo(keys, rollouts, reward, true);
    }
    if (preferences) {
      return full
          ? PreferenceRecipes.fullDistributed(keys, null, precomputeReference, "ddp")
          : PreferenceRecipes.loraSingleDevice(keys, true, precomputeReference);
    }
    if (rewards) {
      return full
          ? RewardRecipes.fullSingleDevice(keys)
          : RewardRecipes.loraSingleDevice(keys, false);
    }
    if (!classes.isEmpty()) {
      return full
          ? ClassificationRecipes.fullSingleDevice(keys)
          : ClassificationRecipes.loraSingleDevice(keys, false);
    }
    return full
        ? FinetuneRecipes.fullSingleDevice(keys, optimizerInBwd)
        : FinetuneRecipes.loraSingleDevice(keys, true);
  }

  private DatasetSpec of(List<Example> examples) {
    return new DatasetSpec() {
      @Override
      public Dataset open(Tokenizer tokens, int maxSeqLen, DataCache cache) {
        return Dataset.of(examples);
      }

      @Override
      public List<String> labels() {
        return classes;
      }
    };
  }

  private ModelSpec lora() {
    return AutoModel.lora(
            ModelRegistry.installed(),
            new LoraArguments(
                new LoraTargets(
                    List.of(AttnModule.Q_PROJ, AttnModule.V_PROJ), true, false, null, null, null),
                rank,
                alpha,
                dropout))
        .quantised(quantisation);
  }

  private Map<String, String> settings(Path out) {
    Map<String, String> all = new TreeMap<>(moreSettings);
    all.put("output_dir", out.toString());
    all.put("checkpointer.checkpoint_dir", model.toString());
    all.put("batch_size", Integer.toString(batchSize));
    all.put("gradient_accumulation_steps", Integer.toString(accumulation));
    all.put("epochs", Integer.toString(epochs));
    all.put("optimizer.lr", Double.toString(lr));
    all.put("model.lora_dropout", Double.toString(dropout));
    all.put("seed", Long.toString(seed));
    all.put("threads", Integer.toString(threads));
    all.put("keep_last_n", Integer.toString(keep));
    all.put("save_every_n_steps", String.valueOf(saveEvery));
    all.put("resume_from_checkpoint", Boolean.toString(resume));
    return all;
  }

  /** The adapter, or the model, that the last epoch leaves. */
  byte[] weights(Path out) throws IOException {
    return Files.readAllBytes(
        out.resolve("epoch_" + (epochs - 1))
            .resolve(full ? "model.safetensors" : "adapter_model.safetensors"));
  }

  /** The metrics but for times and memory. */
  static List<JsonNode> metrics(Path out) throws IOException {
    ObjectMapper mapper = new ObjectMapper();
    List<JsonNode> lines = new ArrayList<>();
    for (String line : Files.readAllLines(out.resolve("logs/metrics.jsonl"))) {
      ObjectNode json = (ObjectNode) mapper.readTree(line);
      lines.add(json.remove(List.of("seconds", "tokens_per_second", "rss_mb")));
    }
    return lines;
  }

  /** The names of the checkpoints, sorted. */
  static List<String> checkpoints(Path out) throws IOException {
    return names(out.resolve("checkpoints"));
  }

  static List<String> names(Path folder) throws IOException {
    try (Stream<Path> paths = Files.list(folder)) {
      return paths.map(p -> p.getFileName().toString()).sorted().toList();
    }
  }
}

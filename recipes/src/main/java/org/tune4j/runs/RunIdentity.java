package org.tune4j.runs;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Precision;
import org.tune4j.training.ComputeDType;
import org.tune4j.training.TrainingOptions;

/**
 * What decides a run's results besides its state: a run goes on only as what it was.
 *
 * @param settings the config by dotted path
 * @param base a fingerprint of the weights that the run began with
 * @param data a fingerprint of the rows
 * @param rowThreads how many groups a batch's rows are dealt to; sums depend on it
 */
public record RunIdentity(Map<String, String> settings, String base, String data, int rowThreads) {
  /** The setting that says what computes: {@code dtype} itself, or what its weights widen to. */
  private static final String COMPUTE = "computed in";

  /**
   * Settings that change what is kept and shown, never what is computed; where weights and rows
   * lie, which have fingerprints, and where rewards come from; and how many epochs there are, as a
   * run may be made longer.
   */
  private static final Set<String> FREE =
      Set.of(
          "output_dir",
          "checkpointer.output_dir",
          "checkpointer.checkpoint_dir",
          "resume_from_checkpoint",
          "overwrite",
          "allow_other_compute",
          COMPUTE,
          "epochs",
          "save_every_n_steps",
          "keep_last_n",
          "save_adapter_weights_only",
          "max_shard_size",
          "log_every_n_steps",
          "eval_tasks",
          "eval_data",
          "eval_limit",
          "run_eval_every_n_steps",
          "log_level",
          "log_peak_memory_stats",
          "mmap",
          "reward.url",
          "reward.timeout_seconds",
          "strategy",
          "threads",
          "checkpointer.recipe_checkpoint");

  private static final Pattern FILES =
      Pattern.compile(
          "dataset(_val)?(\\.\\w+)*\\.data_files|checkpointer\\.checkpoint_files(\\.\\w+)?");
  private static final int SHOWN_DIGITS = 12;
  private static final Set<String> FREE_SECTIONS = Set.of("metric_logger", "profiler");

  /** Where things lie, which machines may see differently; the rows are compared themselves. */
  private static final Pattern PLACES =
      Pattern.compile(
          "(_dir|_files|_checkpoint|\\.path)$|^metric_logger|^checkpointer\\.checkpoint_files");

  /** Copies the settings. */
  public RunIdentity {
    settings = Map.copyOf(settings);
  }

  /**
   * A run's on an engine. The backend that computes stands in for the one asked for, which may have
   * been the first available, or the environment's.
   *
   * @param engine that computes
   * @param settings the config by dotted path
   * @param base a fingerprint of the weights that the run began with
   * @param data a fingerprint of the rows
   * @param rowThreads how many groups a batch's rows are dealt to
   * @return to be saved, or compared with what was saved
   */
  public static RunIdentity of(
      Engine engine, Map<String, String> settings, String base, String data, int rowThreads) {
    Map<String, String> resolved = new HashMap<>(settings);
    resolved.put("backend", engine.backend().name());
    return new RunIdentity(resolved, base, data, rowThreads);
  }

  /**
   * A run's of several ranks. It may go on with another number of them where a batch of all ranks
   * together stays as large.
   *
   * @param ranks of the run
   * @param training gives the rows of a rank's batch
   * @param settings the config by dotted path
   * @param base a fingerprint of the weights that the run began with
   * @param data a fingerprint of the rows
   * @param rowThreads how many groups a rank's rows are dealt to
   * @return to be saved, or compared with what was saved
   */
  public static RunIdentity of(
      ProcessGroup ranks,
      TrainingOptions training,
      Map<String, String> settings,
      String base,
      String data,
      int rowThreads) {
    Map<String, String> all = new HashMap<>(settings);
    all.put(
        "batch_size times ranks", Long.toString((long) training.batchSize() * ranks.fullSize()));
    all.remove("batch_size");
    return of(ranks.engine(), all, base, data, rowThreads);
  }

  /**
   * {@return the same of a run that computes in a type of its own; as its {@code dtype} where that
   * is the same}
   *
   * @param precision of the run
   */
  public RunIdentity withPrecision(Precision precision) {
    Map<String, String> resolved = new HashMap<>(settings);
    resolved.put(COMPUTE, precision.compute().toString());
    return new RunIdentity(resolved, base, data, rowThreads);
  }

  /** The type that a run computes in; earlier versions saved none and computed in their dtype. */
  private @Nullable String compute() {
    return settings.getOrDefault(COMPUTE, settings.get("dtype"));
  }

  /**
   * Checks that every rank makes the same run.
   *
   * @param ranks all of which ask this
   * @throws UsageException on every rank; names those that differ from rank 0
   */
  public void requireSameOn(ProcessGroup ranks) {
    StringBuilder all = new StringBuilder(base).append('\n').append(data);
    new TreeMap<>(settings)
        .forEach(
            (key, value) -> {
              if (!PLACES.matcher(key).find()) {
                all.append('\n').append(key).append('=').append(value);
              }
            });
    List<Integer> others = ranks.differing(all.toString());
    if (!others.isEmpty()) {
      throw new UsageException(
          "the config, the model or the rows of rank %s differ from those of rank 0; start all with the same config, overrides and files"
              .formatted(others.stream().map(String::valueOf).collect(Collectors.joining(", "))));
    }
  }

  /**
   * {@return the same with another dealing of rows}
   *
   * @param threads how many groups a batch's rows are dealt to
   */
  public RunIdentity withRowThreads(int threads) {
    return new RunIdentity(settings, base, data, threads);
  }

  /**
   * Checks that {@code now} continues this run.
   *
   * @param otherCompute whether it may compute in another type
   * @return a line that says so where it does
   * @throws UsageException with every difference that would change the results
   */
  Optional<String> requireSame(RunIdentity now, boolean otherCompute) {
    List<String> changes = new ArrayList<>();
    Optional<String> types = Optional.empty();
    if (!Objects.equals(compute(), now.compute())) {
      if (otherCompute) {
        types =
            Optional.of(
                "the run computed in %s until here and computes in %s from here on; results differ in rounding"
                    .formatted(compute(), now.compute()));
      } else {
        changes.add(
            "computed in %s, this machine computes in %s (%s=%s computes as before, --allow-other-compute accepts other rounding)"
                .formatted(
                    compute(),
                    now.compute(),
                    ComputeDType.VARIABLE,
                    "fp32".equals(compute()) ? "fp32" : "bf16"));
      }
    }
    Set<String> keys = new TreeSet<>(settings.keySet());
    keys.addAll(now.settings.keySet());
    for (String key : keys) {
      String before = settings.get(key);
      String after = now.settings.get(key);
      if (!isFree(key) && !same(before, after)) {
        changes.add("%s: %s -> %s".formatted(key, shown(before), shown(after)));
      }
    }
    if (!base.equals(now.base)) {
      changes.add(
          "the base model in checkpointer.checkpoint_dir has changed: sha256 %s -> %s"
              .formatted(shortened(base), shortened(now.base)));
    }
    if (!data.equals(now.data)) {
      changes.add("the rows of the data set have changed");
    }
    if (!changes.isEmpty()) {
      throw new UsageException(
          "the run cannot resume with these changes: %s; undo them, or start a new run in another output_dir (with checkpointer.adapter_checkpoint to start from its adapter)"
              .formatted(String.join("; ", changes)));
    }
    return types;
  }

  /**
   * {@return a line about a setting that {@code now} has changed; empty where it is the same}
   *
   * @param key such as {@code epochs}
   * @param now what the run is to go on as
   */
  Optional<String> changeOf(String key, RunIdentity now) {
    String before = settings.get(key);
    String after = now.settings.get(key);
    return same(before, after)
        ? Optional.empty()
        : Optional.of("%s: %s -> %s".formatted(key, shown(before), shown(after)));
  }

  private static String shortened(String hash) {
    return hash.substring(0, Math.min(SHOWN_DIGITS, hash.length()));
  }

  private static boolean isFree(String key) {
    int dot = key.indexOf('.');
    return FREE.contains(key)
        || FREE_SECTIONS.contains(dot < 0 ? key : key.substring(0, dot))
        || FILES.matcher(key).matches();
  }

  private static boolean same(@Nullable String a, @Nullable String b) {
    if (Objects.equals(a, b)) {
      return true;
    }
    try {
      return a != null && b != null && Double.parseDouble(a) == Double.parseDouble(b);
    } catch (NumberFormatException e) {
      return false;
    }
  }

  private static String shown(@Nullable String value) {
    return value == null ? "(unset)" : value;
  }
}

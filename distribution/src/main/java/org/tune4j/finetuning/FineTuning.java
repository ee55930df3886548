package org.tune4j.finetuning;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tune4j.ConfigException;
import org.tune4j.TuneException;
import org.tune4j.UsageException;
import org.tune4j.collective.Ranks;
import org.tune4j.config.Binder;
import org.tune4j.config.Bound;
import org.tune4j.config.ComponentRegistry;
import org.tune4j.config.Config;
import org.tune4j.config.ShippedConfigs;
import org.tune4j.fetching.GgufCheckpoint;
import org.tune4j.fetching.HubCheckpoint;
import org.tune4j.hub.Hub;
import org.tune4j.hub.HubSettings;
import org.tune4j.hub.Repository;
import org.tune4j.models.ModelRegistry;
import org.tune4j.plugins.Plugins;
import org.tune4j.recipe.Recipe;
import org.tune4j.recipe.RunContext;
import org.tune4j.recipe.RunListener;
import org.tune4j.rewards.ProgramReward;
import org.tune4j.rewards.RewardFunction;
import org.tune4j.spi.Backends;

/**
 * One run of a recipe, in this process:
 *
 * <pre>{@code
 * FineTuning job =
 *     FineTuning.of("lora_finetune_single_device", "smollm2/135M_lora_single_device")
 *         .override("checkpointer.checkpoint_dir=" + model, "dataset.data_files=" + rows)
 *         .build();
 * job.start();
 * FineTuningResult result = job.await();
 * }</pre>
 *
 * <p>Jobs may run beside each other, each with an {@code output_dir} of its own; all of a process
 * use one backend, and a second one is refused. Methods may be called by any thread. A job runs
 * once. What it says goes to SLF4J unless another place is given; it reads no standard input,
 * installs no signal handler and ends no process.
 */
public final class FineTuning {
  private static final Logger LOG = LoggerFactory.getLogger(FineTuning.class);

  /** Where a job stands. */
  public enum State {
    /** It was not started. */
    READY,
    /** It runs. */
    RUNNING,
    /** It waits, or will once the current step is done. */
    PAUSED,
    /** All steps are made. */
    FINISHED,
    /** It was cancelled, and has saved what it had. */
    CANCELLED,
    /** An error ended it, which {@link FineTuning#await} throws. */
    FAILED
  }

  private static final int HUB_WORKERS = 8;

  private final String recipeName;
  private final RunListener listener;
  private final PrintStream out;
  private final Supplier<HubSettings> hub;
  private final Backends backends;
  private final @Nullable ComponentRegistry components;
  private final @Nullable Config config;
  private final Recipe recipe;
  private final JobState job = new JobState();

  // Written by the thread that runs it, read once it has ended.
  private @Nullable Path folder;
  private @Nullable Path checkpoint;
  private Map<String, Number> metrics = Map.of();

  private FineTuning(
      Builder builder,
      Recipe recipe,
      Backends backends,
      @Nullable ComponentRegistry components,
      @Nullable Config config) {
    this.recipeName = String.valueOf(builder.recipeName);
    this.listener = builder.listener;
    this.out = builder.out;
    this.hub = builder.hub;
    this.recipe = recipe;
    this.backends = backends;
    this.components = components;
    this.config = config;
  }

  /**
   * A job that a config describes.
   *
   * @param recipe its name, such as {@code lora_finetune_single_device}
   * @param config a shipped config's name, or a YAML file
   * @return settings, of which none is needed
   */
  public static Builder of(String recipe, String config) {
    return new Builder(recipe, config, null);
  }

  /**
   * A job of a recipe that was built in code. Without a config, nothing but the rows and the
   * backend can be compared when it goes on from a checkpoint.
   *
   * @param recipe which this job runs once
   * @return settings, of which none is needed
   */
  public static Builder of(Recipe recipe) {
    return new Builder(null, null, recipe);
  }

  /** Settings of a job. */
  public static final class Builder {
    private final @Nullable String recipeName;
    private final @Nullable String config;
    private final @Nullable Recipe recipe;
    private final List<String> overrides = new ArrayList<>();
    private final List<Path> plugins = new ArrayList<>();
    private RunListener listener = RunListener.NONE;
    private @Nullable ProgramReward reward;
    private PrintStream out = LogLines.to(LOG::info);
    private Supplier<HubSettings> hub = HubSettings::ofProcess;

    private Builder(@Nullable String recipeName, @Nullable String config, @Nullable Recipe recipe) {
      this.recipeName = recipeName;
      this.config = config;
      this.recipe = recipe;
    }

    /**
     * Changes the config.
     *
     * @param changes {@code key=value}, {@code section.key=value} or {@code ~key}; later ones win
     * @return this
     */
    public Builder override(String... changes) {
      overrides.addAll(List.of(changes));
      return this;
    }

    /**
     * Adds plugins to what is on the class path.
     *
     * @param jars which stay open while the process lives
     * @return this
     */
    public Builder plugins(Path... jars) {
      plugins.addAll(List.of(jars));
      return this;
    }

    /**
     * Names who hears of steps and results.
     *
     * @param hears called on the thread that runs the job
     * @return this
     */
    public Builder listener(RunListener hears) {
      listener = hears;
      return this;
    }

    /**
     * Rewards sampled answers, in place of what the config names.
     *
     * @param function called on the thread that runs the job
     * @return this
     */
    public Builder reward(RewardFunction function) {
      reward = new ProgramReward(function);
      return override("~reward", "reward=" + ProgramReward.NAME);
    }

    /**
     * Names the hub of a checkpoint that is named by its repository, {@code OWNER/NAME}, instead of
     * what the environment says.
     *
     * @param settings where it is fetched from and kept
     * @return this
     */
    public Builder hub(HubSettings settings) {
      hub = () -> settings;
      return this;
    }

    /**
     * Names where progress is printed, instead of SLF4J.
     *
     * @param stream stays open
     * @return this
     */
    public Builder out(PrintStream stream) {
      out = stream;
      return this;
    }

    /**
     * Checks everything, loads nothing and fetches nothing.
     *
     * @return a job that has not begun
     * @throws ConfigException with every problem of the config, each with its place
     * @throws UsageException when there is no such recipe or config, or a recipe that was built in
     *     code is to be changed by overrides
     */
    public FineTuning build() {
      Plugins found = Plugins.load(plugins);
      Backends backends = found.over(Backends.installed());
      if (recipe != null) {
        if (!overrides.isEmpty()) {
          throw new UsageException(
              "override '%s': the recipe was built in code and has no config; change its arguments"
                  .formatted(overrides.get(0)));
        }
        return new FineTuning(this, recipe, backends, null, null);
      }
      ComponentRegistry components =
          found
              .over(ComponentRegistry.installed())
              .providing(ModelRegistry.class, () -> found.over(ModelRegistry.installed()));
      found.tell(LOG::warn);
      if (reward != null) {
        components = components.with(reward, "this program", LOG::warn);
      }
      String name = String.valueOf(recipeName);
      Config given = ShippedConfigs.read(String.valueOf(config));
      Config resolved = Binder.resolve(components, Recipe.class, name, given, overrides);
      Bound<Recipe> bound = Binder.bound(components, Recipe.class, name, resolved);
      bound.notes().forEach(LOG::warn);
      return new FineTuning(this, bound.complete(), backends, components, resolved);
    }
  }

  /**
   * Starts it on a thread of its own, which does not keep the process alive.
   *
   * @throws IllegalStateException when it was started before
   */
  public void start() {
    job.begin();
    Thread thread = new Thread(this::execute, "fine-tuning");
    thread.setDaemon(true);
    thread.start();
  }

  /**
   * Runs it on the calling thread.
   *
   * @return what became of it
   * @throws TuneException for what the user can mend
   * @throws CompletionException when a defect ended it
   * @throws IllegalStateException when it was started before
   */
  public FineTuningResult run() {
    job.begin();
    execute();
    return job.outcome();
  }

  private void execute() {
    FineTuningResult done = null;
    Throwable thrown = null;
    try {
      runRecipe();
      done =
          new FineTuningResult(
              job.wasTold(),
              Optional.ofNullable(folder),
              Optional.ofNullable(checkpoint),
              new HashMap<>(metrics));
    } catch (Throwable e) {
      thrown = e; // for whoever waits: nobody else may hear of it on this thread
    }
    job.end(done, thrown);
  }

  private void runRecipe() {
    Optional<HubCheckpoint> named = config == null ? Optional.empty() : HubCheckpoint.in(config);
    Config local =
        config == null ? null : GgufCheckpoint.in(named.map(this::fetched).orElse(config));
    if (local == null || local == config) {
      recipe.run(context(config));
      return;
    }
    Binder.bind(Objects.requireNonNull(components), Recipe.class, recipeName, local)
        .run(context(local));
  }

  private Config fetched(HubCheckpoint named) {
    Repository repository = named.repository();
    return named.at(
        new Hub(hub.get())
            .model(repository, HUB_WORKERS, new FetchLines(out, repository.toString())));
  }

  private RunContext context(@Nullable Config of) {
    return new RunContext(
        backends,
        of == null ? "" : "# tune run %s --config THIS_FILE%n".formatted(recipeName) + of.toYaml(),
        of == null ? Map.of() : of.settings(),
        "the same job with resume_from_checkpoint=true",
        out,
        false,
        false,
        job::stopRequested,
        Ranks.alone(backends),
        new RunListener() {
          @Override
          public void step(long step, long totalSteps, Map<String, Number> values) {
            metrics = values;
            listener.step(step, totalSteps, values);
          }

          @Override
          public void saved(Path result) {
            folder = result;
            listener.saved(result);
          }

          @Override
          public void stopped(Path saved) {
            checkpoint = saved;
            listener.stopped(saved);
          }
        });
  }

  /**
   * Lets it wait once the current step is done; its memory stays. Without effect unless it runs.
   */
  public void pause() {
    job.pause();
  }

  /** Ends a pause. Without effect unless it is paused. */
  public void resume() {
    job.resume();
  }

  /**
   * Lets it finish its step, save a checkpoint and end, paused or not. One that is not yet started
   * does so after its first step.
   */
  public void cancel() {
    job.cancel();
  }

  /** {@return where it stands} */
  public State state() {
    return job.state();
  }

  /**
   * Waits for its end.
   *
   * @return what became of it
   * @throws TuneException for what the user can mend, such as a file that is missing
   * @throws CompletionException when a defect ended it
   * @throws IllegalStateException when it was not started, and so would never end
   * @throws InterruptedException when the waiting thread is interrupted; the job goes on
   */
  public FineTuningResult await() throws InterruptedException {
    return job.await();
  }
}

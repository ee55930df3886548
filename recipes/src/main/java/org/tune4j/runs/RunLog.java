package org.tune4j.runs;

import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.tune4j.TuneException;
import org.tune4j.checkpoint.HuggingFaceFolder;
import org.tune4j.checkpoint.PeftAdapter;
import org.tune4j.curves.CurvePicture;
import org.tune4j.curves.Run;
import org.tune4j.curves.RunFolders;
import org.tune4j.curves.XAxis;
import org.tune4j.metrics.LoggedRun;
import org.tune4j.metrics.MetricLogger.Outcome;
import org.tune4j.metrics.MetricLoggers;
import org.tune4j.metrics.MetricsFile;
import org.tune4j.metrics.Progress;
import org.tune4j.metrics.StepMetrics;
import org.tune4j.platform.ResidentSize;
import org.tune4j.recipe.RunContext;
import org.tune4j.tensor.DType;
import org.tune4j.training.TrainStep;
import org.tune4j.training.Validation;

/**
 * What a run tells: its steps, to {@code metrics.jsonl}, loggers and the terminal, and what
 * surprises.
 */
public final class RunLog implements AutoCloseable {
  /**
   * How far above a uniform guess the first loss may lie before weights or tokenizer are doubted.
   */
  private static final double DOUBT = 2;

  private final RunContext context;
  private final PrintStream out;
  private final Progress progress;
  private final Path folder;
  private final MetricsFile metrics;
  private final MetricLoggers loggers;
  private final LoggingOptions options;
  private final long totalSteps;
  private Outcome outcome = Outcome.FAILED;
  private boolean toldOfBoth;
  private long started;
  private double seconds;

  /**
   * Starts or continues a run's log.
   *
   * @param output held by the run; gets {@code config.yaml} and {@code logs}
   * @param context config, terminal and listener
   * @param state where the run stands: later steps of a killed run are dropped from the metrics
   * @param totalSteps of the whole run
   * @param options what is told, and to whom
   * @param compute what the steps are computed in
   * @throws org.tune4j.EnvironmentException when the folder cannot be read or written
   */
  public RunLog(
      OutputFolder output,
      RunContext context,
      RunState state,
      long totalSteps,
      LoggingOptions options,
      DType compute) {
    this.context = context;
    this.out = context.out();
    this.totalSteps = totalSteps;
    this.options = options;
    output.write("config.yaml", context.resolvedConfig());
    progress = new Progress(out, context.terminal(), totalSteps);
    folder = output.path();
    Path logs = folder.resolve("logs");
    metrics = MetricsFile.open(logs, state.step(), compute);
    loggers =
        MetricLoggers.open(
            options.loggers(),
            LoggedRun.open(context, folder, state.step(), m -> options.due(m, totalSteps)),
            this::warn);
  }

  /** A step begins. */
  public void start() {
    started = System.nanoTime();
  }

  /** The step's update is made. */
  public void stop() {
    seconds = (System.nanoTime() - started) * 1e-9;
  }

  /**
   * Says what is odd about the first step.
   *
   * @param outcome empty where the step was skipped
   * @param vocabSize of the model, where a uniform guess has the loss ln(vocabSize); null where the
   *     loss is no such
   * @param withoutGradient full names of parameters that the loss did not depend on
   */
  public void firstStep(
      Optional<TrainStep.Outcome> outcome,
      @Nullable Integer vocabSize,
      List<String> withoutGradient) {
    progress.close();
    double guess = vocabSize == null ? Double.POSITIVE_INFINITY : Math.log(vocabSize);
    if (outcome.isPresent() && outcome.get().loss() > guess + DOUBT) {
      out.printf(
          "warning: the first loss is %.2f, above ln(%d) + %.0f = %.2f; weights and tokenizer may not belong together%n",
          outcome.get().loss(), vocabSize, DOUBT, guess + DOUBT);
    }
    if (!withoutGradient.isEmpty()) {
      out.printf(
          "warning: %d parameters received no gradient: %s%s%n",
          withoutGradient.size(),
          String.join(", ", withoutGradient.subList(0, Math.min(3, withoutGradient.size()))),
          withoutGradient.size() > 3 ? ", ..." : "");
    }
  }

  /**
   * Records a step, with the time between {@link #start} and {@link #stop}.
   *
   * @param state after the step
   * @param indices its rows, from 0
   * @param outcome empty where the step was skipped, which is said and not recorded
   * @param lr the rate that the update used
   * @param validation null where there was none
   * @param scores by {@code eval_TASK_METRIC}; empty where none were taken
   * @throws org.tune4j.EnvironmentException when {@code metrics.jsonl} cannot be written
   */
  public void step(
      RunState state,
      List<Integer> indices,
      Optional<TrainStep.Outcome> outcome,
      double lr,
      Validation.@Nullable Outcome validation,
      Map<String, Double> scores) {
    step(state, indices, outcome, lr, validation, scores, null);
  }

  /** The same, with what several ranks report. */
  void step(
      RunState state,
      List<Integer> indices,
      Optional<TrainStep.Outcome> outcome,
      double lr,
      Validation.@Nullable Outcome validation,
      Map<String, Double> scores,
      StepMetrics.@Nullable RankMetrics ranks) {
    if (outcome.isEmpty()) {
      progress.close();
      out.printf(
          "warning: step %d is skipped: no token of rows %s is trained on%n",
          state.step(),
          indices.stream().map(i -> Integer.toString(i + 1)).collect(Collectors.joining(", ")));
      return;
    }
    TrainStep.Outcome o = outcome.get();
    StepMetrics m =
        new StepMetrics(
            state.step(),
            state.epoch(),
            o.loss(),
            lr,
            o.gradNorm(),
            o.labelTokens(),
            o.tokens(),
            seconds,
            ResidentSize.mebibytes(),
            validation == null ? null : validation.loss(),
            scores,
            ranks,
            metrics(o, validation));
    metrics.append(m);
    context.listener().step(m.step(), totalSteps, m.values());
    boolean due = options.due(m, totalSteps);
    if (due) {
      loggers.log(m);
    }
    if (due || context.terminal()) {
      progress.show(m); // a bar moves every step, whatever is logged
    }
  }

  /** The objective's, of the step and of the validation rows. */
  private static Map<String, Double> metrics(
      TrainStep.Outcome step, Validation.@Nullable Outcome validation) {
    Map<String, Double> all = new LinkedHashMap<>(step.metrics());
    if (validation != null) {
      validation.metrics().forEach((name, value) -> all.put("val_" + name, value));
    }
    return all;
  }

  /**
   * An epoch's result is on the disk.
   *
   * @param folder that holds it
   */
  public void saved(Path folder) {
    progress.say("saved " + folder);
    boolean both =
        Files.exists(folder.resolve(HuggingFaceFolder.CONFIG))
            && Files.exists(folder.resolve(PeftAdapter.CONFIG));
    if (both && !toldOfBoth) {
      toldOfBoth = true;
      progress.say(
          "%1$s holds %2$s beside the merged model, so transformers loads %3$s and the adapter; to load only the merged model: tune merge --model %3$s --adapter %1$s -o DIR, and load DIR"
              .formatted(folder, PeftAdapter.CONFIG, PeftAdapter.open(folder).baseModel()));
    }
    context.listener().saved(folder);
  }

  /**
   * Validation has not become better for too long.
   *
   * @param state after the last validation
   * @param best the folder of the best result
   */
  public void endedEarly(RunState state, Path best) {
    progress.say(
        String.format(
            Locale.ROOT,
            "stopped early: %d validations without a loss below %.4f; the best is in %s",
            state.validationsSinceBest(),
            state.bestValLoss(),
            best));
  }

  /** The run is complete: its loss is drawn, which is no reason to fail. */
  public void finished() {
    outcome = Outcome.FINISHED;
    Path picture = folder.resolve("logs/loss.png");
    try {
      List<Run> run = RunFolders.open(List.of(folder)).runs();
      run.forEach(Run::refresh);
      new CurvePicture("loss", XAxis.STEP, 0, false).draw(run, picture);
      progress.say("drew " + picture);
    } catch (TuneException e) {
      warn(String.valueOf(e.getMessage()));
    }
  }

  /**
   * The run ends before its last step.
   *
   * @param checkpoint that it can go on from
   */
  public void stopped(Path checkpoint) {
    outcome = Outcome.STOPPED;
    progress.close();
    out.printf("%nstopped; saved %s; continue with:%n  %s%n", checkpoint, context.resumeCommand());
    context.listener().stopped(checkpoint);
  }

  private void warn(String line) {
    progress.say("warning: " + line);
  }

  /** Without {@link #finished} or {@link #stopped} before, an error ended the run. */
  @Override
  public void close() {
    loggers.close(outcome);
    progress.close();
    metrics.close();
  }
}

package org.tune4j.runs;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tune4j.checkpoint.ShardSize;
import org.tune4j.checkpointing.HuggingFaceCheckpointer;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;
import org.tune4j.recipe.RunContext;

/**
 * Keys of every recipe that trains: what is kept while it runs, and going on from there.
 *
 * @param saveEveryNSteps steps between checkpoints; null for one per epoch
 * @param keepLastN how many of the newest checkpoints are kept
 * @param resumeFromCheckpoint whether to go on from the newest checkpoint of {@code output_dir}
 * @param overwrite whether a run that begins deletes an earlier run's results, instead of being
 *     refused
 * @param allowOtherCompute whether a run may go on where its dtype is computed in another type
 * @param maxShardSize size of a full model's files, as {@link ShardSize#parse} has it
 */
public record SavingOptions(
    @Doc("steps between checkpoints; null for one per epoch") @Nullable Integer saveEveryNSteps,
    @Doc("how many of the newest checkpoints are kept") @Default("3") int keepLastN,
    @Doc("resume from the newest checkpoint in output_dir") @Default("false")
        boolean resumeFromCheckpoint,
    @Doc("delete an earlier run's results in output_dir, instead of failing") @Default("false")
        boolean overwrite,
    @Doc("resume also where another type is computed in, which rounds differently")
        @Default("false")
        boolean allowOtherCompute,
    @Doc("maximum size of a full model's files") @Default("5GB") String maxShardSize) {
  /**
   * Checks the numbers and the size.
   *
   * @throws org.tune4j.UsageException with all that is wrong
   */
  public SavingOptions {
    Requirements requirements =
        new Requirements()
            .atLeast(1, "save_every_n_steps", saveEveryNSteps)
            .atLeast(1, "keep_last_n", keepLastN);
    requirements.of(() -> ShardSize.parse(maxShardSize));
    requirements.check();
  }

  /**
   * {@return whether a checkpoint is due after this step}
   *
   * @param step from 1, of the whole run
   */
  public boolean due(long step) {
    return saveEveryNSteps != null && step % saveEveryNSteps == 0;
  }

  /** {@return the size of a full model's files} */
  public ShardSize shardSize() {
    return ShardSize.parse(maxShardSize);
  }

  /**
   * Refuses a run that would replace an earlier run's results unasked. Called before rows and
   * weights are read, on every rank; rank 0 is the one that writes.
   *
   * @param outputDir the run's folder; may be missing
   * @param checkpointer says where models are written, and what is read
   * @param context a dry run writes nothing
   * @throws org.tune4j.UsageException when there are results, and neither {@code
   *     resumeFromCheckpoint} nor {@code overwrite} is set; or when the run reads what {@code
   *     overwrite} would delete
   */
  public void requireFree(
      Path outputDir, HuggingFaceCheckpointer checkpointer, RunContext context) {
    if (context.dryRun() || context.ranks().rank() != 0) {
      return;
    }
    EarlierRun earlier = new EarlierRun(outputDir, checkpointer.outputDir());
    if (overwrite) {
      earlier.requireUnused(checkpointer.checkpointDir());
      Path adapter = checkpointer.adapterCheckpoint();
      if (adapter != null) {
        earlier.requireUnused(adapter);
      }
    } else if (!resumeFromCheckpoint) {
      earlier.requireNone();
    }
  }

  /**
   * Takes the run's folder.
   *
   * @param outputDir the run's folder; made where it is missing
   * @param checkpointer says where models are written
   * @param anew whether the run starts at step 1: with {@code overwrite} an earlier run's results
   *     are deleted first, and its checkpoints moved aside in any case
   * @param out gets a line where checkpoints were moved
   * @return held; the caller closes it
   * @throws org.tune4j.UsageException when another run writes there, or has left results since
   *     {@link #requireFree}
   * @throws org.tune4j.EnvironmentException when it cannot be written
   */
  public OutputFolder open(
      Path outputDir, HuggingFaceCheckpointer checkpointer, boolean anew, PrintStream out) {
    EarlierRun earlier = new EarlierRun(outputDir, checkpointer.outputDir());
    return OutputFolder.open(
        outputDir,
        anew,
        out,
        () -> {
          if (anew && overwrite) {
            earlier.delete();
          } else if (!overwrite && !resumeFromCheckpoint) {
            earlier.requireNone();
          }
        });
  }

  /**
   * Finds the checkpoint to go on from, and says what it found.
   *
   * @param outputDir the run's folder; may be missing
   * @param now what the run would be; must be what it was
   * @param out gets a line for each damaged checkpoint, and one that says where the run begins
   * @return empty where going on was not asked for, or there is none
   * @throws org.tune4j.UsageException with every difference that would change the results
   */
  public Optional<SavedRun> resume(Path outputDir, RunIdentity now, PrintStream out) {
    if (!resumeFromCheckpoint) {
      return Optional.empty();
    }
    Optional<SavedRun> saved = RunCheckpoints.newest(outputDir, out::println);
    saved.ifPresentOrElse(
        s -> {
          Optional<String> otherCompute = s.identity().requireSame(now, allowOtherCompute);
          out.printf("resuming from %s%n", s.folder());
          otherCompute.ifPresent(out::println);
          s.identity().changeOf("epochs", now).ifPresent(out::println);
        },
        () -> out.printf("%s holds no checkpoint to resume from; starting at step 1%n", outputDir));
    return saved;
  }
}

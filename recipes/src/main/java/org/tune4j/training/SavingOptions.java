package org.tune4j.training;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tune4j.checkpoint.ShardSize;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;

/**
 * Keys of every recipe that trains: what is kept while it runs, and going on from there.
 *
 * @param saveEveryNSteps updates between two checkpoints; null for one an epoch
 * @param keepLastN how many checkpoints are kept, the newest
 * @param resumeFromCheckpoint whether to go on from the newest checkpoint of {@code output_dir}
 * @param maxShardSize size of a full model's files, as {@link ShardSize#parse} has it
 */
public record SavingOptions(
    @Doc("updates between two checkpoints; null for one an epoch")
        @Nullable Integer saveEveryNSteps,
    @Doc("how many checkpoints are kept, the newest") @Default("3") int keepLastN,
    @Doc("go on from the newest checkpoint of output_dir") @Default("false")
        boolean resumeFromCheckpoint,
    @Doc("size of a full model's files") @Default("5GB") String maxShardSize) {
  /**
   * Checks the numbers and the size.
   *
   * @param saveEveryNSteps null, or 1 or more
   * @param keepLastN 1 or more
   * @param resumeFromCheckpoint whether to go on
   * @param maxShardSize such as {@code 5GB}
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
          s.identity().requireSame(now);
          out.printf("resuming from %s%n", s.folder());
        },
        () -> out.printf("%s holds no checkpoint to resume from; starting at step 1%n", outputDir));
    return saved;
  }
}

package org.tune4j.training;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tune4j.checkpoint.ShardSize;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;

/** Keys of every recipe that trains: what is kept while it runs, and going on from there. */
public record SavingOptions(
    @Doc("updates between two checkpoints; null for one an epoch")
        @Nullable Integer saveEveryNSteps,
    @Doc("how many checkpoints are kept, the newest") @Default("3") int keepLastN,
    @Doc("go on from the newest checkpoint of output_dir") @Default("false")
        boolean resumeFromCheckpoint,
    @Doc("size of a full model's files") @Default("5GB") String maxShardSize) {
  public SavingOptions {
    Requirements requirements =
        new Requirements()
            .atLeast(1, "save_every_n_steps", saveEveryNSteps)
            .atLeast(1, "keep_last_n", keepLastN);
    requirements.of(() -> ShardSize.parse(maxShardSize));
    requirements.check();
  }

  /** Whether a checkpoint is due after this step. */
  public boolean due(long step) {
    return saveEveryNSteps != null && step % saveEveryNSteps == 0;
  }

  /** The size of a full model's files. */
  public ShardSize shardSize() {
    return ShardSize.parse(maxShardSize);
  }

  /**
   * The checkpoint to go on from, if that was asked for and there is one.
   *
   * @param now what the run would be; must be what it was
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

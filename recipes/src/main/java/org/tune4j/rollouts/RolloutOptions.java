package org.tune4j.rollouts;

import org.tune4j.UsageException;
import org.tune4j.component.AlsoCalled;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;
import org.tune4j.data.Batches;
import org.tune4j.data.Dataset;
import org.tune4j.training.TrainingOptions;

/**
 * Keys of recipes that sample what they train on: how answers are sampled and used.
 *
 * @param groupSize answers to each prompt, 2 or more
 * @param maxNewTokens tokens of an answer at the most, from 1
 * @param temperature that logits are divided by, above 0, in sampling and in the loss
 * @param scaleRewards what makes advantages of rewards
 * @param numIterations updates with the same answers, from 1
 * @param packWeights whether sampling reads a copy of the frozen weights that is laid out for it
 */
public record RolloutOptions(
    @Doc("answers sampled per prompt")
        @AlsoCalled({"num_generations", "grpo_samples"})
        @Default("8")
        int groupSize,
    @Doc("maximum number of tokens per answer")
        @AlsoCalled({"max_completion_length", "max_generated_tokens"})
        @Default("256")
        int maxNewTokens,
    @Doc("logits are divided by it, in sampling and in the loss") @Default("1.0")
        double temperature,
    @Doc("divide advantages by the rewards' standard deviation in the group or the batch, or none")
        @Default("group")
        RewardScale scaleRewards,
    @Doc("updates with the same answers") @AlsoCalled("ppo_epochs") @Default("1") int numIterations,
    @Doc("sample from a copy of the frozen weights in the layout that is read fastest")
        @Default("true")
        boolean packWeights) {
  /**
   * Checks the numbers.
   *
   * @throws UsageException with all that are out of bounds
   */
  public RolloutOptions {
    new Requirements()
        .atLeast(2, "group_size", groupSize)
        .atLeast(1, "max_new_tokens", maxNewTokens)
        .that(
            temperature > 0 && Double.isFinite(temperature),
            "temperature is %s, expected a number above 0".formatted(temperature))
        .atLeast(1, "num_iterations", numIterations)
        .check();
  }

  /**
   * The answers of each step by their numbers: those to prompt {@code p} begin with {@code p *
   * groupSize}.
   *
   * @param prompts to be answered
   * @param training gives the answers of a step
   * @return the steps of the run
   */
  public Batches batches(Dataset prompts, TrainingOptions training) {
    return new Batches(
        Math.multiplyExact(prompts.size(), groupSize),
        groupSize,
        training.rowsPerStep() / groupSize,
        training.shuffle(),
        training.seedOrZero());
  }

  /**
   * Checks that a step has whole groups.
   *
   * @param training gives the answers of a step
   * @throws UsageException when it has others
   */
  public void requireWholeGroups(TrainingOptions training) {
    if (training.rowsPerStep() % groupSize != 0) {
      throw new UsageException(
          "batch_size times gradient_accumulation_steps is %d answers, expected a multiple of group_size=%d"
              .formatted(training.rowsPerStep(), groupSize));
    }
  }
}

package org.tune4j.rollouts;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.tune4j.TrainingException;
import org.tune4j.data.Example;
import org.tune4j.data.Prompt;
import org.tune4j.data.Prompts;
import org.tune4j.generation.FinishReason;
import org.tune4j.generation.Generation;
import org.tune4j.generation.GenerationListener;
import org.tune4j.generation.Generator;
import org.tune4j.generation.SamplingOptions;
import org.tune4j.metrics.StepMetrics;
import org.tune4j.models.RowFacts;
import org.tune4j.rewards.Completion;
import org.tune4j.rewards.RewardFunction;
import org.tune4j.tensor.RandomBits;

/**
 * Samples a step's answers from the model as it is then, asks for their rewards, and makes rows
 * with advantages of them. What is drawn is a function of the seed and the step, so a run that goes
 * on from a checkpoint samples what it would have.
 */
public final class Rollouts {
  static final String LENGTH = "completions/mean_length";

  /** A deviation that is rounding alone. */
  private static final double SAME = 1e-8;

  private final RolloutOptions options;
  private final Prompts prompts;
  private final RewardFunction reward;
  private final Generator generator;
  private final EarlierLogProbabilities earlier;
  private final long seed;

  /**
   * From a model.
   *
   * @param options how answers are sampled
   * @param prompts that are answered
   * @param reward of answers
   * @param generator of the model
   * @param earlier of the model, asked where there are several updates with the same answers
   * @param seed with a step's number it decides every draw
   */
  public Rollouts(
      RolloutOptions options,
      Prompts prompts,
      RewardFunction reward,
      Generator generator,
      EarlierLogProbabilities earlier,
      long seed) {
    this.options = options;
    this.prompts = prompts;
    this.reward = reward;
    this.generator = generator;
    this.earlier = earlier;
    this.seed = RandomBits.bits(seed, -1); // not that of dropout
  }

  /** An answer's ids and what is known of it. */
  private record Answer(List<Integer> ids, Completion completion) {}

  /**
   * {@return a step's answers, with their advantages}
   *
   * @param step from 0
   * @param indices the answers' numbers, of {@link RolloutOptions#batches}
   * @throws TrainingException when the rewards are not as many as answers, or one is no finite
   *     number
   */
  public RatedAnswers sample(long step, List<Integer> indices) {
    List<Prompt> asked =
        IntStream.range(0, indices.size() / options.groupSize())
            .map(group -> indices.get(group * options.groupSize()) / options.groupSize())
            .mapToObj(prompts::prompt)
            .toList();
    List<Answer> answers = answers(step, asked);
    double[] rewards = reward.rewards(answers.stream().map(Answer::completion).toList());
    requireFinite(rewards, answers);
    double[] advantages = options.scaleRewards().advantages(rewards, options.groupSize());
    List<Example> rows =
        IntStream.range(0, rewards.length)
            .mapToObj(i -> row(answers.get(i), advantages[i]))
            .toList();
    return new RatedAnswers(
        indices,
        options.numIterations() == 1 ? rows : earlier.known(rows),
        metrics(rewards, answers));
  }

  /** Of each prompt so many, one after another. */
  private List<Answer> answers(long step, List<Prompt> asked) {
    List<List<Integer>> ids = new ArrayList<>();
    for (int i = 0; i < asked.size() * options.groupSize(); i++) {
      ids.add(new ArrayList<>());
    }
    List<Generation> texts =
        generator.generate(
            asked.stream().map(Prompt::tokens).toList(),
            options.groupSize(),
            new SamplingOptions(
                options.maxNewTokens(),
                options.temperature(),
                0,
                1,
                1,
                RandomBits.bits(seed, step),
                List.of()),
            new GenerationListener() {
              @Override
              public void onText(int index, String text) {}

              @Override
              public void onToken(int index, int id) {
                ids.get(index).add(id);
              }
            });
    return IntStream.range(0, texts.size())
        .mapToObj(
            i ->
                new Answer(
                    ids.get(i),
                    new Completion(
                        asked.get(i / options.groupSize()),
                        texts.get(i).text(),
                        texts.get(i).reason() == FinishReason.END)))
        .toList();
  }

  private static void requireFinite(double[] rewards, List<Answer> answers) {
    if (rewards.length != answers.size()) {
      throw new TrainingException(
          "the reward function gave %d rewards for %d answers, expected one each"
              .formatted(rewards.length, answers.size()));
    }
    for (int i = 0; i < rewards.length; i++) {
      if (!Double.isFinite(rewards[i])) {
        Completion of = answers.get(i).completion();
        throw new TrainingException(
            "the reward of the answer '%s' to '%s' is %s, expected a finite number; correct the reward function"
                .formatted(of.text().strip(), of.prompt(), rewards[i]));
      }
    }
  }

  private static Example row(Answer answer, double advantage) {
    int[] prompt = answer.completion.asked().tokens();
    int[] tokens = Arrays.copyOf(prompt, prompt.length + answer.ids.size());
    for (int i = prompt.length; i < tokens.length; i++) {
      tokens[i] = answer.ids.get(i - prompt.length);
    }
    return row(tokens, prompt.length, advantage);
  }

  /** A row of which all behind the prompt is trained on. */
  static Example row(int[] tokens, int promptTokens, double advantage) {
    int[] labels = new int[tokens.length];
    Arrays.setAll(
        labels,
        i -> i + 1 >= promptTokens && i + 1 < tokens.length ? tokens[i + 1] : Example.IGNORED);
    return new Example(
        tokens,
        labels,
        new int[] {tokens.length},
        new RowFacts(new double[] {advantage}, new double[0]));
  }

  /** Those of TRL, by its names but for the rewards'. */
  private Map<String, Double> metrics(double[] rewards, List<Answer> answers) {
    int size = options.groupSize();
    double[] deviations =
        IntStream.range(0, rewards.length / size)
            .mapToDouble(
                g -> RewardScale.deviation(Arrays.copyOfRange(rewards, g * size, (g + 1) * size)))
            .toArray();
    Map<String, Double> all = new LinkedHashMap<>();
    all.put(StepMetrics.REWARD, mean(rewards));
    all.put("rewards/std", mean(deviations));
    all.put(
        "frac_reward_zero_std",
        mean(Arrays.stream(deviations).map(d -> d < SAME ? 1 : 0).toArray()));
    all.put(LENGTH, mean(answers.stream().mapToDouble(a -> a.ids.size()).toArray()));
    all.put(
        "completions/clipped_ratio",
        mean(answers.stream().mapToDouble(a -> a.completion.finished() ? 0 : 1).toArray()));
    return all;
  }

  private static double mean(double[] values) {
    return Arrays.stream(values).average().orElse(0);
  }
}

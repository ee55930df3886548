package org.tune4j.rollouts;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.tune4j.data.Dataset;
import org.tune4j.data.DatasetReport;
import org.tune4j.data.Example;

/**
 * Rows as large as sampling can make them: a prompt and as many tokens as an answer may have.
 *
 * @param prompts that are answered
 * @param groupSize rows of each prompt
 * @param maxNewTokens tokens of an answer
 * @param longest tokens that the model takes
 */
public record LongestAnswers(Dataset prompts, int groupSize, int maxNewTokens, int longest)
    implements Dataset {
  @Override
  public int size() {
    return Math.multiplyExact(prompts.size(), groupSize);
  }

  @Override
  public Example get(int index) {
    int[] prompt = prompts.get(index / groupSize).tokens();
    int[] tokens = Arrays.copyOf(prompt, Math.min(longest, prompt.length + maxNewTokens));
    Arrays.fill(tokens, prompt.length, tokens.length, prompt[prompt.length - 1]);
    return Rollouts.row(tokens, prompt.length, 1);
  }

  @Override
  public String fingerprint() {
    return "%s %d %d %d".formatted(prompts.fingerprint(), groupSize, maxNewTokens, longest);
  }

  @Override
  public DatasetReport report() {
    return prompts.report();
  }

  @Override
  public IntStream rowLengths() {
    return prompts
        .rowLengths()
        .flatMap(n -> IntStream.generate(() -> n + maxNewTokens).limit(groupSize))
        .map(n -> Math.min(longest, n));
  }
}

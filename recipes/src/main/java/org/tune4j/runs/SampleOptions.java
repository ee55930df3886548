package org.tune4j.runs;

import java.util.List;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;

/**
 * Keys of every recipe that trains: questions that the model answers before and after.
 *
 * @param samplePrompts what a user asks; empty for nothing
 * @param sampleMaxNewTokens maximum number of tokens per answer
 */
public record SampleOptions(
    @Doc("prompts whose answers are printed before and after training") @Default("[]")
        List<String> samplePrompts,
    @Doc("maximum number of tokens per answer") @Default("48") int sampleMaxNewTokens) {
  /**
   * Copies the questions and checks the number.
   *
   * @throws org.tune4j.UsageException when it is less
   */
  public SampleOptions {
    samplePrompts = List.copyOf(samplePrompts);
    new Requirements().atLeast(1, "sample_max_new_tokens", sampleMaxNewTokens).check();
  }
}

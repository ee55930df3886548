package org.tune4j.training;

import java.util.List;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;

/** Keys of every recipe that trains: questions that the model answers before and after. */
public record SampleOptions(
    @Doc("what a user asks; the answers are shown before and after training") @Default("[]")
        List<String> samplePrompts,
    @Doc("how long an answer may be, in tokens") @Default("48") int sampleMaxNewTokens) {
  public SampleOptions {
    samplePrompts = List.copyOf(samplePrompts);
    new Requirements().atLeast(1, "sample_max_new_tokens", sampleMaxNewTokens).check();
  }
}

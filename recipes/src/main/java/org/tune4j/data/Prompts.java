package org.tune4j.data;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Rows without answers, in memory. As examples they are prompts of which nothing is trained on. */
public final class Prompts implements Dataset {
  private final List<Prompt> prompts;
  private final long skipped;
  private final List<String> firstSkipped;

  /**
   * Of these prompts.
   *
   * @param prompts in their order
   */
  public Prompts(List<Prompt> prompts) {
    this(prompts, 0, List.of());
  }

  /** The same, beside rows that were left out. */
  Prompts(List<Prompt> prompts, long skipped, List<String> firstSkipped) {
    this.prompts = List.copyOf(prompts);
    this.skipped = skipped;
    this.firstSkipped = List.copyOf(firstSkipped);
  }

  /**
   * {@return one prompt}
   *
   * @param index from 0
   */
  public Prompt prompt(int index) {
    return prompts.get(index);
  }

  @Override
  public int size() {
    return prompts.size();
  }

  @Override
  public Example get(int index) {
    int[] tokens = prompts.get(index).tokens();
    int[] labels = new int[tokens.length];
    Arrays.fill(labels, Example.IGNORED);
    return new Example(tokens, labels, new int[] {tokens.length});
  }

  @Override
  public String fingerprint() {
    Fingerprint print = Fingerprint.start();
    for (Prompt p : prompts) {
      print.text(Arrays.toString(p.tokens())).text(p.columns().toString());
    }
    return print.end();
  }

  @Override
  public DatasetReport report() {
    return new DatasetReport(
        size(),
        size(),
        0,
        skipped,
        firstSkipped,
        0,
        rowLengths().asLongStream().sum(),
        0,
        0,
        Map.of());
  }

  @Override
  public IntStream rowLengths() {
    return prompts.stream().mapToInt(p -> p.tokens().length);
  }
}

package org.tune4j.cli.model;

import java.util.ArrayList;
import java.util.List;
import org.tune4j.generation.SamplingOptions;
import picocli.CommandLine.Option;

/** How tokens are chosen. */
final class SamplingArguments {
  @Option(
      names = "--max-new-tokens",
      paramLabel = "N",
      defaultValue = "256",
      description = "Tokens of an answer at the most (default: ${DEFAULT-VALUE}).")
  private int maxNewTokens = 256;

  @Option(
      names = "--temperature",
      paramLabel = "X",
      defaultValue = "0",
      description = "0 always takes the likeliest token (default: ${DEFAULT-VALUE}).")
  private double temperature;

  @Option(
      names = "--top-k",
      paramLabel = "K",
      defaultValue = "0",
      description = "Only the K likeliest tokens; 0 for all (default: ${DEFAULT-VALUE}).")
  private int topK;

  @Option(
      names = "--top-p",
      paramLabel = "P",
      defaultValue = "1",
      description = "Only the likeliest tokens that reach P together (default: ${DEFAULT-VALUE}).")
  private double topP = 1;

  @Option(
      names = "--repetition-penalty",
      paramLabel = "X",
      defaultValue = "1",
      description = "Makes tokens that are there less likely; 1 does not (default: 1).")
  private double repetitionPenalty = 1;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "Decides the draws, on every backend (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--stop",
      paramLabel = "TEXT",
      description = "An answer ends before this text; may be given several times.")
  private List<String> stop = new ArrayList<>();

  SamplingOptions options() {
    return new SamplingOptions(
        maxNewTokens, temperature, topK, topP, repetitionPenalty, seed, stop);
  }
}

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
      description = "Maximum number of generated tokens (default: ${DEFAULT-VALUE}).")
  private int maxNewTokens = 256;

  @Option(
      names = "--temperature",
      paramLabel = "X",
      defaultValue = "0",
      description =
          "The temperature; 0 always takes the most likely token (default: ${DEFAULT-VALUE}).")
  private double temperature;

  @Option(
      names = "--top-k",
      paramLabel = "K",
      defaultValue = "0",
      description = "Samples from the K most likely tokens; 0 for all (default: ${DEFAULT-VALUE}).")
  private int topK;

  @Option(
      names = "--top-p",
      paramLabel = "P",
      defaultValue = "1",
      description =
          "Samples from the most likely tokens that sum to P (default: ${DEFAULT-VALUE}).")
  private double topP = 1;

  @Option(
      names = "--repetition-penalty",
      paramLabel = "X",
      defaultValue = "1",
      description = "Makes repeated tokens less likely; 1 is off (default: 1).")
  private double repetitionPenalty = 1;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "The random seed, the same on every backend (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--stop",
      paramLabel = "TEXT",
      description = "Ends an answer before this text; can be repeated.")
  private List<String> stop = new ArrayList<>();

  SamplingOptions options() {
    return new SamplingOptions(
        maxNewTokens, temperature, topK, topP, repetitionPenalty, seed, stop);
  }
}

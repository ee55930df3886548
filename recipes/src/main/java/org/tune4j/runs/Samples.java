package org.tune4j.runs;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import org.tune4j.generation.Generation;
import org.tune4j.generation.GenerationListener;
import org.tune4j.generation.Generator;
import org.tune4j.generation.SamplingOptions;
import org.tune4j.models.Decoder;
import org.tune4j.optim.Optimizer;
import org.tune4j.tensor.Engine;
import org.tune4j.tokenizers.Message;
import org.tune4j.tokenizers.Tokenizer;
import org.tune4j.tokenizers.TokenizerSpec;

/** Shows what the model answers, the likeliest token each time. */
public final class Samples {
  private final SampleOptions options;
  private final TokenizerSpec tokenizer;
  private final Path modelFolder;
  private final Engine engine;
  private final Decoder decoder;
  private final Optimizer optimizer;

  /**
   * Of this model, as it is whenever {@link #show} is called.
   *
   * @param options the questions
   * @param tokenizer opened for each {@link #show}
   * @param modelFolder where the tokenizer's files lie unless it names them
   * @param engine that computes
   * @param decoder with weights
   * @param optimizer that trains it
   */
  public Samples(
      SampleOptions options,
      TokenizerSpec tokenizer,
      Path modelFolder,
      Engine engine,
      Decoder decoder,
      Optimizer optimizer) {
    this.options = options;
    this.tokenizer = tokenizer;
    this.modelFolder = modelFolder;
    this.engine = engine;
    this.decoder = decoder;
    this.optimizer = optimizer;
  }

  /**
   * Prints each question and its answer; nothing where there are no questions.
   *
   * @param when the heading, such as {@code before training}
   * @param out gets a line for each question and one for each answer
   * @throws org.tune4j.UsageException when a question leaves the model no room for an answer
   */
  public void show(String when, PrintStream out) {
    List<String> questions = options.samplePrompts();
    if (questions.isEmpty()) {
      return;
    }
    try (Tokenizer tokens = tokenizer.open(modelFolder);
        Engine.NoGradient off = engine.noGradient()) {
      List<int[]> prompts =
          questions.stream()
              .map(q -> tokens.prompt(List.of(new Message("user", q, true))))
              .toList();
      List<Generation> answers =
          optimizer.atResult(
              () ->
                  new Generator(engine, decoder, tokens)
                      .generate(
                          prompts,
                          SamplingOptions.greedy(options.sampleMaxNewTokens()),
                          GenerationListener.NONE));
      out.println(when + ":");
      for (int i = 0; i < questions.size(); i++) {
        out.printf("  %s%n    %s%n", questions.get(i), answers.get(i).text().strip());
      }
    }
  }
}

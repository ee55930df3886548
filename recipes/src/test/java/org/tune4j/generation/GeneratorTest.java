package org.tune4j.generation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.models.Decoder;
import org.tune4j.models.PackedRows;
import org.tune4j.models.TestBackend;
import org.tune4j.models.TinyModels;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.TensorScope;
import org.tune4j.tokenizers.Tokenizer;
import org.tune4j.tokenizers.TokenizerSpec;

/** Texts are what choosing one token after the other, each from its whole row, gives. */
final class GeneratorTest {
  private static final int[] LOOPING = {65, 66, 67, 68, 65, 66, 67, 68, 65, 66, 67, 68, 65, 66};
  private static final int[] OTHER = {40, 7, 99, 41};

  private final Engine engine = TestBackend.engine();

  private static Tokenizer tokenizer() {
    return new TokenizerSpec(Path.of("../docs/tiny"), null).open(Path.of("."));
  }

  private String slowly(
      Decoder model, Tokenizer tokenizer, int index, int[] prompt, SamplingOptions options) {
    Sampler sampler = new Sampler(options, index, prompt);
    int[] row = prompt;
    List<Integer> made = new ArrayList<>();
    while (made.size() < options.maxNewTokens()) {
      try (TensorScope scope = engine.openScope()) {
        float[] all = model.logits(Pass.evaluation(engine, scope), PackedRows.of(row)).toFloats();
        int vocab = model.config().vocabSize();
        int from = all.length - vocab;
        int known = Math.min(vocab, tokenizer.vocabSize());
        int id = sampler.next(Arrays.copyOfRange(all, from, from + known));
        if (tokenizer.stopIds().contains(id)) {
          break;
        }
        made.add(id);
        row = Arrays.copyOf(row, row.length + 1);
        row[row.length - 1] = id;
      }
    }
    return tokenizer.decode(made.stream().mapToInt(i -> i).toArray());
  }

  @ParameterizedTest
  @CsvSource({"0, 0, 1, 1", "0, 0, 1, 1.3", "0.1, 0, 1, 1", "0.5, 3, 1, 1", "0.7, 0, 0.8, 1.1"})
  void generate_withGuesses_isWhatOneTokenAfterTheOtherGives(
      double temperature, int topK, double topP, double penalty) {
    SamplingOptions options =
        new SamplingOptions(60, temperature, topK, topP, penalty, 5, List.of());
    try (TensorScope scope = engine.openScope();
        Tokenizer tokenizer = tokenizer()) {
      Decoder model = TinyModels.lora(engine, "all_r4");
      List<Generation> found =
          new Generator(engine, model, tokenizer)
              .generate(List.of(LOOPING, OTHER), options, GenerationListener.NONE);
      assertEquals(slowly(model, tokenizer, 0, LOOPING, options), found.get(0).text());
      assertEquals(slowly(model, tokenizer, 1, OTHER, options), found.get(1).text());
    }
  }

  /** What is guessed wrongly could not be forgotten. */
  @ParameterizedTest
  @ValueSource(strings = {"lfm2", "qwen3_5", "granitemoehybrid"})
  void generate_ofAModelWithAState_isWhatOneTokenAfterTheOtherGives(String checkpoint) {
    SamplingOptions options = new SamplingOptions(20, 0.7, 0, 0.8, 1.1, 5, List.of());
    try (TensorScope scope = engine.openScope();
        Tokenizer tokenizer = tokenizer()) {
      Decoder model = TinyModels.newer(engine, checkpoint, DType.FP32);
      List<Generation> found =
          new Generator(engine, model, tokenizer)
              .generate(List.of(LOOPING, OTHER), options, GenerationListener.NONE);
      assertEquals(slowly(model, tokenizer, 0, LOOPING, options), found.get(0).text());
      assertEquals(slowly(model, tokenizer, 1, OTHER, options), found.get(1).text());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "lfm2", "granitemoehybrid"})
  void generate_severalWays_isWhatTheSamePromptsGive(String checkpoint) {
    SamplingOptions options = new SamplingOptions(20, 0.9, 0, 1, 1, 5, List.of());
    try (TensorScope scope = engine.openScope();
        Tokenizer tokenizer = tokenizer()) {
      Decoder model =
          checkpoint.isEmpty()
              ? TinyModels.lora(engine, "all_r4")
              : TinyModels.newer(engine, checkpoint, DType.FP32);
      Generator generator = new Generator(engine, model, tokenizer);
      List<Generation> apart =
          generator.generate(
              List.of(LOOPING, LOOPING, LOOPING, OTHER, OTHER, OTHER),
              options,
              GenerationListener.NONE);
      assertEquals(
          apart, generator.generate(List.of(LOOPING, OTHER), 3, options, GenerationListener.NONE));
      assertTrue(apart.stream().map(Generation::text).distinct().count() > 4, apart::toString);
    }
  }

  @Test
  void generate_aTextThatLoops_readsSeveralTokensAPass() {
    int[] passes = {0};
    GenerationListener counting =
        new GenerationListener() {
          @Override
          public void onText(int index, String text) {}

          @Override
          public boolean cancelled() {
            passes[0]++;
            return false;
          }
        };
    try (TensorScope scope = engine.openScope();
        Tokenizer tokenizer = tokenizer()) {
      Decoder model = TinyModels.family(engine, "llama2");
      Generation found =
          new Generator(engine, model, tokenizer)
              .generate(OTHER, SamplingOptions.greedy(150), counting);
      assertTrue(passes[0] < found.newTokens() / 2, passes[0] + " passes for " + found.newTokens());
    }
  }
}

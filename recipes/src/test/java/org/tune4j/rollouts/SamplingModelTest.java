package org.tune4j.rollouts;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.adapters.Adapters;
import org.tune4j.data.Example;
import org.tune4j.generation.Generation;
import org.tune4j.generation.GenerationListener;
import org.tune4j.generation.Generator;
import org.tune4j.generation.SamplingOptions;
import org.tune4j.loss.GrpoLoss;
import org.tune4j.models.Decoder;
import org.tune4j.models.TestBackend;
import org.tune4j.models.TinyModels;
import org.tune4j.nn.Objective;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.RowsAtHead;
import org.tune4j.optim.AdamW;
import org.tune4j.optim.Optimizer;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.TensorScope;
import org.tune4j.tokenizers.Tokenizer;
import org.tune4j.tokenizers.TokenizerSpec;
import org.tune4j.training.RowsOverThreads;
import org.tune4j.training.TrainStep;
import org.tune4j.training.TrainingOptions;

/** What is sampled from is what is trained: every token has one log-probability in both. */
class SamplingModelTest {
  private static final double TEMPERATURE = 0.8;
  private static final int WAYS = 3;
  private static final double LR = 2e-2;
  private static final List<int[]> PROMPTS =
      List.of(new int[] {40, 7, 99, 41}, new int[] {65, 66, 67, 68, 65, 66});

  private final Engine engine = TestBackend.engine();

  /** A text's ids, and their log-probabilities where they were drawn. */
  private record Drawn(List<Integer> ids, List<Double> logProbabilities) {
    Drawn() {
      this(new ArrayList<>(), new ArrayList<>());
    }

    double[] values() {
      return logProbabilities.stream().mapToDouble(p -> p).toArray();
    }
  }

  /** Reads the log-probabilities of the rows' labels. */
  private record Reading(List<double[]> found) implements Objective {
    @Override
    public int chunkTokens() {
      return 7;
    }

    @Override
    public long count(long rows, long labelTokens) {
      return rows;
    }

    @Override
    public Sums evaluate(RowsAtHead rows) {
      found.addAll(List.of(rows.labelLogProbabilities(TEMPERATURE)));
      return Sums.ZERO;
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void logProbabilities_areTheTrainedModels_afterEveryUpdate(boolean packed) {
    List<double[]> found = new ArrayList<>();
    GrpoLoss loss = new GrpoLoss(0, 0.2, null, GrpoLoss.LossType.GRPO, 7);
    try (TensorScope scope = engine.openScope();
        Tokenizer tokenizer = new TokenizerSpec(Path.of("../docs/tiny"), null).open(Path.of("."))) {
      Decoder trained = TinyModels.lora(engine, "all_r4");
      Generator generator =
          new Generator(engine, SamplingModel.of(engine, trained, packed), tokenizer);
      Map<String, Parameter> adapters = Adapters.parameters(trained);
      Optimizer optimizer =
          new AdamW(LR, List.of(0.9, 0.999), 1e-8, 0, true).create(List.copyOf(adapters.values()));
      try (RowsOverThreads reader = new RowsOverThreads(engine, trained, 1, new Reading(found));
          RowsOverThreads rows = new RowsOverThreads(engine, trained, 2, loss)) {
        TrainingOptions options = new TrainingOptions(6, 1, null, 1, null, 0, false, 0L);
        TrainStep step = new TrainStep(engine, adapters, optimizer, rows, options, false);
        for (int update = 0; update < 4; update++) {
          List<Drawn> drawn = draw(generator, update);
          List<Example> answers = rows(drawn);
          List<double[]> now = read(reader, found, answers);
          for (int i = 0; i < drawn.size(); i++) {
            assertArrayEquals(
                now.get(i), drawn.get(i).values(), 1e-4, "update " + update + ", text " + i);
          }
          List<Integer> all = IntStream.range(0, answers.size()).boxed().toList();
          assertTrue(step.run(update, all, answers::get, LR).isPresent());
          double moved = Math.abs(now.get(0)[0] - read(reader, found, answers).get(0)[0]);
          assertTrue(moved > 1e-3, "an update moves what is compared, but by " + moved);
        }
      }
    }
  }

  private static List<double[]> read(
      RowsOverThreads reader, List<double[]> found, List<Example> rows) {
    found.clear();
    Objective.Sums unused = reader.evaluate(rows);
    return List.copyOf(found);
  }

  private static List<Drawn> draw(Generator generator, long seed) {
    List<Drawn> drawn =
        IntStream.range(0, PROMPTS.size() * WAYS).mapToObj(i -> new Drawn()).toList();
    float[][] last = new float[drawn.size()][];
    List<Generation> unused =
        generator.generate(
            PROMPTS,
            WAYS,
            new SamplingOptions(12, TEMPERATURE, 0, 1, 1, seed, List.of()),
            new GenerationListener() {
              @Override
              public void onText(int index, String text) {}

              @Override
              public void onLogits(int index, float[] logits) {
                last[index] = logits.clone();
              }

              @Override
              public void onToken(int index, int id) {
                drawn.get(index).ids().add(id);
                drawn.get(index).logProbabilities().add(logProbability(last[index], id));
              }
            });
    return drawn;
  }

  private static double logProbability(float[] logits, int id) {
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp((logit - logits[id]) / TEMPERATURE);
    }
    return -Math.log(sum);
  }

  /** With advantages of both signs. */
  private static List<Example> rows(List<Drawn> drawn) {
    return IntStream.range(0, drawn.size())
        .mapToObj(
            i -> {
              int[] prompt = PROMPTS.get(i / WAYS);
              IntStream answer = drawn.get(i).ids().stream().mapToInt(id -> id);
              int[] tokens = IntStream.concat(Arrays.stream(prompt), answer).toArray();
              return Rollouts.row(tokens, prompt.length, i % WAYS - 0.8);
            })
        .toList();
  }
}

package org.tune4j.training;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.tune4j.adapters.Adapters;
import org.tune4j.data.Example;
import org.tune4j.models.Decoder;
import org.tune4j.models.TestBackend;
import org.tune4j.models.TinyModels;
import org.tune4j.nn.Loss;
import org.tune4j.nn.Parameter;
import org.tune4j.optim.AdamW;
import org.tune4j.optim.Optimizer;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.RandomBits;
import org.tune4j.tensor.TensorScope;

/** Whole training steps of the tiny model, rows of many lengths on two threads: nothing is left. */
@EnabledOnOs(value = OS.LINUX, disabledReason = "memory is read from /proc")
class FlatMemoryTest {
  /** What the process may grow by; a layer's activations left a step are 20 MB over 400 steps. */
  private static final long SLACK_KB = 16 << 10;

  private static final Pattern RANGE = Pattern.compile("([0-9a-f]+)-[0-9a-f]+ ");

  @Test
  void train_fourHundredSteps_residentSizeIsFlat() throws IOException {
    flat(400);
  }

  @Test
  @Tag("long")
  void train_tenThousandSteps_residentSizeIsFlat() throws IOException {
    flat(10_000);
  }

  private static void flat(int steps) throws IOException {
    assumeTrue(Files.exists(Path.of("/proc/self/smaps")), "no /proc/self/smaps here");
    Engine engine = TestBackend.engine();
    try (TensorScope run = engine.openScope()) {
      Decoder model = TinyModels.lora(engine, "all_r4");
      Map<String, Parameter> adapters = Adapters.parameters(model);
      Optimizer optimizer =
          new AdamW(1e-4, List.of(0.9, 0.999), 1e-8, 0.01, true)
              .create(List.copyOf(adapters.values()));
      TrainingOptions options = new TrainingOptions(4, 1, null, 1, 1.0, 0, true, 1L);
      List<Example> data = rows(64, model.config().vocabSize());
      try (RowsOverThreads rows = new RowsOverThreads(engine, model, 2, Loss.crossEntropy(16))) {
        TrainStep step = new TrainStep(engine, adapters, optimizer, rows, options, false);
        train(step, data, 0, Math.max(100, steps / 10));
        long before = residentOutsideTheHeap();
        train(step, data, steps, steps);
        long grown = residentOutsideTheHeap() - before;
        assertTrue(
            grown <= SLACK_KB,
            "the resident size outside the Java heap grew by %d KiB over %d steps, allowed %d"
                .formatted(grown, steps, SLACK_KB));
      }
    }
  }

  private static void train(TrainStep step, List<Example> data, int from, int steps) {
    for (int i = from; i < from + steps; i++) {
      int at = i;
      List<Integer> indices =
          IntStream.range(0, 4)
              .map(r -> (int) Long.remainderUnsigned(RandomBits.bits(7, 4L * at + r), data.size()))
              .boxed()
              .toList();
      step.run(i, indices, data::get, 1e-4);
    }
  }

  /** Rows of 4 to 48 tokens. */
  private static List<Example> rows(int count, int vocab) {
    List<Example> rows = new ArrayList<>();
    for (int r = 0; r < count; r++) {
      int[] tokens = new int[4 + (int) Long.remainderUnsigned(RandomBits.bits(3, r), 45)];
      for (int i = 0; i < tokens.length; i++) {
        tokens[i] = (int) Long.remainderUnsigned(RandomBits.bits(r, i), vocab);
      }
      int[] labels = Arrays.copyOfRange(tokens, 1, tokens.length + 1);
      labels[tokens.length - 1] = Example.IGNORED;
      rows.add(new Example(tokens, labels, new int[] {tokens.length}));
    }
    return rows;
  }

  /** In KiB; HotSpot lays a heap of under 32 GiB below that address, and libraries never. */
  private static long residentOutsideTheHeap() throws IOException {
    System.gc();
    long kilobytes = 0;
    boolean outside = false;
    for (String line : Files.readAllLines(Path.of("/proc/self/smaps"))) {
      Matcher range = RANGE.matcher(line);
      if (range.lookingAt()) {
        outside = Long.parseUnsignedLong(range.group(1), 16) >= 32L << 30;
      } else if (outside && line.startsWith("Rss:")) {
        kilobytes += Long.parseLong(line.replaceAll("\\D", ""));
      }
    }
    return kilobytes;
  }
}

package org.tune4j.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.tune4j.adapters.Adapters;
import org.tune4j.adapters.lora.AttnModule;
import org.tune4j.adapters.lora.LoraArguments;
import org.tune4j.data.Example;
import org.tune4j.models.Decoder;
import org.tune4j.models.auto.SizedModel;
import org.tune4j.nn.Loss;
import org.tune4j.nn.Parameter;
import org.tune4j.platform.ResidentSize;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.TensorScope;
import org.tune4j.training.Gradients;
import org.tune4j.training.RowsOverThreads;

/**
 * Tokens a second of forward and backward on SmolLM2-135M's shape with random weights, no files but
 * the rows' ids: {@code StepBenchmark BACKEND THREADS TOKENS_JSON STEPS}. For profiling; the
 * comparison with the peers is a script.
 */
final class StepBenchmark {
  private StepBenchmark() {}

  public static void main(String[] args) throws Exception {
    int threads = Integer.parseInt(args[1]);
    List<Example> rows = new ArrayList<>();
    for (JsonNode row : new ObjectMapper().readTree(Path.of(args[2]).toFile()).get("rows")) {
      int n = row.get("tokens").size();
      int[] tokens = new int[n];
      int[] labels = new int[n];
      for (int i = 0; i < n; i++) {
        tokens[i] = row.get("tokens").get(i).asInt();
        boolean last = i == n - 1;
        labels[i] =
            last || row.get("masked").get(i + 1).asInt() == 1
                ? -100
                : row.get("tokens").get(i + 1).asInt();
      }
      rows.add(new Example(tokens, labels, new int[] {n}));
    }
    try (Engine engine = Backends.installed().open(args[0], new BackendOptions(Device.CPU, 0));
        TensorScope run = engine.openScope()) {
      Decoder decoder =
          SizedModel.named("smollm2_135m")
              .lora(LoraArguments.of(AttnModule.Q_PROJ, AttnModule.V_PROJ))
              .build(DType.BF16);
      for (Map.Entry<String, Parameter> e : decoder.parameters().entrySet()) {
        Parameter p = e.getValue();
        try (TensorScope s = engine.openScope()) {
          p.set(
              engine
                  .operations()
                  .uniform(e.getKey().hashCode(), -0.05, 0.05, DType.BF16, p.shape())
                  .moveTo(run));
        }
      }
      List<Parameter> adapters = List.copyOf(Adapters.parameters(decoder).values());
      try (RowsOverThreads over =
          new RowsOverThreads(
              engine, decoder, threads, Loss.crossEntropy(Integer.getInteger("chunk", 128)))) {
        OperatingSystemMXBean system =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        long started = 0;
        long processor = 0;
        long tokens = 0;
        int steps = Integer.parseInt(args[3]);
        for (int i = 0; i < steps; i++) {
          if (i == 3) {
            started = System.nanoTime();
            processor = system.getProcessCpuTime();
            tokens = 0;
          }
          List<Example> batch = rows.subList(i * 4 % 100, i * 4 % 100 + 4);
          try (TensorScope scope = engine.openScope()) {
            Gradients g = new Gradients(engine, adapters);
            double loss = over.forwardBackward(batch, i, g).loss();
            Gradients.Mean mean = g.mean(1, 1e9);
            if (!(loss > 0) || !(mean.norm() > 0)) {
              throw new AssertionError("loss " + loss + " norm " + mean.norm());
            }
          }
          tokens += batch.stream().mapToLong(r -> r.tokens().length).sum();
        }
        double seconds = (System.nanoTime() - started) * 1e-9;
        double processorSeconds = (system.getProcessCpuTime() - processor) * 1e-9;
        System.out.printf(
            "%s threads=%d: %.0f tokens/s, %.3f processor ms a token, rss %d MiB%n",
            args[0],
            threads,
            tokens / seconds,
            processorSeconds * 1e3 / tokens,
            ResidentSize.mebibytes());
      }
    }
  }
}

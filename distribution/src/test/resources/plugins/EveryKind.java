package com.example.every;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.tune4j.component.Component;
import org.tune4j.component.ComponentProvider;
import org.tune4j.component.Default;
import org.tune4j.data.DataCache;
import org.tune4j.data.DataRow;
import org.tune4j.data.Dataset;
import org.tune4j.data.DatasetSpec;
import org.tune4j.data.Example;
import org.tune4j.data.MessageTransform;
import org.tune4j.evaluation.EvaluationTask;
import org.tune4j.evaluation.LogLikelihoods;
import org.tune4j.evaluation.TaskResult;
import org.tune4j.metrics.LoggedRun;
import org.tune4j.metrics.MetricLogger;
import org.tune4j.metrics.StepMetrics;
import org.tune4j.adapters.TargetModules;
import org.tune4j.adapters.lora.LoraConfig;
import org.tune4j.models.ModelRegistry;
import org.tune4j.models.ModelSpec;
import org.tune4j.nn.Loss;
import org.tune4j.nn.Parameter;
import org.tune4j.optim.LrSchedule;
import org.tune4j.optim.Optimizer;
import org.tune4j.recipe.Recipe;
import org.tune4j.recipe.RunContext;
import org.tune4j.spi.Availability;
import org.tune4j.spi.Backend;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.BackendProvider;
import org.tune4j.spi.Capability;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;
import org.tune4j.tokenizers.Message;
import org.tune4j.tokenizers.Tokenizer;

/** One of everything that a plugin can bring, in few lines each. */
public final class EveryKind implements ComponentProvider {
  @Override
  public List<Class<?>> components() {
    return List.of(
        Hello.class,
        Model.class,
        Rows.class,
        Shout.class,
        DoubleLoss.class,
        Descent.class,
        Half.class,
        Lines.class,
        Count.class);
  }

  public static final class Hello implements Recipe {
    private final String greeting;

    @Component("hello")
    public Hello(String greeting) {
      this.greeting = greeting;
    }

    @Override
    public void run(RunContext context) {
      context.out().println(greeting + " from " + context.backends().find("every_backend").name());
    }
  }

  public static final class Model {
    @Component("every_model")
    public static ModelSpec of(@Default("2") int loraRank) {
      return new ModelSpec(
          "every_model",
          ModelRegistry.installed(),
          null,
          new LoraConfig(TargetModules.of(List.of("q_proj")), loraRank, 4));
    }
  }

  public static final class Rows implements DatasetSpec {
    private final List<Integer> ids;

    @Component("every_rows")
    public Rows(List<Integer> ids) {
      this.ids = ids;
    }

    @Override
    public Dataset open(Tokenizer tokenizer, int maxSeqLen, DataCache cache) {
      int[] tokens = ids.stream().mapToInt(i -> i).toArray();
      int[] labels = new int[tokens.length];
      for (int i = 0; i < labels.length; i++) {
        labels[i] = i + 1 < tokens.length ? tokens[i + 1] : Example.IGNORED;
      }
      return Dataset.of(List.of(new Example(tokens, labels, new int[] {tokens.length})));
    }
  }

  public static final class Shout implements MessageTransform {
    @Component("every_transform")
    public Shout() {}

    @Override
    public List<Message> messages(DataRow row) {
      return List.of(
          new Message("user", row.text("q", "name it q"), true),
          new Message("assistant", row.text("a", "name it a"), false));
    }

    @Override
    public String settings() {
      return "";
    }
  }

  public static final class DoubleLoss implements Loss {
    @Component("every_loss")
    public DoubleLoss() {}

    @Override
    public int chunkTokens() {
      return 2;
    }

    @Override
    public Tensor sum(Tensor logits, Tensor labels) {
      return logits.engine().operations().crossEntropy(logits, labels).mul(2);
    }
  }

  public static final class Descent implements Optimizer.Spec {
    private final double lr;

    @Component("every_optimizer")
    public Descent(double lr) {
      this.lr = lr;
    }

    @Override
    public double lr() {
      return lr;
    }

    @Override
    public Map<String, Kept> kept(Parameter parameter) {
      return Map.of();
    }

    @Override
    public Optimizer create(List<Parameter> parameters) {
      return new Optimizer() {
        private long updates;

        @Override
        public void update(int i, Tensor gradient, double lr) {
          Tensor value = parameters.get(i).tensor();
          try (TensorScope scope = value.engine().openScope();
              Engine.NoGradient off = value.engine().noGradient()) {
            value.copyFrom(value.sub(gradient.mul(lr)));
          }
        }

        @Override
        public long updates() {
          return updates;
        }

        @Override
        public void setUpdates(long updates) {
          this.updates = updates;
        }

        @Override
        public Map<String, Tensor> state(int i) {
          return Map.of();
        }
      };
    }
  }

  public static final class Half implements LrSchedule {
    @Component("every_schedule")
    public Half() {}

    @Override
    public double warm(long step, long total) {
      return 0.5;
    }
  }

  public static final class Lines implements MetricLogger.Spec {
    private final Path file;

    @Component("every_logger")
    public Lines(Path file) {
      this.file = file;
    }

    @Override
    public String name() {
      return "every_logger";
    }

    @Override
    public MetricLogger open(LoggedRun run) {
      return new MetricLogger() {
        @Override
        public void log(StepMetrics metrics) throws IOException {
          Files.writeString(
              file,
              "step " + metrics.step() + "\n",
              StandardOpenOption.CREATE,
              StandardOpenOption.APPEND);
        }

        @Override
        public void close(Outcome outcome) throws IOException {
          Files.writeString(file, outcome + "\n", StandardOpenOption.APPEND);
        }
      };
    }
  }

  public static final class Count implements EvaluationTask {
    @Component("every_task")
    public Count() {}

    @Override
    public String name() {
      return "every_task";
    }

    @Override
    public TaskResult run(LogLikelihoods model, List<JsonNode> rows) {
      return new TaskResult(Map.of("rows", (double) rows.size()), List.of());
    }
  }

  public static final class Computing implements BackendProvider {
    private final BackendProvider under = new org.tune4j.reference.ReferenceBackendProvider();

    @Override
    public String name() {
      return "every_backend";
    }

    @Override
    public String version() {
      return "1";
    }

    @Override
    public Availability availability() {
      return under.availability();
    }

    @Override
    public Set<Capability> capabilities() {
      return under.capabilities();
    }

    @Override
    public Set<DType> dtypes() {
      return under.dtypes();
    }

    @Override
    public Backend open(BackendOptions options) {
      return under.open(options);
    }
  }
}

package org.tune4j.checkpointing;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.InputException;
import org.tune4j.TuneException;
import org.tune4j.UsageException;
import org.tune4j.adapters.AdapterSum;
import org.tune4j.adapters.AdapterTensor;
import org.tune4j.adapters.SavedAdapter;
import org.tune4j.adapters.lora.LoraConfig;
import org.tune4j.models.ModelRegistry;
import org.tune4j.models.TestBackend;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Sums that PEFT made; {@code peft/weighted} has the script. */
class CombinedAdapterTest {
  private static final Path PEFT = Path.of("src/test/resources/peft");
  private static final Map<String, Double> WEIGHTS = Map.of("a", 0.7, "b", -0.4, "c", 1.5);

  @TempDir Path temp;
  private final Engine engine = TestBackend.engine();

  private Path write(AdapterSum.Type type, Integer rank, String... names) {
    Map<Path, Double> parts = new LinkedHashMap<>();
    for (String name : names) {
      parts.put(PEFT.resolve("weighted").resolve(name), WEIGHTS.get(name));
    }
    Path out = temp.resolve("sum");
    CombinedAdapter.write(engine, ModelRegistry.installed(), parts, type, rank, out);
    return out;
  }

  private Tensor factor(SavedAdapter adapter, String module, String name) {
    return TensorFiles.read(
        engine, adapter.file(), adapter.tensors().get(new AdapterTensor(module, name)));
  }

  private float[] change(SavedAdapter adapter, String module) {
    return factor(adapter, module, "lora_B.weight")
        .matmul(factor(adapter, module, "lora_A.weight"))
        .mul(((LoraConfig) adapter.config()).scale(module))
        .toFloats();
  }

  @ParameterizedTest
  @CsvSource({"linear, 3, a b", "cat, 10, a b c", "svd, 4, a b c"})
  void write_ofWeightedAdapters_equalsPeft(String type, int rank, String names) {
    Path out = write(AdapterSum.Type.of(type), null, names.split(" "));
    SavedAdapter own = ModelRegistry.installed().open(out);
    SavedAdapter peft = ModelRegistry.installed().open(PEFT.resolve("weighted").resolve(type));
    assertEquals(rank, ((LoraConfig) own.config()).rank());
    assertEquals(peft.modules(), own.modules());
    try (TensorScope scope = engine.openScope()) {
      for (String module : own.modules()) {
        assertArrayEquals(change(peft, module), change(own, module), 1e-6f, module);
        if (!type.equals("svd")) {
          for (String name : List.of("lora_A.weight", "lora_B.weight")) {
            assertArrayEquals(
                factor(peft, module, name).toFloats(),
                factor(own, module, name).toFloats(),
                1e-6f,
                module + "." + name);
          }
        }
      }
    }
  }

  /** All singular values give the sum itself, whatever the adapters have in common. */
  @Test
  void write_svdOfAllRanks_isTheSum() {
    SavedAdapter svd =
        ModelRegistry.installed().open(write(AdapterSum.Type.SVD, 12, "a", "b", "c"));
    SavedAdapter cat = ModelRegistry.installed().open(PEFT.resolve("weighted/cat"));
    try (TensorScope scope = engine.openScope()) {
      for (String module : cat.modules()) {
        assertArrayEquals(change(cat, module), change(svd, module), 1e-6f, module);
      }
    }
  }

  private void refuses(
      Class<? extends TuneException> type,
      String message,
      AdapterSum.Type how,
      Integer rank,
      String... names) {
    assertEquals(message, assertThrows(type, () -> write(how, rank, names)).getMessage());
  }

  @Test
  void write_whatHasNoSum_isRefused() {
    refuses(
        UsageException.class,
        "the adapters have the ranks [3, 4], and linear needs one rank; take cat or svd",
        AdapterSum.Type.LINEAR,
        null,
        "a",
        "c");
    refuses(
        UsageException.class,
        "a rank is given for cat, which has its own; leave it out",
        AdapterSum.Type.CAT,
        3,
        "a");
    Map<Path, Double> others = new LinkedHashMap<>();
    others.put(PEFT.resolve("weighted/a"), 1.0);
    others.put(PEFT.resolve("layers"), 1.0);
    InputException e =
        assertThrows(
            InputException.class,
            () ->
                CombinedAdapter.write(
                    engine,
                    ModelRegistry.installed(),
                    others,
                    AdapterSum.Type.CAT,
                    null,
                    temp.resolve("sum")));
    assertEquals(
        "adapter %s: 'model.layers.1.self_attn.q_proj' is [64, 64], in %s [12, 12]; the adapters are of different models"
            .formatted(PEFT.resolve("layers"), PEFT.resolve("weighted/a")),
        e.getMessage());
  }
}

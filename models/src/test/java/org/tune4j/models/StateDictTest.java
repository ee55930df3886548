package org.tune4j.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.tune4j.InputException;
import org.tune4j.TuneException;
import org.tune4j.UsageException;
import org.tune4j.adapters.AdapterStateDict;
import org.tune4j.adapters.Adapters;
import org.tune4j.nn.ParameterSummary;
import org.tune4j.nn.StateDict;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

class StateDictTest {
  private static final String Q = "model.layers.0.self_attn.q_proj";
  private final Engine engine = TestBackend.engine();
  private TensorScope scope;
  private Decoder lora;

  @BeforeEach
  void open() {
    scope = engine.openScope();
    lora = TinyModels.adapted("llama2", TinyModels.QV_R8, DType.FP32);
  }

  @AfterEach
  void close() {
    scope.close();
  }

  private Map<String, Tensor> base(String family) {
    return new GoldenFile("families/" + family + "/model.safetensors").tensors(engine);
  }

  private Map<String, Tensor> adapter() {
    return new GoldenFile("lora/qv_r8/initial/adapter_model.safetensors").tensors(engine);
  }

  private static void fails(String message, Runnable action) {
    assertEquals(message, assertThrows(TuneException.class, action::run).getMessage());
  }

  @Test
  void load_ofTheSameType_keepsTheTensorItself() {
    Map<String, Tensor> base = base("llama2");
    StateDict.Loaded loaded = StateDict.load(lora, base, false);
    assertSame(base.get("lm_head.weight"), lora.parameters().get("lm_head.weight").tensor());
    assertEquals(Adapters.parameters(lora).keySet(), Set.copyOf(loaded.missing()));
    assertTrue(loaded.unexpected().isEmpty());
    loaded.requireAllBut(Adapters.parameters(lora).keySet());
    assertEquals(base.keySet(), StateDict.of(lora).keySet());
  }

  @Test
  void load_ofAnotherType_casts() {
    Decoder wide = TinyModels.config("llama2").build(DType.FP64);
    StateDict.load(wide, base("llama2"), true);
    assertEquals(DType.FP64, wide.parameters().get("lm_head.weight").tensor().dtype());
  }

  @Test
  void load_strictWithoutAdapters_namesWhatIsMissing() {
    fails(
        "the state dict does not fit the model: missing "
            + Q
            + ".lora_A.weight, "
            + Q
            + ".lora_B.weight, model.layers.0.self_attn.v_proj.lora_A.weight and 9 more, unexpected none",
        () -> StateDict.load(lora, base("llama2"), true));
  }

  @Test
  void load_ofAnotherShape_changesNothing() {
    fails(
        "tensor 'model.layers.0.self_attn.k_proj.weight' has shape [32, 64], the model expects [64, 64]; the checkpoint belongs to another model",
        () -> StateDict.load(lora, base("llama3"), false));
    assertTrue(StateDict.of(lora).isEmpty());
  }

  @Test
  void load_ofATiedHeadsSecondName_isAccepted() {
    Decoder tied = TinyModels.config("llama3_2").build(DType.FP32);
    Map<String, Tensor> base = base("llama3_2");
    base.put("lm_head.weight", base.get("model.embed_tokens.weight"));
    StateDict.Loaded loaded = StateDict.load(tied, base, true);
    assertEquals(List.of(), loaded.unexpected());
    assertEquals(Map.of("lm_head.weight", "model.embed_tokens.weight"), tied.sharedNames());
  }

  @Test
  void validateBase_eachWrongWay_hasItsOwnError() {
    Map<String, Tensor> base = base("llama2");
    base.remove("model.norm.weight");
    fails(
        "the base checkpoint lacks model.norm.weight; it is incomplete or belongs to another model",
        () -> StateDict.load(lora, base, false).requireAllBut(Adapters.parameters(lora).keySet()));
    Map<String, Tensor> more = base("llama2");
    more.put("model.layers.3.input_layernorm.weight", more.get("model.norm.weight"));
    fails(
        "the base checkpoint holds model.layers.3.input_layernorm.weight, which the model does not have; the model builder belongs to another model",
        () -> StateDict.load(lora, more, false).requireAllBut(Adapters.parameters(lora).keySet()));
    Decoder plain = TinyModels.config("llama2").build(DType.FP32);
    fails(
        "the model has no adapters; build it with a builder that adds some, such as lora_auto",
        () -> AdapterStateDict.validate(plain, adapter()));
  }

  @Test
  void validateAdapter_eachWrongWay_hasItsOwnError() {
    AdapterStateDict.validate(lora, adapter());
    wrong("the adapter holds no tensors", Map::clear);
    wrong(
        "the adapter holds 'lm_head.weight', a weight of the base model; give the full checkpoint as checkpointer.checkpoint_dir",
        a -> a.put("lm_head.weight", zeros(320, 64)));
    wrong(
        "the adapter holds 'x.lora_magnitude_vector', which is no tensor of the model's adapters; names end in lora_A.weight or lora_B.weight",
        a -> a.put("x.lora_magnitude_vector", zeros(64)));
    wrong(
        "the adapter holds '" + Q + ".lora_A.weight' without '" + Q + ".lora_B.weight'",
        a -> a.remove(Q + ".lora_B.weight"));
    wrong(
        "the adapter adapts 'model.layers.0.self_attn.k_proj', the model does not; name it in the model's target_modules or lora_attn_modules",
        a -> pair(a, "model.layers.0.self_attn.k_proj", 8, 64, 64));
    wrong(
        "the adapter adapts 'model.layers.9.self_attn.q_proj', which the model does not have; it was made for another model",
        a -> pair(a, "model.layers.9.self_attn.q_proj", 8, 64, 64));
    wrong(
        "the model adapts '"
            + Q
            + "', the adapter does not; the adapter's target_modules are fewer",
        a -> a.keySet().removeIf(k -> k.startsWith(Q)));
    wrong(
        "the adapter's '" + Q + "' has rank 4, the model's 8; set lora_rank=4",
        a -> pair(a, Q, 4, 64, 64));
    wrong(
        "the adapter's '"
            + Q
            + ".lora_A.weight' has shape [8, 32], the model expects [8, 64]; it was made for another model",
        a -> pair(a, Q, 8, 32, 64));
  }

  private void wrong(String message, Consumer<Map<String, Tensor>> change) {
    Map<String, Tensor> tensors = new LinkedHashMap<>(adapter());
    change.accept(tensors);
    assertEquals(
        message,
        assertThrows(InputException.class, () -> AdapterStateDict.validate(lora, tensors))
            .getMessage());
  }

  private void pair(Map<String, Tensor> a, String module, long rank, long in, long out) {
    a.put(module + ".lora_A.weight", zeros(rank, in));
    a.put(module + ".lora_B.weight", zeros(out, rank));
  }

  private Tensor zeros(long... sizes) {
    return engine.zeros(DType.FP32, Shape.of(sizes));
  }

  @Test
  void setTrainable_ofAnUnknownName_isRefused() {
    Adapters.setTrainable(lora, Set.of("lm_head.weight"));
    assertEquals(new ParameterSummary(198_080, 20_480), ParameterSummary.of(lora));
    assertThrows(UsageException.class, () -> Adapters.setTrainable(lora, Set.of("lm_heat.weight")));
  }

  @Test
  void initialise_ofOneSeed_isReproducible() {
    Adapters.initialise(engine, lora, 1);
    float[] first = Adapters.parameters(lora).get(Q + ".lora_A.weight").tensor().toFloats();
    Adapters.initialise(engine, lora, 1);
    float[] again = Adapters.parameters(lora).get(Q + ".lora_A.weight").tensor().toFloats();
    Adapters.initialise(engine, lora, 2);
    float[] other = Adapters.parameters(lora).get(Q + ".lora_A.weight").tensor().toFloats();
    assertTrue(java.util.Arrays.equals(first, again));
    assertTrue(!java.util.Arrays.equals(first, other));
  }
}

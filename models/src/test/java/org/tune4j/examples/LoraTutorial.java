package org.tune4j.examples;

import java.util.List;
import java.util.Map;
import org.tune4j.adapters.Adapters;
import org.tune4j.adapters.TargetModules;
import org.tune4j.adapters.lora.LoraConfig;
import org.tune4j.models.Decoder;
import org.tune4j.models.ModelConfig;
import org.tune4j.nn.ParameterSummary;
import org.tune4j.nn.StateDict;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** LoRA's first steps: a base model, the same with adapters, its weights, what is trained. */
public final class LoraTutorial {
  private LoraTutorial() {}

  /** Prints each step; {@code weights} is a base checkpoint by Hugging Face names. */
  public static void run(
      Engine engine, ModelConfig config, Map<String, Tensor> weights, Appendable out)
      throws java.io.IOException {
    // A model is names and shapes until it is given weights.
    Decoder base = config.build(DType.FP32);
    out.append(base.layers().get(0).children().get("self_attn") + "\n");

    // The same model with adapters of rank 8 on the query and value projections.
    Decoder model = config.build(DType.FP32);
    model.adapt(new LoraConfig(TargetModules.of(List.of("q_proj", "v_proj")), 8, 16));
    out.append(model.layers().get(0).children().get("self_attn") + "\n");

    try (TensorScope scope = engine.openScope()) { // owns the adapters
      // The base checkpoint has no adapters: load what is there, then check that nothing else
      // is missing.
      StateDict.Loaded loaded = StateDict.load(model, weights, false);
      loaded.requireAllBut(Adapters.parameters(model).keySet());
      Adapters.initialise(engine, model, 42);

      // Train the adapters and nothing else.
      Adapters.setTrainable(model, Adapters.parameters(model).keySet());
      out.append(ParameterSummary.of(model) + "\n");
    }
  }
}

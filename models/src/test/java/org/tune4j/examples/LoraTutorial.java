package org.tune4j.examples;

import java.util.List;
import java.util.Map;
import org.tune4j.models.AttnModule;
import org.tune4j.models.Decoder;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.LoraConfig;
import org.tune4j.peft.Adapters;
import org.tune4j.peft.LoraStateDict;
import org.tune4j.peft.ParameterSummary;
import org.tune4j.peft.StateDict;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** LoRA's first steps: a base model, the same with adapters, its weights, what is trained. */
public final class LoraTutorial {
  private LoraTutorial() {}

  /** Prints each step; {@code weights} is a base checkpoint by Hugging Face names. */
  public static void run(
      Engine engine, DecoderConfig sizes, Map<String, Tensor> weights, Appendable out)
      throws java.io.IOException {
    // A model is names and shapes until it is given weights.
    Decoder base = new Decoder(sizes, null, DType.FP32);
    out.append(base.layers().get(0).attention() + "\n");

    // The same model with adapters of rank 8 on the query and value projections.
    LoraConfig lora =
        new LoraConfig(List.of(AttnModule.Q_PROJ, AttnModule.V_PROJ), false, false, 8, 16, 0);
    Decoder model = new Decoder(sizes, lora, DType.FP32);
    out.append(model.layers().get(0).attention() + "\n");

    try (TensorScope scope = engine.openScope()) { // owns the adapters
      // The base checkpoint has no adapters: load what is there, then check that nothing else
      // lacks.
      StateDict.Loaded loaded = StateDict.load(model, weights, false);
      LoraStateDict.validateBase(model, loaded);
      Adapters.initialise(engine, model, 42);

      // Train the adapters and nothing else.
      Adapters.setTrainable(model, Adapters.parameters(model).keySet());
      out.append(ParameterSummary.of(model) + "\n");
    }
  }
}

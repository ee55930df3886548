package org.tune4j.examples;

import java.io.PrintStream;
import java.nio.file.Path;
import org.tune4j.adapters.Adapters;
import org.tune4j.adapters.lora.AttnModule;
import org.tune4j.adapters.lora.LoraArguments;
import org.tune4j.generation.GenerationListener;
import org.tune4j.generation.Generator;
import org.tune4j.generation.SamplingOptions;
import org.tune4j.inference.InferenceModel;
import org.tune4j.models.Decoder;
import org.tune4j.models.auto.SizedModel;
import org.tune4j.nn.ParameterSummary;
import org.tune4j.nn.StateDict;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.TensorScope;

/** The first steps of torchtune's LoRA tutorial. */
public final class LoraInJava {
  private LoraInJava() {}

  /** Takes the folder of Llama 2 7B and a prompt. */
  public static void main(String[] args) {
    Backends backends = Backends.installed();
    try (Engine engine = backends.open("", BackendOptions.DEFAULT);
        TensorScope scope = engine.openScope()) {
      Decoder lora = build(System.out);
      generate(engine, lora, Path.of(args[0]), args[1], System.out);
    }
  }

  /** Prints an attention layer without and with LoRA, and counts what is trained. */
  static Decoder build(PrintStream out) {
    // Both are names and shapes until they are given weights, and take no memory.
    SizedModel llama2 = SizedModel.named("llama2_7b");
    Decoder base = llama2.base().build(DType.BF16);
    LoraArguments arguments = LoraArguments.of(AttnModule.Q_PROJ, AttnModule.V_PROJ);
    Decoder lora = llama2.lora(arguments).build(DType.BF16);
    out.println(base.layers().get(0).children().get("self_attn"));
    out.println(lora.layers().get(0).children().get("self_attn"));

    // Train the adapters and nothing else.
    Adapters.setTrainable(lora, Adapters.parameters(lora).keySet());
    out.println(ParameterSummary.of(lora));
    return lora;
  }

  /** Gives the model its weights and lets it answer. */
  static void generate(Engine engine, Decoder lora, Path folder, String prompt, PrintStream out) {
    try (InferenceModel base = InferenceModel.open(folder, null, engine, DType.BF16)) {
      // The base has no adapters: load what is there, then check that nothing else is missing.
      StateDict.Loaded loaded = StateDict.load(lora, StateDict.of(base.base()), false);
      loaded.requireAllBut(Adapters.parameters(lora).keySet());
      Adapters.initialise(engine, lora, 42);

      Generator generator = new Generator(engine, lora, base.tokenizer());
      int[] ids = base.tokenizer().encodeAlone(prompt);
      SamplingOptions options = SamplingOptions.greedy(20);
      out.println(generator.generate(ids, options, GenerationListener.NONE).text());
    }
  }
}

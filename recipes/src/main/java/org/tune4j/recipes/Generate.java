package org.tune4j.recipes;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.checkpointing.HuggingFaceCheckpointer;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Inline;
import org.tune4j.component.Provided;
import org.tune4j.generation.GenerationListener;
import org.tune4j.generation.SamplingOptions;
import org.tune4j.inference.InferenceModel;
import org.tune4j.models.ModelRegistry;
import org.tune4j.models.ModelSpec;
import org.tune4j.recipe.Recipe;
import org.tune4j.recipe.RunContext;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.TensorScope;
import org.tune4j.tokenizers.Message;
import org.tune4j.tokenizers.TokenizerSpec;
import org.tune4j.training.ComputeOptions;

/** Answers a prompt, as torchtune's recipe; {@code tune generate} does so without a config. */
public final class Generate implements Recipe {
  private final TokenizerSpec tokenizer;
  private final ModelSpec model;
  private final HuggingFaceCheckpointer checkpointer;
  private final List<Message> prompt = new ArrayList<>();
  private final SamplingOptions sampling;
  private final ModelRegistry models;
  private final ComputeOptions compute;

  /**
   * An answer by this config, of which nothing is opened or read yet.
   *
   * @param outputDir torchtune's; nothing is written
   * @param tokenizer turns text into token ids
   * @param model the architecture, without adapters
   * @param checkpointer where weights come from, and the adapter if there is one
   * @param prompt {@code user} and perhaps {@code system}: each a text, or {@code {text: TEXT}}
   * @param maxNewTokens 1 or more
   * @param temperature logits are divided by it; 0 always takes the likeliest token
   * @param topK only the k likeliest tokens; null or 0 for all
   * @param enableKvCache torchtune's; there is always a cache
   * @param seed of the draws; null for 0
   * @param models the families and the types of adapters there are
   * @param compute what computes, where, and in which type
   * @throws UsageException when {@code model} has adapters, {@code prompt} has no user's text or
   *     something else than texts, or a number is out of its range
   */
  @Component(
      value = "generate",
      aliases = {"dev/generate_v2", "dev/generate_v2_distributed"})
  public Generate(
      @Doc("accepted for torchtune's configs; nothing is written") @Nullable Path outputDir,
      @Doc("converts text to token ids") TokenizerSpec tokenizer,
      @Doc("the architecture, without adapters") ModelSpec model,
      @Doc("where weights come from, and the adapter if there is one")
          HuggingFaceCheckpointer checkpointer,
      @Doc("user, and system if there is one: each a text, or text with a text")
          Map<String, Object> prompt,
      @Doc("maximum number of tokens of the answer") @Default("300") int maxNewTokens,
      @Doc("logits are divided by it; 0 always takes the likeliest token") @Default("0.6")
          double temperature,
      @Doc("only the k likeliest tokens are drawn from; null for all") @Default("300")
          @Nullable Integer topK,
      @Doc("accepted for torchtune's configs; there is always a cache") @Default("true")
          boolean enableKvCache,
      @Doc("of the draws; null for 0") @Nullable Long seed,
      @Provided ModelRegistry models,
      @Inline ComputeOptions compute) {
    EleutherEval.requireNoAdapters(model);
    for (String role : List.of("system", "user")) {
      if (prompt.containsKey(role)) {
        this.prompt.add(new Message(role, text(role, prompt.get(role)), true));
      }
    }
    if (!prompt.containsKey("user") || this.prompt.size() < prompt.size()) {
      throw new UsageException(
          "prompt has %s, expected user and perhaps system".formatted(prompt.keySet()));
    }
    this.tokenizer = tokenizer;
    this.model = model;
    this.checkpointer = checkpointer;
    this.sampling =
        new SamplingOptions(
            maxNewTokens,
            temperature,
            topK == null ? 0 : topK,
            1,
            1,
            seed == null ? 0 : seed,
            List.of());
    this.models = models;
    this.compute = compute;
  }

  private static String text(String role, @Nullable Object content) {
    if (content instanceof Map<?, ?> parts && parts.keySet().equals(Set.of("text"))) {
      return String.valueOf(parts.get("text"));
    }
    if (content instanceof Map<?, ?> parts && parts.containsKey("image")) {
      throw new UsageException(
          "image input is not supported; leave out prompt.%s.image".formatted(role));
    }
    if (content instanceof Map || content instanceof List) {
      throw new UsageException("prompt.%s is %s, expected a text".formatted(role, content));
    }
    return String.valueOf(content);
  }

  @Override
  public void run(RunContext context) {
    checkpointer.check(model);
    try (Engine engine = compute.open(context.backends());
        TensorScope scope = engine.openScope();
        InferenceModel opened =
            InferenceModel.open(models, model, checkpointer, tokenizer, engine, compute.type())) {
      context.out().println(ComputeOptions.describe(engine, opened.base().precision()));
      opened
          .generator(checkpointer.adapterCheckpoint())
          .generate(
              opened.tokenizer().prompt(prompt),
              context.dryRun() ? SamplingOptions.greedy(1) : sampling,
              new GenerationListener() {
                @Override
                public void onText(int index, String text) {
                  context.out().print(text);
                }

                @Override
                public boolean cancelled() {
                  return context.stopRequested().getAsBoolean();
                }
              });
      context.out().println();
    }
  }
}

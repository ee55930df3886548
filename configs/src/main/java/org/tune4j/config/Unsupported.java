package org.tune4j.config;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What torchtune's configs name and nothing here is called: components, keys and recipes, each with
 * what it is. Only what the {@link ComponentRegistry} lacks is looked up, so that a line is silent
 * from the day on which a component declares its name.
 */
public final class Unsupported {
  private static final String MODELS = "torchtune.models.";
  private static final String NOT = " is not supported";
  private static final String HEAD =
      "a reward model's builder"
          + NOT
          + "; name the plain one, to which lora_reward_single_device gives a head of one label";

  /** torchtune's packages of models that are not here. */
  private static final Map<String, String> FAMILIES =
      Map.of(
          "llama3_2_vision",
          "Llama 3.2 Vision (image input)" + NOT,
          "llama4",
          "Llama 4 (image input, mixture of experts)" + NOT,
          "clip",
          "CLIP (image input)" + NOT,
          "flux",
          "Flux (image output)" + NOT,
          "t5",
          "T5 (encoder)" + NOT);

  /** Beginnings of components' names; the first that fits tells. */
  private static final Map<String, String> COMPONENTS = new LinkedHashMap<>();

  private static final Map<String, String> KEYS =
      Map.of(
          "adapters",
          "only `tune run`, `tune plan` and `tune validate` take several adapters; leave the section out"
              + " here (~adapters) and take one at a time",
          "collate_fn",
          "image input" + NOT,
          "tensor_parallel_dim",
          "tensor parallelism" + NOT + "; ranks share a model with strategy=fsdp",
          "context_parallel_dim",
          "context parallelism" + NOT,
          "enable_fp8_training",
          "fp8 training" + NOT,
          "quantizer",
          "quantisation" + NOT,
          "early_exit_loss",
          "early exit" + NOT,
          "layer_dropout",
          "layer dropout" + NOT,
          "filter_fn",
          "a Python function" + NOT + "; remove the rows from the data file");

  /** Parts of recipes' names; the first that fits tells. */
  private static final Map<String, String> RECIPES = new LinkedHashMap<>();

  static {
    COMPONENTS.put("torchtune.rlhf.", "reinforcement learning" + NOT);
    COMPONENTS.put("torchtune.dev.", "torchtune's experimental code (torchtune.dev)" + NOT);
    COMPONENTS.put("torchtune.datasets.multimodal.", "image input" + NOT);
    String pairs = "the name" + NOT + "; use preference_dataset";
    COMPONENTS.put("torchtune.datasets.PreferenceDataset", pairs);
    COMPONENTS.put("torchtune.data.ChosenRejectedToMessages", pairs);
    COMPONENTS.put(
        "torchtune.datasets.slimorca_dataset",
        "the name" + NOT + "; use chat_dataset with conversation_style=sharegpt");
    COMPONENTS.put(
        "torchtune.datasets.wikitext_dataset",
        "the name" + NOT + "; use text_completion_dataset with column=page");
    COMPONENTS.put(
        "torchtune.datasets.cnn_dailymail_articles_dataset",
        "the name" + NOT + "; use text_completion_dataset with column=article");
    COMPONENTS.put(
        "torchtune.datasets.PackedDataset", "the name" + NOT + "; use the data set's packed=true");
    COMPONENTS.put(
        "torchtune.data.AlpacaToMessages", "the name" + NOT + "; use alpaca_dataset as data set");
    COMPONENTS.put(
        "torchtune.data.", "the name" + NOT + "; use chat_dataset or instruct_dataset as data set");
    COMPONENTS.put("torchtune.modules.classifier_model", HEAD);
    COMPONENTS.put("torchtune.training.quantization.", "quantisation" + NOT);
    String folder = "; use hf_checkpointer with the model's Hugging Face folder";
    COMPONENTS.put(
        "torchtune.training.FullModelTorchTuneCheckpointer",
        "torchtune's own file format" + NOT + folder);
    COMPONENTS.put(
        "torchtune.training.DistributedCheckpointer", "torchtune's own file format" + NOT + folder);
    COMPONENTS.put(
        "torchtune.training.metric_logging.CometLogger",
        "Comet" + NOT + "; use tensorboard_logger or mlflow_logger");
    String optimizer = "this optimiser" + NOT + "; use adamw_8bit";
    COMPONENTS.put("bitsandbytes.", optimizer);
    COMPONENTS.put("torchao.", optimizer);
    COMPONENTS.put("torchtune.", "this part of torchtune" + NOT);

    RECIPES.put("multi_dataset", "an experimental recipe of torchtune's" + NOT);
    RECIPES.put("ppo", "reinforcement learning" + NOT);
    RECIPES.put("grpo", "reinforcement learning" + NOT);
    RECIPES.put("qat_", "quantisation-aware training" + NOT);
    RECIPES.put("early_exit", "early exit" + NOT);
    RECIPES.put("quantize", "quantisation" + NOT);
  }

  private Unsupported() {}

  /**
   * {@return what a recipe of torchtune's is; empty for any other}
   *
   * @param name as a command has it, not one of those that there are
   */
  public static Optional<String> recipe(String name) {
    return RECIPES.entrySet().stream()
        .filter(e -> name.contains(e.getKey()))
        .map(Map.Entry::getValue)
        .findFirst();
  }

  /** What a key does in torchtune; empty for one that does nothing of its own. */
  static Optional<String> key(String name) {
    return Optional.ofNullable(KEYS.get(name));
  }

  /**
   * What a component of torchtune's world is; empty for any other.
   *
   * @param name that the registry does not have
   */
  static Optional<String> component(String name) {
    return name.startsWith(MODELS)
        ? Optional.of(model(name))
        : COMPONENTS.entrySet().stream()
            .filter(e -> name.startsWith(e.getKey()))
            .map(Map.Entry::getValue)
            .findFirst();
  }

  private static String model(String name) {
    String family = FAMILIES.get(name.replace(MODELS, "").replaceFirst("\\..*", ""));
    if (family != null) {
      return family;
    }
    String last = Torchtune.last(name);
    return last.contains("_classifier") || last.contains("_reward_")
        ? HEAD
        : "a model with sizes of one's own"
            + NOT
            + "; auto_model and lora_auto have those of the checkpoint's config.json";
  }
}

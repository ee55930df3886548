package org.tune4j.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.data.DatasetSpec;
import org.tune4j.models.ModelSpec;
import org.tune4j.tokenizers.TokenizerSpec;

/** Each name of torchtune's is a component's here, or is refused with what it is. */
class TorchtuneNamesTest {
  private static final Path NAMES = Path.of("src/test/resources/torchtune/names.txt");
  private static final ComponentRegistry REGISTRY = ComponentRegistry.installed();

  private static Class<?> kind(String name) {
    return name.matches(".*_(tokenizer|transform)") ? TokenizerSpec.class : ModelSpec.class;
  }

  private static String reason(String name) {
    return Unsupported.component(name).orElse("");
  }

  @Test
  void everyName_isAComponentsOrSaysWhatItIs() throws IOException {
    List<String> names =
        Files.readAllLines(NAMES).stream().filter(line -> !line.startsWith("#")).toList();
    List<String> mute = new ArrayList<>();
    int known = 0;
    for (String name : names) {
      if (REGISTRY.find(name) != null) {
        known++;
      } else if (!reason(name).contains(" is not supported")
          || reason(name).startsWith("this part of torchtune")) {
        mute.add(name);
      }
    }
    assertEquals(List.of(), mute);
    assertEquals(245, names.size());
    assertTrue(known >= 130, "only so many are components: " + known);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "torchtune.models.llama2.llama2_reward_7b|a reward model's builder is not supported; name the plain one, to which lora_reward_single_device gives a head of one label",
        "torchtune.models.llama2.llama2|a model with sizes of one's own is not supported; auto_model and lora_auto have those of the checkpoint's config.json",
        "torchtune.models.llama4.llama4_transform|Llama 4 (image input, mixture of experts) is not supported",
        "torchtune.data.ChosenRejectedToMessages|the name is not supported; use preference_dataset",
        "torchtune.rlhf.loss.PPOLoss|reinforcement learning is not supported",
        "torchtune.training.quantization.Int4WeightOnlyQuantizer|quantisation is not supported",
        "torchtune.datasets.wikitext_dataset|the name is not supported; use text_completion_dataset with column=page",
      })
  void nameThatIsNotHere_saysWhatItIs(String name, String reason) {
    assertEquals(reason, reason(name));
  }

  @Test
  void standIns_areBuiltAndNoted() {
    Map<String, Class<?>> kinds =
        Map.of(
            "torchtune.models.qwen2.qwen2_tokenizer", TokenizerSpec.class,
            "torchtune.models.gemma2.gemma_tokenizer", TokenizerSpec.class);
    kinds.forEach(
        (name, kind) ->
            assertEquals(
                List.of(
                    "c.yaml:1:4: x '%s' is hf_tokenizer here: it reads tokenizer.json and the chat template beside it"
                        .formatted(name)),
                Binder.bindSection(REGISTRY, kind, "x", Config.parse("c.yaml", "x: " + name))
                    .notes()));
    Bound<TokenizerSpec> qwen =
        Binder.bindSection(
            REGISTRY,
            TokenizerSpec.class,
            "x",
            Config.parse(
                "c.yaml",
                "x: {_component_: torchtune.models.qwen2.qwen2_tokenizer, path: /m/vocab.json, merges_file: /m/merges.txt, max_seq_len: 9}"));
    assertEquals(new TokenizerSpec(Path.of("/m/tokenizer.json"), 9), qwen.component());
    Bound<DatasetSpec> rows =
        Binder.bindSection(
            REGISTRY,
            DatasetSpec.class,
            "x",
            Config.parse("c.yaml", "x: torchtune.datasets.alpaca_cleaned_dataset"));
    assertEquals(
        List.of(
            "c.yaml:1:4: source 'yahma/alpaca-cleaned' is a data set of the Hugging Face Hub; fetch it with tune download --repo-type dataset yahma/alpaca-cleaned, and set data_files to its JSON, JSONL, CSV, Parquet or text files"),
        rows.missing());
  }
}

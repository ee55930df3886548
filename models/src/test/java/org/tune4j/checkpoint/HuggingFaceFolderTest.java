package org.tune4j.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.InputException;

/** Folders as published models and the Hub's cache have them. */
class HuggingFaceFolderTest {
  @TempDir Path folder;

  /** The golden model's weights in files of the given names, in their order. */
  private void split(String... names) throws IOException {
    Path golden = Golden.tiny("families/llama2");
    Files.copy(golden.resolve("config.json"), folder.resolve("config.json"));
    List<StoredTensor> all = Golden.stored(SafetensorsFile.open(golden.resolve(ShardPlan.SINGLE)));
    int each = (all.size() + names.length - 1) / names.length;
    for (int i = 0; i < names.length; i++) {
      Path file = folder.resolve(names[i]);
      Files.createDirectories(file.getParent());
      SafetensorsWriter.write(file, all.subList(i * each, Math.min(all.size(), (i + 1) * each)));
    }
  }

  private void index(Map<String, String> places) throws IOException {
    Files.writeString(
        folder.resolve(ShardPlan.INDEX),
        JsonFields.MAPPER.writeValueAsString(Map.of("weight_map", places)));
  }

  private static String refusal(Path path) {
    return assertThrows(InputException.class, () -> HuggingFaceFolder.open(path)).getMessage();
  }

  @Test
  void open_shardsInSubfolder_givesThem() throws IOException {
    split("weights/a.safetensors", "weights/b.safetensors");
    Map<String, String> places = new HashMap<>();
    for (String name : List.of("weights/a.safetensors", "weights/b.safetensors")) {
      SafetensorsFile.open(folder.resolve(name))
          .entries()
          .keySet()
          .forEach(tensor -> places.put(tensor, name));
    }
    index(places);
    HuggingFaceFolder model = HuggingFaceFolder.open(folder);
    assertEquals(30, model.weights().size());
    assertEquals(
        folder.resolve("weights/a.safetensors"), model.weights().get("lm_head.weight").file());
  }

  @Test
  void open_shardsWithoutIndex_needsAllOfThem() throws IOException {
    split("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors");
    assertEquals(30, HuggingFaceFolder.open(folder).weights().size());
    Path second = folder.resolve("model-00002-of-00002.safetensors");
    Path third = Files.copy(second, folder.resolve("model-00003-of-00003.safetensors"));
    assertEquals(
        "the checkpoint folder "
            + folder
            + " has shards of several checkpoints and no model.safetensors.index.json; download"
            + " it, or list the files to load in checkpointer.checkpoint_files",
        refusal(folder));
    Files.delete(third);
    Files.delete(second);
    assertEquals(
        "the checkpoint folder "
            + folder
            + " has shards and no model.safetensors.index.json, and of the shards"
            + " model-00002-of-00002.safetensors is missing; download both",
        refusal(folder));
  }

  @Test
  void open_listedFiles_areAllThatIsRead() throws IOException {
    split("a.safetensors", "b.safetensors");
    Path a = Path.of("a.safetensors");
    Path b = folder.resolve("b.safetensors");
    assertEquals(30, HuggingFaceFolder.open(folder, List.of(b, a)).weights().size());
    assertEquals(15, HuggingFaceFolder.open(folder, List.of(a)).weights().size());
    Path copy = Files.copy(b, folder.resolve("c.safetensors"));
    assertEquals(
        "tensor 'model.layers.1.post_attention_layernorm.weight' is both in %s and in %s; give files that do not overlap"
            .formatted(b, copy),
        refusal(List.of(a, b, copy)));
    assertEquals(
        "checkpointer.checkpoint_files lists %s, which does not exist; list the files of %s, or leave the key out to load what the folder holds"
            .formatted(folder.resolve("x.safetensors"), folder),
        refusal(List.of(Path.of("x.safetensors"))));
    assertEquals(
        "the checkpoint folder "
            + folder
            + " has no weights: expected model.safetensors or model.safetensors.index.json, found"
            + " 'a.safetensors', 'b.safetensors', 'c.safetensors'; list the files to load in"
            + " checkpointer.checkpoint_files",
        refusal(folder));
  }

  private String refusal(List<Path> files) {
    return assertThrows(InputException.class, () -> HuggingFaceFolder.open(folder, files))
        .getMessage();
  }

  /** Published files have keys and values that transformers does not read. */
  @Test
  void open_keysOfLayersThatShareThem_areNoWeights() throws IOException {
    String layers = "model.language_model.layers.";
    List<String> names =
        List.of(
            layers + "0.self_attn.k_proj.weight",
            layers + "1.self_attn.k_norm.weight",
            layers + "1.self_attn.v_proj.weight",
            layers + "1.self_attn.q_proj.weight");
    SafetensorsWriter.write(
        folder.resolve(ShardPlan.SINGLE), names.stream().map(n -> zero(n, 1L)).toList());
    Files.writeString(
        folder.resolve("config.json"),
        "{\"text_config\":{\"num_hidden_layers\":2,\"num_kv_shared_layers\":1}}");
    assertEquals(
        Set.of(names.get(0), names.get(3)), HuggingFaceFolder.open(folder).weights().keySet());
  }

  @Test
  void open_imageModel_givesTheTextModelsWeightsByTheirModules() throws IOException {
    List<String> names =
        List.of(
            "language_model.lm_head.weight",
            "language_model.model.norm.weight",
            "model.language_model.embed_tokens.weight",
            "vision_tower.embeddings.position_ids",
            "model.visual.pos_embed.weight");
    SafetensorsWriter.write(
        folder.resolve(ShardPlan.SINGLE), names.stream().map(n -> zero(n, 1L)).toList());
    Path config = folder.resolve("config.json");
    Files.writeString(config, "{\"model_type\":\"mistral3\",\"text_config\":{}}");
    HuggingFaceFolder model = HuggingFaceFolder.open(folder);
    assertEquals(
        Set.of(
            "lm_head.weight",
            "model.language_model.norm.weight",
            "model.language_model.embed_tokens.weight"),
        model.weights().keySet());
    assertEquals(
        names.subList(3, 5),
        model.others().stream()
            .map(w -> w.entry().name())
            .sorted(Comparator.reverseOrder())
            .toList());
    assertEquals(names.get(1), model.storedName("model.language_model.norm.weight"));
    Files.writeString(
        config, "{\"tie_word_embeddings\":true,\"text_config\":{\"tie_word_embeddings\":false}}");
    assertEquals(
        config
            + ": tie_word_embeddings is true, expected false, as in text_config: the checkpoint"
            + " has an lm_head.weight",
        refusal(folder));
  }

  @Test
  void open_tensorsThatTheModelComputes_areNoWeights() throws IOException {
    List<String> buffers =
        List.of(
            "model.layers.0.self_attn.rotary_emb.inv_freq",
            "model.rotary_emb.inv_freq",
            "model.layers.1.self_attn.rotary_emb.cos_cached",
            "model.layers.1.self_attn.rotary_emb.sin_cached",
            "model.layers.2.self_attn.masked_bias",
            "lm_head.weight");
    String weight = "model.embed_tokens.weight";
    String mask = "model.layers.0.self_attn.bias";
    String bias = "model.layers.1.self_attn.bias";
    String qBias = "model.layers.1.self_attn.q_proj.bias";
    List<StoredTensor> all = new ArrayList<>();
    buffers.forEach(name -> all.add(zero(name, 1L)));
    all.add(zero(mask, 1L, 1L, 1L, 1L));
    List.of(bias, qBias, weight).forEach(name -> all.add(zero(name, 1L)));
    SafetensorsWriter.write(folder.resolve("model-00001-of-00001.safetensors"), all);
    Files.writeString(
        folder.resolve("config.json"), "{\"model_type\":\"llama\",\"tie_word_embeddings\":true}");
    assertEquals(Set.of(bias, qBias, weight), HuggingFaceFolder.open(folder).weights().keySet());

    // An index may leave them out, and name them where they are not.
    String file = "model-00001-of-00001.safetensors";
    Map<String, String> index = new HashMap<>();
    List.of(bias, qBias, weight, "lm_head.weight").forEach(name -> index.put(name, file));
    index.put("model.layers.9.self_attn.rotary_emb.inv_freq", file);
    index(index);
    assertEquals(Set.of(bias, qBias, weight), HuggingFaceFolder.open(folder).weights().keySet());

    Files.writeString(folder.resolve("config.json"), "{\"model_type\":\"llama\"}");
    assertTrue(HuggingFaceFolder.open(folder).weights().containsKey("lm_head.weight"));
  }

  private static StoredTensor zero(String name, Long... shape) {
    return new StoredTensor(
        name, SafetensorsType.F32, List.of(shape), out -> out.write(ByteBuffer.allocate(4)));
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "links need a right on Windows")
  void copySideFiles_linksOutOfTheFolder_areLeftOut() throws IOException {
    Path cache = Files.createDirectories(folder.resolve("models--a--b"));
    Path model = Files.createDirectories(cache.resolve("snapshots/0123"));
    Path blobs = Files.createDirectory(cache.resolve("blobs"));
    Files.copy(Golden.tiny("families/llama2/model.safetensors"), model.resolve(ShardPlan.SINGLE));
    Files.copy(Golden.tiny("families/llama2/config.json"), blobs.resolve("c"));
    Path secret = Files.writeString(folder.resolve("secret"), "secret");
    Files.writeString(model.resolve("tokenizer.json"), "{}");
    for (String[] link :
        new String[][] {
          {"config.json", "../../blobs/c"},
          {"tokenizer_config.json", "tokenizer.json"},
          {"generation_config.json", "../../../secret"},
          {"vocab.json", secret.toString()},
          {"merges.txt", "../../blobs/secret"},
          {"tokenizer.none", "../../none"}
        }) {
      Files.createSymbolicLink(model.resolve(link[0]), Path.of(link[1]));
    }
    Files.createSymbolicLink(blobs.resolve("secret"), secret);
    HuggingFaceFolder opened = HuggingFaceFolder.open(model);
    Path target = Files.createDirectory(folder.resolve("out"));
    opened.copySideFiles(target);
    assertEquals(
        List.of("config.json", "tokenizer.json", "tokenizer_config.json"), Golden.names(target));
    assertEquals(
        List.of("generation_config.json", "merges.txt", "vocab.json"),
        opened.foreignFiles().stream().map(f -> f.getFileName().toString()).toList());
    Files.move(cache.resolve("snapshots"), cache.resolve("other"));
    assertEquals(
        "config.json",
        String.valueOf(
            HuggingFaceFolder.open(cache.resolve("other/0123"))
                .foreignFiles()
                .get(0)
                .getFileName()));
  }
}

package org.tune4j.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.InputException;
import org.tune4j.UsageException;

class ShardTest {
  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "5GB, 5000000000",
    "200MB, 200000000",
    "1.5 GiB, 1610612736",
    "10kb, 10000",
    "77, 77",
    "3B, 3"
  })
  void parse_size_givesBytes(String text, long bytes) {
    assertEquals(bytes, ShardSize.parse(text).bytes());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "GB", "5 parsecs", "-1GB", "99999999999TB"})
  void parse_otherText_isRefused(String text) {
    assertEquals(
        "max_shard_size is '" + text + "', expected a size such as 5GB or 200MB",
        assertThrows(UsageException.class, () -> ShardSize.parse(text)).getMessage());
  }

  @Test
  void parse_zero_isRefused() {
    assertEquals(
        "max_shard_size is 0 bytes, expected at least 1",
        assertThrows(UsageException.class, () -> ShardSize.parse("0GB")).getMessage());
  }

  @Test
  void write_oneShard_hasNoIndex() throws IOException {
    ShardPlan.of(golden(), ShardSize.DEFAULT).write(folder);
    assertEquals(List.of("model.safetensors"), Golden.names(folder));
  }

  @Test
  void write_severalShards_readBackTheSame() throws IOException {
    writeShards();
    assertEquals(
        List.of(
            "model-00001-of-00005.safetensors",
            "model-00002-of-00005.safetensors",
            "model-00003-of-00005.safetensors",
            "model-00004-of-00005.safetensors",
            "model-00005-of-00005.safetensors",
            "model.safetensors.index.json"),
        Golden.names(folder));
    String index = Files.readString(folder.resolve("model.safetensors.index.json"));
    assertEquals(
        """
        {
          "metadata": {
            "total_size": 767744
          },
          "weight_map": {
            "lm_head.weight": "model-00001-of-00005.safetensors",
        """,
        index.substring(0, index.indexOf("    \"model.embed")));
    SafetensorsFile whole = SafetensorsFile.open(Golden.tiny("families/llama2/model.safetensors"));
    int tensors = 0;
    for (WeightsFile shard : ShardIndex.read(index()).openShards()) {
      for (SafetensorsFile.Entry entry : shard.entries().values()) {
        assertArrayEquals(
            Golden.bytes(whole.path(), whole.entry(entry.name())),
            Golden.bytes(shard.path(), entry));
        tensors++;
      }
    }
    assertEquals(30, tensors);
  }

  @Test
  void of_tensorLargerThanAShard_getsItsOwn() {
    ShardPlan plan = ShardPlan.of(golden(), new ShardSize(1));
    assertEquals(30, plan.shards().size());
    assertEquals("model-00030-of-00030.safetensors", plan.shards().get(29).fileName());
  }

  @Test
  void of_noTensorsOrTwice_isRefused() {
    assertEquals(
        "a checkpoint without tensors cannot be written",
        assertThrows(UsageException.class, () -> ShardPlan.of(List.of(), ShardSize.DEFAULT))
            .getMessage());
    StoredTensor one = golden().get(0);
    assertEquals(
        "tensor 'lm_head.weight' is given twice",
        assertThrows(UsageException.class, () -> ShardPlan.of(List.of(one, one), new ShardSize(1)))
            .getMessage());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../x.safetensors",
        "/etc/passwd",
        "a/../../b",
        "a//b",
        "..",
        "",
        "a\\\\b",
        "a\\u0000"
      })
  void read_shardOutsideTheFolder_isRefused(String shard) throws IOException {
    Files.writeString(index(), "{\"weight_map\":{\"a\":\"" + shard + "\"}}");
    String shown = shard.replace("\\\\", "\\");
    assertEquals(
        index()
            + ": weight_map places tensor 'a' in '"
            + shown
            + "', expected a file in the index's folder; download the checkpoint again",
        refusal());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {} | : weight_map is missing, expected an object
          {"weight_map":[]} | : weight_map is [], expected an object
          {"weight_map":{}} | : weight_map is empty; download the checkpoint again
          {"weight_map":{"a":1}} | : weight_map.a is 1, expected a string
          {"weight_map":{"a":null}} | : weight_map.a is missing, expected a string
          [] | ' contains no JSON object; download the file again'
          {"weight_map":{"a":"b","a":"b"}} | ' is not valid JSON (line 1, column 27: Duplicate field 'a'); download the file again'
          {"weight_map":{"a":"b"}} x | ' is not valid JSON (line 1, column 27: Unrecognized token 'x': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')); download the file again'
          """)
  void read_brokenIndex_saysWhere(String json, String rule) throws IOException {
    Files.writeString(index(), json);
    String expected = rule.startsWith("'") ? rule.substring(1, rule.length() - 1) : rule;
    assertEquals(index() + expected, refusal());
  }

  @Test
  void openShards_missingShard_namesIt() throws IOException {
    writeShards();
    Files.delete(folder.resolve("model-00002-of-00005.safetensors"));
    assertEquals(
        index()
            + " names 'model-00002-of-00005.safetensors', which is not in the folder; download the"
            + " missing shards",
        refusal());
    Files.delete(folder.resolve("model-00003-of-00005.safetensors"));
    assertEquals(
        index()
            + " names 'model-00002-of-00005.safetensors', 'model-00003-of-00005.safetensors', which"
            + " are not in the folder; download the missing shards",
        refusal());
  }

  @Test
  void openShards_indexAndShardDisagree_saysWhichTensor() throws IOException {
    writeShards();
    String first = "model-00001-of-00005.safetensors";
    String index = Files.readString(index());
    Files.writeString(index(), index.replace("\"lm_head.weight\"", "\"head\""));
    assertEquals(
        index()
            + " places tensor 'head' in "
            + first
            + ", which does not hold it; download the checkpoint again",
        refusal());
    Files.writeString(index(), index.replace("\"lm_head.weight\": \"" + first + "\",", ""));
    assertEquals(
        folder.resolve(first)
            + " holds tensor 'lm_head.weight', which model.safetensors.index.json does not name;"
            + " download the checkpoint again",
        refusal());
    Files.writeString(
        index(),
        index.replace(
            "\"lm_head.weight\": \"" + first,
            "\"lm_head.weight\": \"model-00004-of-00005.safetensors"));
    assertEquals(
        folder.resolve(first)
            + " holds tensor 'lm_head.weight', which model.safetensors.index.json places in"
            + " model-00004-of-00005.safetensors; download the checkpoint again",
        refusal());
  }

  @Test
  void weightMap_cannotBeChanged() {
    ShardIndex index = new ShardIndex(index(), Map.of("a", "b"));
    assertThrows(UnsupportedOperationException.class, () -> index.weightMap().clear());
  }

  private void writeShards() {
    ShardPlan.of(golden(), ShardSize.parse("200KB")).write(folder);
  }

  private String refusal() {
    return assertThrows(InputException.class, () -> ShardIndex.read(index()).openShards())
        .getMessage();
  }

  private Path index() {
    return folder.resolve("model.safetensors.index.json");
  }

  private static List<StoredTensor> golden() {
    return Golden.stored(SafetensorsFile.open(Golden.tiny("families/llama2/model.safetensors")));
  }
}

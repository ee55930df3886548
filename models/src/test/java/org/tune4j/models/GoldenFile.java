package org.tune4j.models;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.StreamSupport;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/** A safetensors file among the test resources under {@code golden}; fp32 and int64 alone. */
public final class GoldenFile {
  private final ByteBuffer data;
  private final Map<String, JsonNode> entries = new LinkedHashMap<>();

  /** One under {@code golden/tiny}. */
  public GoldenFile(String path) {
    this("tiny", path);
  }

  /** One under a folder of {@code golden}. */
  public GoldenFile(String folder, String path) {
    try (InputStream in = GoldenFile.class.getResourceAsStream("/golden/" + folder + "/" + path)) {
      ByteBuffer all = ByteBuffer.wrap(in.readAllBytes()).order(ByteOrder.LITTLE_ENDIAN);
      int header = Math.toIntExact(all.getLong());
      JsonNode json = new ObjectMapper().readTree(all.array(), 8, header);
      json.properties().forEach(e -> entries.put(e.getKey(), e.getValue()));
      entries.remove("__metadata__");
      data = all.position(8 + header).slice();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The tensors by name, owned by the innermost scope; PEFT's prefix is taken off. */
  public Map<String, Tensor> tensors(Engine engine) {
    Map<String, Tensor> all = new LinkedHashMap<>();
    entries.forEach(
        (name, e) -> {
          JsonNode at = e.get("data_offsets");
          ByteBuffer bytes = ByteBuffer.allocateDirect(at.get(1).asInt() - at.get(0).asInt());
          bytes.put(data.duplicate().position(at.get(0).asInt()).limit(at.get(1).asInt())).flip();
          DType dtype = e.get("dtype").asText().equals("I64") ? DType.INT64 : DType.FP32;
          all.put(
              name.replace("base_model.model.", ""),
              engine.tensor(bytes, dtype, Shape.of(longs(e.get("shape")))));
        });
    return all;
  }

  private static long[] longs(JsonNode list) {
    return StreamSupport.stream(list.spliterator(), false).mapToLong(JsonNode::asLong).toArray();
  }
}

package org.tune4j.serve;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.util.Objects;

/** The interface's description, {@code openapi.json}, with this server's names and limits. */
final class OpenApi {
  private OpenApi() {}

  static ObjectNode of(ServedModels models, ServerLimits limits, boolean needsKey) {
    ObjectNode all;
    try (InputStream in =
        Objects.requireNonNull(OpenApi.class.getResourceAsStream("openapi.json"))) {
      all = (ObjectNode) new ObjectMapper().readTree(in);
    } catch (IOException e) {
      throw new IllegalStateException("openapi.json cannot be read", e);
    }
    ObjectNode schemas = (ObjectNode) all.at("/components/schemas");
    ArrayNode names = ((ObjectNode) schemas.get("ModelName")).putArray("enum");
    models.names().forEach(names::add);
    put(schemas, "TokenId", models.vocabSize() - 1);
    put(schemas, "NewTokens", limits.newTokens());
    put(schemas, "Choices", limits.choices());
    for (String list : new String[] {"Prompts", "TokenPrompts"}) {
      ((ObjectNode) schemas.get(list)).put("maxItems", limits.choices());
    }
    ((ObjectNode) schemas.get("TokenPrompt")).put("maxItems", models.maxSeqLen() - 1);
    if (!needsKey) {
      all.remove("security");
    }
    return all;
  }

  private static void put(ObjectNode schemas, String name, int maximum) {
    ((ObjectNode) schemas.get(name)).put("maximum", maximum);
  }
}

package org.tune4j.hub;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** The side of a {@link StandInHub} that takes files. */
final class StandInUploads {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** What large files are known by. */
  final Map<String, byte[]> objects = new ConcurrentHashMap<>();

  private final Map<String, byte[]> parts = new ConcurrentHashMap<>();

  /** What came as a commit, line by line. */
  final List<JsonNode> committed = new CopyOnWriteArrayList<>();

  /** The repositories that were made. */
  final List<JsonNode> made = new CopyOnWriteArrayList<>();

  /** Bytes of a part; 0 for a file as a whole. */
  volatile int chunk;

  /** How many large files' first transfers break. */
  volatile int failures;

  private final String cdn;

  StandInUploads(String cdn) {
    this.cdn = cdn;
  }

  /** Answers if this is a request that writes. */
  boolean answers(HttpExchange exchange, String path, Map<String, byte[]> files)
      throws IOException {
    if (!exchange.getRequestMethod().equals("POST")) {
      return false;
    }
    String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
    if (path.equals("/api/repos/create")) {
      made.add(JSON.readTree(body));
      answer(exchange, "{}");
    } else if (path.contains("/preupload/")) {
      answer(exchange, modes(JSON.readTree(body)));
    } else if (path.endsWith("/objects/batch")) {
      answer(exchange, batch(JSON.readTree(body)));
    } else if (path.startsWith("/complete/")) {
      complete(path.substring("/complete/".length()), JSON.readTree(body));
      answer(exchange, "");
    } else if (path.startsWith("/verify/")) {
      boolean there = objects.containsKey(JSON.readTree(body).get("oid").asText());
      exchange.sendResponseHeaders(there ? 200 : 404, -1);
    } else if (path.contains("/commit/")) {
      commit(body, files);
      answer(exchange, "{\"commitUrl\": \"https://hub.example/commit/1\"}");
    } else {
      exchange.sendResponseHeaders(404, -1);
    }
    return true;
  }

  private static void answer(HttpExchange exchange, String json) throws IOException {
    byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(200, bytes.length == 0 ? -1 : bytes.length);
    exchange.getResponseBody().write(bytes);
  }

  private static String modes(JsonNode asked) {
    ObjectNode answer = JSON.createObjectNode();
    for (JsonNode file : asked.get("files")) {
      String path = file.get("path").asText();
      answer
          .withArray("files")
          .addObject()
          .put("path", path)
          .put("uploadMode", path.endsWith(".safetensors") ? "lfs" : "regular")
          .put("shouldIgnore", path.endsWith(".log"));
    }
    return answer.toString();
  }

  private String batch(JsonNode asked) {
    ObjectNode answer = JSON.createObjectNode();
    for (JsonNode object : asked.get("objects")) {
      String oid = object.get("oid").asText();
      ObjectNode one = answer.withArray("objects").addObject().put("oid", oid);
      one.put("size", object.get("size").asLong());
      if (objects.containsKey(oid)) {
        continue; // nothing to do
      }
      ObjectNode actions = one.putObject("actions");
      ObjectNode upload = actions.putObject("upload");
      upload.put("href", chunk == 0 ? cdn + "/" + oid : "/complete/" + oid);
      actions.putObject("verify").put("href", "/verify/" + oid);
      ObjectNode header = upload.putObject("header");
      for (int i = 0; chunk > 0 && (long) i * chunk < object.get("size").asLong(); i++) {
        header.put("chunk_size", Integer.toString(chunk));
        header.put(Integer.toString(i + 1), "%s/%s/%d".formatted(cdn, oid, i + 1));
      }
    }
    return answer.toString();
  }

  /** Takes the bytes of a large file or of a part of it. */
  void put(HttpExchange exchange) throws IOException {
    byte[] body = exchange.getRequestBody().readAllBytes();
    if (failures > 0) {
      failures--;
      exchange.sendResponseHeaders(503, -1);
      return;
    }
    String name = exchange.getRequestURI().getPath().substring(1);
    (name.contains("/") ? parts : objects).put(name, body);
    exchange.getResponseHeaders().set("ETag", "\"" + body.length + "\"");
    exchange.sendResponseHeaders(200, -1);
  }

  private void complete(String oid, JsonNode body) {
    byte[] all = new byte[0];
    for (JsonNode part : body.get("parts")) {
      byte[] some = parts.get(oid + "/" + part.get("partNumber").asInt());
      if (!part.get("etag").asText().equals("\"" + some.length + "\"")) {
        throw new AssertionError(part + " has another ETag than was given");
      }
      int had = all.length;
      all = Arrays.copyOf(all, had + some.length);
      System.arraycopy(some, 0, all, had, some.length);
    }
    objects.put(oid, all);
  }

  private void commit(String lines, Map<String, byte[]> files) throws IOException {
    Map<String, byte[]> sent = new TreeMap<>();
    for (String line : lines.split("\n")) {
      JsonNode json = JSON.readTree(line);
      committed.add(json);
      JsonNode value = json.get("value");
      if (json.get("key").asText().equals("file")) {
        sent.put(
            value.get("path").asText(), Base64.getDecoder().decode(value.get("content").asText()));
      } else if (json.get("key").asText().equals("lfsFile")) {
        byte[] content = objects.get(value.get("oid").asText());
        if (!sha256(content).equals(value.get("oid").asText())) {
          throw new AssertionError(value + " is another content");
        }
        sent.put(value.get("path").asText(), content);
      }
    }
    files.putAll(sent);
  }

  private static String sha256(byte[] content) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
    } catch (GeneralSecurityException e) {
      throw new AssertionError(e);
    }
  }
}

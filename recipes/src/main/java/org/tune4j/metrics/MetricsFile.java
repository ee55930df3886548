package org.tune4j.metrics;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.tune4j.EnvironmentException;
import org.tune4j.TuneException;
import org.tune4j.tensor.DType;

/**
 * Appends one JSON object a step to {@code metrics.jsonl}, line by line, so that others can follow
 * a run.
 */
public final class MetricsFile implements AutoCloseable {
  private static final String COMPUTE = "compute";

  /** What every step may have; other keys are the objective's or of tasks. */
  private static final Set<String> KEYS =
      Set.of(
          "step",
          "epoch",
          "loss",
          "lr",
          "grad_norm",
          "label_tokens",
          "tokens",
          "seconds",
          "tokens_per_second",
          "rss_mb",
          "val_loss",
          "comm_seconds",
          COMPUTE);

  private final Path file;
  private final FileChannel out;
  private final DType compute;
  private final JsonFactory json = new JsonFactory();

  private MetricsFile(Path file, FileChannel out, DType compute) {
    this.file = file;
    this.out = out;
    this.compute = compute;
  }

  /**
   * Opens {@code dir/metrics.jsonl} behind the lines of a run's first steps; what follows them, a
   * killed run's later steps or half a line, is cut off.
   *
   * @param dir made where there is none
   * @param steps how many steps the run has made: 0 starts in place of an earlier run's file
   * @param compute what the steps are computed in from here on
   * @return open; the caller closes it
   * @throws EnvironmentException when the file cannot be written
   */
  public static MetricsFile open(Path dir, long steps, DType compute) {
    Path file = dir.resolve("metrics.jsonl");
    try {
      Files.createDirectories(dir);
      long kept = steps == 0 || !Files.exists(file) ? 0 : lengthOf(file, steps);
      FileChannel out = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      out.truncate(kept).position(kept);
      return new MetricsFile(file, out, compute);
    } catch (IOException e) {
      throw new EnvironmentException(
          "%s cannot be written: %s; choose another output_dir"
              .formatted(file, TuneException.reason(e)),
          e);
    }
  }

  /** Bytes of the whole lines up to a step. */
  private static long lengthOf(Path file, long steps) throws IOException {
    byte[] all = Files.readAllBytes(file);
    int kept = 0;
    for (int i = 0; i < all.length; i++) {
      if (all[i] == '\n') {
        if (stepOf(Arrays.copyOfRange(all, kept, i)) > steps) {
          return kept;
        }
        kept = i + 1;
      }
    }
    return kept;
  }

  private static long stepOf(byte[] line) {
    try (JsonParser in = new JsonFactory().createParser(line)) {
      while (in.nextToken() != null) {
        if (in.currentToken() == JsonToken.FIELD_NAME && in.currentName().equals("step")) {
          in.nextToken();
          return in.getValueAsLong(Long.MAX_VALUE);
        }
      }
      return Long.MAX_VALUE;
    } catch (IOException e) {
      return Long.MAX_VALUE; // not a whole line: it goes with all behind it
    }
  }

  /**
   * {@return the metrics of a run's first steps, as far as {@code dir} has them}
   *
   * @param dir may lack the file
   * @param steps the last step that is wanted
   * @throws EnvironmentException when the file cannot be read
   */
  public static List<StepMetrics> read(Path dir, long steps) {
    Path file = dir.resolve("metrics.jsonl");
    List<StepMetrics> all = new ArrayList<>();
    if (steps == 0 || !Files.exists(file)) {
      return all;
    }
    try {
      byte[] lines = Files.readAllBytes(file);
      int length = (int) lengthOf(file, steps);
      try (MappingIterator<JsonNode> in =
          new ObjectMapper().readerFor(JsonNode.class).readValues(lines, 0, length)) {
        while (in.hasNextValue()) {
          all.add(of(in.nextValue()));
        }
      }
      return all;
    } catch (IOException e) {
      throw new EnvironmentException("%s cannot be read: %s".formatted(file, e), e);
    }
  }

  private static StepMetrics of(JsonNode line) {
    return new StepMetrics(
        line.path("step").asLong(),
        line.path("epoch").asInt(),
        line.path("loss").asDouble(),
        line.path("lr").asDouble(),
        line.path("grad_norm").asDouble(),
        line.path("label_tokens").asLong(),
        line.path("tokens").asLong(),
        line.path("seconds").asDouble(),
        line.path("rss_mb").asLong(),
        line.has("val_loss") ? line.get("val_loss").asDouble() : null,
        scores(line),
        line.has("comm_seconds") ? onRanks(line) : null,
        objective(line));
  }

  private static StepMetrics.RankMetrics onRanks(JsonNode line) {
    List<Long> sizes = new ArrayList<>();
    for (String key = "rss_mb_rank_0"; line.has(key); key = "rss_mb_rank_" + sizes.size()) {
      sizes.add(line.get(key).asLong());
    }
    return new StepMetrics.RankMetrics(line.get("comm_seconds").asDouble(), sizes);
  }

  private static Map<String, Double> scores(JsonNode line) {
    Map<String, Double> scores = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> field : line.properties()) {
      if (field.getKey().startsWith("eval_")) {
        scores.put(field.getKey(), field.getValue().asDouble());
      }
    }
    return scores;
  }

  private static Map<String, Double> objective(JsonNode line) {
    Map<String, Double> values = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> field : line.properties()) {
      String key = field.getKey();
      if (!KEYS.contains(key) && !key.startsWith("eval_") && !key.startsWith("rss_mb_rank_")) {
        values.put(key, field.getValue().asDouble());
      }
    }
    return values;
  }

  /**
   * Appends a line, with the operating system once this returns.
   *
   * @param m of a step after those in the file
   * @throws EnvironmentException when it cannot be written
   */
  public void append(StepMetrics m) {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    try (JsonGenerator g = json.createGenerator(line)) {
      g.writeStartObject();
      g.writeNumberField("step", m.step());
      for (Map.Entry<String, Number> value : m.values().entrySet()) {
        g.writeObjectField(value.getKey(), value.getValue());
      }
      g.writeStringField(COMPUTE, compute.toString());
      g.writeEndObject();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    line.writeBytes("\n".getBytes(StandardCharsets.UTF_8));
    try {
      ByteBuffer bytes = ByteBuffer.wrap(line.toByteArray());
      while (bytes.hasRemaining()) {
        out.write(bytes);
      }
    } catch (IOException e) {
      throw new EnvironmentException(
          "%s cannot be appended to: %s; free some space and run again with --resume"
              .formatted(file, TuneException.reason(e)),
          e);
    }
  }

  @Override
  public void close() {
    try {
      out.close();
    } catch (IOException e) {
      throw new EnvironmentException(
          "%s cannot be closed: %s".formatted(file, TuneException.reason(e)), e);
    }
  }
}

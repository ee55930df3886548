package org.tune4j.metrics;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.StringWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.tune4j.EnvironmentException;

/**
 * Appends one JSON object a step to {@code metrics.jsonl}, flushed line by line so that others can
 * follow a run.
 */
public final class MetricsFile implements AutoCloseable {
  private final Path file;
  private final Writer out;
  private final JsonFactory json = new JsonFactory();

  private MetricsFile(Path file, Writer out) {
    this.file = file;
    this.out = out;
  }

  /**
   * Starts a new file at {@code dir/metrics.jsonl}, in place of an earlier run's.
   *
   * @throws EnvironmentException when the folder cannot be written
   */
  public static MetricsFile create(Path dir) {
    Path file = dir.resolve("metrics.jsonl");
    try {
      Files.createDirectories(dir);
      return new MetricsFile(
          file,
          Files.newBufferedWriter(
              file,
              StandardCharsets.UTF_8,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING));
    } catch (IOException e) {
      throw new EnvironmentException(
          "%s cannot be written: %s; choose another output_dir".formatted(file, e), e);
    }
  }

  /** Appends a line. */
  public void append(StepMetrics m) {
    StringWriter line = new StringWriter();
    try (JsonGenerator g = json.createGenerator(line)) {
      g.writeStartObject();
      g.writeNumberField("step", m.step());
      g.writeNumberField("epoch", m.epoch());
      g.writeNumberField("loss", m.loss());
      g.writeNumberField("lr", m.lr());
      g.writeNumberField("grad_norm", m.gradNorm());
      g.writeNumberField("label_tokens", m.labelTokens());
      g.writeNumberField("tokens", m.tokens());
      g.writeNumberField("seconds", m.seconds());
      g.writeNumberField("tokens_per_second", m.tokensPerSecond());
      g.writeNumberField("rss_mb", m.rssMb());
      g.writeEndObject();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    try {
      out.write(line.append("\n").toString());
      out.flush();
    } catch (IOException e) {
      throw new EnvironmentException(
          "%s cannot be appended to: %s; free some space and run again".formatted(file, e), e);
    }
  }

  @Override
  public void close() {
    try {
      out.close();
    } catch (IOException e) {
      throw new EnvironmentException("%s cannot be closed: %s".formatted(file, e), e);
    }
  }
}

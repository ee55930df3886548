package com.example.embeddingnorm;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.tune4j.component.Component;
import org.tune4j.component.Doc;
import org.tune4j.metrics.LoggedRun;
import org.tune4j.metrics.MetricLogger;
import org.tune4j.metrics.StepMetrics;

/** Writes step and loss as CSV. */
public final class EmbeddingNormTable implements MetricLogger.Spec {
  private final Path file;

  @Component("embedding_norm_table")
  public EmbeddingNormTable(@Doc("the table's file; an earlier one is replaced") Path file) {
    this.file = file;
  }

  @Override
  public String name() {
    return "embedding_norm_table";
  }

  @Override
  public MetricLogger open(LoggedRun run) throws IOException {
    Files.writeString(file, "step,loss\n");
    for (StepMetrics earlier : run.earlier()) {
      append(earlier);
    }
    return new MetricLogger() {
      @Override
      public void log(StepMetrics metrics) throws IOException {
        append(metrics);
      }

      @Override
      public void close(Outcome outcome) {}
    };
  }

  private void append(StepMetrics metrics) throws IOException {
    Files.writeString(
        file, metrics.step() + "," + metrics.loss() + "\n", StandardOpenOption.APPEND);
  }
}

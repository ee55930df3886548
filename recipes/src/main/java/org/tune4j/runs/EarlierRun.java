package org.tune4j.runs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.tune4j.EnvironmentException;
import org.tune4j.InputException;
import org.tune4j.TuneException;
import org.tune4j.UsageException;
import org.tune4j.checkpoint.AtomicFolder;

/**
 * What an earlier run has left in its folders: models and adapters, checkpoints, and the metrics of
 * at least one step. A run that failed before its first step has left nothing.
 *
 * @param outputDir the run's folder; may be missing
 * @param modelsDir the folder of {@code epoch_N} and {@code best}; may be the same, or missing
 */
record EarlierRun(Path outputDir, Path modelsDir) {
  private static final Pattern MODEL = Pattern.compile("epoch_\\d+|best");

  /** {@return the folders of models and adapters, sorted} */
  List<Path> models() {
    if (!Files.isDirectory(modelsDir)) {
      return List.of();
    }
    try (Stream<Path> paths = Files.list(modelsDir)) {
      return paths
          .filter(p -> MODEL.matcher(String.valueOf(p.getFileName())).matches())
          .filter(p -> Files.isDirectory(p, LinkOption.NOFOLLOW_LINKS))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new InputException(
          "%s cannot be read: %s".formatted(modelsDir, TuneException.reason(e)), e);
    }
  }

  private Path metrics() {
    return outputDir.resolve("logs").resolve("metrics.jsonl");
  }

  private List<Path> results() {
    List<Path> all = new ArrayList<>(models());
    if (RunCheckpoints.areIn(outputDir)) {
      all.add(outputDir.resolve(RunCheckpoints.FOLDER));
    }
    if (metrics().toFile().length() > 0) {
      all.add(metrics());
    }
    return all;
  }

  /**
   * Refuses to replace results.
   *
   * @throws UsageException when there are any; names them and the ways out
   */
  void requireNone() {
    List<Path> all = results();
    if (!all.isEmpty()) {
      throw new UsageException(
          "output_dir %s holds an earlier run's results (%s); continue that run with --resume (resume_from_checkpoint=true), delete its results with --overwrite (overwrite=true), or choose another output_dir"
              .formatted(
                  outputDir,
                  all.stream()
                      .map(p -> (p.startsWith(outputDir) ? outputDir.relativize(p) : p).toString())
                      .collect(Collectors.joining(", "))));
    }
  }

  /**
   * Refuses to delete a folder that the new run reads.
   *
   * @param read such as the base model's folder
   * @throws UsageException when it is among the results
   */
  void requireUnused(Path read) {
    Path real = real(read);
    for (Path model : models()) {
      if (real.startsWith(real(model))) {
        throw new UsageException(
            "--overwrite would delete %s, which this run reads; choose another output_dir"
                .formatted(read));
      }
    }
  }

  private static Path real(Path path) {
    try {
      return path.toRealPath();
    } catch (IOException e) {
      return path.toAbsolutePath().normalize();
    }
  }

  /**
   * Deletes models, adapters, metrics and the picture of the loss. Checkpoints are moved aside by
   * the run that begins; whatever else lies there is not a run's, and stays.
   *
   * @throws EnvironmentException when one cannot be deleted
   */
  void delete() {
    models().forEach(AtomicFolder::remove);
    try {
      Files.deleteIfExists(metrics());
      Files.deleteIfExists(outputDir.resolve("logs").resolve("loss.png"));
    } catch (IOException e) {
      throw new EnvironmentException(
          "%s cannot be deleted: %s; choose another output_dir"
              .formatted(metrics(), TuneException.reason(e)),
          e);
    }
  }
}

package org.tune4j.runs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.tune4j.EnvironmentException;
import org.tune4j.InputException;
import org.tune4j.checkpoint.AtomicFolder;
import org.tune4j.checkpoint.Manifest;
import org.tune4j.checkpoint.SafetensorsWriter;
import org.tune4j.checkpoint.StoredTensor;
import org.tune4j.nn.Parameter;
import org.tune4j.optim.Optimizer;

/**
 * Writes a run's checkpoints, {@code OUT/checkpoints/step_N}: each appears whole, with a manifest,
 * or not at all. Training waits for the copy of the tensors alone; a thread of its own writes them.
 * Where that thread is still busy, a newer checkpoint takes the place of one that waits.
 */
public final class RunCheckpoints implements AutoCloseable {
  static final String FOLDER = "checkpoints";
  private static final Pattern NAME = Pattern.compile("step_(\\d{1,18})");

  /** What a cut between the two renames of {@link AtomicFolder} leaves in place of a checkpoint. */
  private static final Pattern CUT = Pattern.compile("\\.step_(\\d{1,18})\\.[0-9a-f-]{8}\\.old");

  private final Path folder;
  private final int keep;
  private final Supplier<TrainedState> trained;
  private final RunIdentity identity;
  private final Weights weights;
  private final ExecutorService thread =
      Executors.newSingleThreadExecutor(task -> new Thread(task, "checkpoints"));
  private @Nullable CompletableFuture<?> last;

  // Guarded by this.
  private @Nullable Snapshot waiting;
  private @Nullable Throwable failure; // the first that nobody was told of

  /** Writes the trained weights into a checkpoint's folder, in the layout of the recipe. */
  @FunctionalInterface
  public interface Weights {
    /**
     * Writes them.
     *
     * @param folder of the checkpoint; exists
     * @param values by full parameter name
     * @throws IOException when it cannot be written
     */
    void write(Path folder, Map<String, StoredTensor> values) throws IOException;
  }

  private record Snapshot(RunState state, TrainedState trained) implements AutoCloseable {
    @Override
    public void close() {
      trained.release();
    }
  }

  /**
   * Starts the writing thread.
   *
   * @param outputDir the run's folder
   * @param keep how many checkpoints stay, the newest, from 1
   * @param trained by full name, in the optimiser's order
   * @param optimizer over the same parameters
   * @param identity what the run is
   * @param weights how they are written
   */
  public RunCheckpoints(
      Path outputDir,
      int keep,
      Map<String, Parameter> trained,
      Optimizer optimizer,
      RunIdentity identity,
      Weights weights) {
    this(outputDir, keep, () -> TrainedState.copyOf(trained, optimizer), identity, weights);
  }

  /**
   * Starts the writing thread.
   *
   * @param outputDir the run's folder
   * @param keep how many checkpoints stay, the newest, from 1
   * @param trained gives what a checkpoint holds, as it is when it is asked; released once it is
   *     written
   * @param identity what the run is
   * @param weights how they are written
   */
  public RunCheckpoints(
      Path outputDir,
      int keep,
      Supplier<TrainedState> trained,
      RunIdentity identity,
      Weights weights) {
    this.folder = outputDir.resolve(FOLDER);
    this.keep = keep;
    this.trained = trained;
    this.identity = identity;
    this.weights = weights;
  }

  /**
   * The newest checkpoint that is whole. Nothing is renamed, as another run may be writing there;
   * {@link OutputFolder} puts back what a cut has left.
   *
   * @param outputDir the run's folder; may be missing
   * @param warn is told of each damaged one
   * @return empty where there is none
   * @throws InputException when it is another version's, or the folder cannot be read
   */
  public static Optional<SavedRun> newest(Path outputDir, Consumer<String> warn) {
    Path folder = outputDir.resolve(FOLDER);
    TreeMap<Long, Path> all = new TreeMap<>(steps(folder, CUT));
    all.putAll(steps(folder));
    for (Path candidate : all.descendingMap().values()) {
      Optional<String> problem = Manifest.problem(candidate, SavedRun.STATE, SavedRun.OPTIMIZER);
      if (problem.isEmpty()) {
        return Optional.of(SavedRun.read(candidate));
      }
      warn.accept(
          "warning: checkpoint %s is damaged: %s; trying the one before it"
              .formatted(candidate, problem.get()));
    }
    return Optional.empty();
  }

  /** {@return whether a run's folder holds checkpoints, damaged ones too} */
  static boolean areIn(Path outputDir) {
    return !steps(outputDir.resolve(FOLDER)).isEmpty();
  }

  /**
   * Moves the checkpoints of an earlier run aside, to {@code OUT/checkpoints.old}, in place of what
   * is there: a new run must not be continued from them.
   *
   * @return whether there were any
   */
  static boolean setAside(Path outputDir) {
    Path folder = outputDir.resolve(FOLDER);
    if (!areIn(outputDir)) {
      return false;
    }
    Path old = outputDir.resolve(FOLDER + ".old");
    try {
      if (Files.exists(old)) {
        AtomicFolder.remove(old);
      }
      Files.move(folder, old);
      return true;
    } catch (IOException e) {
      throw new EnvironmentException(
          "%s cannot be renamed: %s; choose another output_dir".formatted(folder, e), e);
    }
  }

  /** Checkpoints by step, oldest first. */
  private static Map<Long, Path> steps(Path folder) {
    return steps(folder, NAME);
  }

  private static Map<Long, Path> steps(Path folder, Pattern names) {
    Map<Long, Path> found = new TreeMap<>();
    if (!Files.isDirectory(folder)) {
      return found;
    }
    try (Stream<Path> paths = Files.list(folder)) {
      paths.forEach(
          p -> {
            Matcher name = names.matcher(String.valueOf(p.getFileName()));
            if (name.matches()) {
              found.put(Long.parseLong(name.group(1)), p);
            }
          });
    } catch (IOException e) {
      throw new InputException("%s cannot be read: %s".formatted(folder, e), e);
    }
    return found;
  }

  /**
   * Copies what the run has and has it written.
   *
   * @param state where the run stands
   * @throws EnvironmentException when an earlier one could not be written
   */
  public void save(RunState state) {
    check();
    Snapshot snapshot = new Snapshot(state, trained.get());
    synchronized (this) {
      if (waiting != null) {
        waiting.close();
      }
      waiting = snapshot;
    }
    last = CompletableFuture.runAsync(this::writeWaiting, thread);
  }

  /**
   * {@link #save}, and waits until it is on the disk.
   *
   * @param state where the run stands
   * @return the checkpoint's folder
   * @throws EnvironmentException when it, or an earlier one, could not be written
   */
  public Path saveNow(RunState state) {
    save(state);
    awaitWritten();
    return place(state);
  }

  /**
   * Says that a checkpoint failed, if one did and this was not said before. Called after each step.
   *
   * @throws EnvironmentException when it could not be written
   */
  public void check() {
    Throwable untold;
    synchronized (this) {
      untold = failure;
      failure = null; // told once: closing after it must not throw it again
    }
    if (untold instanceof RuntimeException e) {
      throw e;
    }
    if (untold instanceof Error e) {
      throw e;
    }
  }

  private void awaitWritten() {
    if (last != null) {
      last.join();
    }
    check();
  }

  private Path place(RunState state) {
    return folder.resolve("step_" + state.step());
  }

  private void writeWaiting() {
    Snapshot snapshot;
    synchronized (this) {
      snapshot = waiting;
      waiting = null;
    }
    if (snapshot == null) {
      return; // a newer one has been written in its place
    }
    try {
      write(snapshot);
      prune(snapshot.state.step());
    } catch (RuntimeException | Error e) {
      synchronized (this) {
        failure = failure == null ? e : failure; // the first is why
      }
    }
  }

  private void write(Snapshot snapshot) {
    try (snapshot) {
      AtomicFolder.write(
          place(snapshot.state),
          aside -> {
            weights.write(aside, snapshot.trained.weights());
            SafetensorsWriter.write(
                aside.resolve(SavedRun.OPTIMIZER),
                List.copyOf(snapshot.trained.optimizer().values()));
            SavedRun.write(aside, snapshot.state, snapshot.trained, identity);
            Manifest.write(aside);
          });
    }
  }

  /**
   * Leaves the newest ones up to this step; later ones are damaged, or it would have gone on there.
   */
  private void prune(long newest) {
    Map<Long, Path> all = steps(folder);
    long kept = all.keySet().stream().filter(n -> n <= newest).count();
    for (Map.Entry<Long, Path> e : all.entrySet()) {
      if (e.getKey() > newest) {
        AtomicFolder.remove(e.getValue());
      } else if (kept > keep) {
        AtomicFolder.remove(e.getValue());
        kept--;
      }
    }
  }

  /**
   * Waits for what is being written.
   *
   * @throws EnvironmentException when a checkpoint could not be written and {@link #check} has not
   *     said so
   */
  @Override
  public void close() {
    thread.shutdown();
    awaitWritten();
  }
}

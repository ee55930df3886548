package org.tune4j.hub;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionService;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.tune4j.EnvironmentException;
import org.tune4j.InputException;
import org.tune4j.TuneException;
import org.tune4j.UsageException;

/**
 * The Hugging Face hub and its cache on this machine. Holds no connection and no thread between
 * calls; several threads may share it.
 */
public final class Hub {
  private static final long SECONDS_TO_END = 10;

  private final HubSettings settings;

  /**
   * A hub and its cache; nothing is asked yet.
   *
   * @param settings where both are, and as whom to ask
   */
  public Hub(HubSettings settings) {
    this.settings = settings;
  }

  /**
   * The cache's folder of a model that is wholly there: config, weights and tokenizer. The network
   * is not used.
   *
   * @param repository whose revision is looked up as it was when it was last fetched
   * @return the snapshot's folder; empty where there is none or a file is missing
   * @throws EnvironmentException when the cache cannot be read
   */
  public Optional<Path> cached(Repository repository) {
    try {
      return CacheFolder.find(settings.cache(), repository)
          .map(CacheFolder::folder)
          .filter(CachedModel::isWhole);
    } catch (IOException e) {
      throw new EnvironmentException(
          "the Hub's cache %s cannot be read: %s; set HF_HOME to a folder that can"
              .formatted(settings.cache(), TuneException.reason(e)),
          e);
    }
  }

  /**
   * A model's folder: the cache's where the model is wholly there, else fetched into the cache.
   *
   * @param repository of the model
   * @param workers files that are fetched at once, 1 or more
   * @param listener hears of what is fetched, and of nothing where the model is there
   * @return the snapshot's folder
   * @throws TuneException as {@link #download}
   */
  public Path model(Repository repository, int workers, TransferListener listener) {
    Optional<Path> there = cached(repository);
    if (there.isPresent()) {
      return there.get();
    }
    return download(repository, FileSelection.MODEL, workers, listener);
  }

  /**
   * Fetches files into the cache. What is there stays; what an earlier download began goes on.
   *
   * @param repository of the files
   * @param files which of them are wanted
   * @param workers files that are fetched at once, 1 or more
   * @param listener is called by the workers
   * @return the snapshot's folder
   * @throws UsageException when there is no such revision or no file is selected
   * @throws InputException when there is no such repository, when it may not be read, or when what
   *     comes is not what was announced
   * @throws EnvironmentException when the network or the disk fails, or {@link HubSettings#offline}
   *     forbids the network
   */
  public Path download(
      Repository repository, FileSelection files, int workers, TransferListener listener) {
    return download(repository, files, workers, listener, null);
  }

  /**
   * Fetches files into a folder of the user's. What is there and right stays, what is there and
   * another file is replaced.
   *
   * @param repository of the files
   * @param files which of them are wanted
   * @param workers files that are fetched at once, 1 or more
   * @param listener is called by the workers
   * @param folder is made as needed; null for the cache
   * @return the folder, or the cache's
   * @throws TuneException as the other
   */
  public Path download(
      Repository repository,
      FileSelection files,
      int workers,
      TransferListener listener,
      @Nullable Path folder) {
    if (settings.offline()) {
      throw new EnvironmentException(
          "%s is not in the cache %s, and HF_HUB_OFFLINE forbids the network; unset it, or copy the model there"
              .formatted(repository, settings.cache()));
    }
    HubRequests requests = new HubRequests(settings);
    HubRequests.Listing listing =
        patiently(repository, listener, "the list of files", () -> requests.list(repository));
    List<String> wanted = files.of(listing.names());
    if (wanted.isEmpty()) {
      throw new UsageException(
          "%s has none of the requested files; it has %s"
              .formatted(repository, shown(listing.names())));
    }
    String commit = listing.commit();
    CacheFolder cache = new CacheFolder(settings.cache(), repository, commit);
    Destination to = folder == null ? cache : new PlainFolder(folder, cache);
    ExecutorService threads = threads(workers);
    try (StallWatch watch = new StallWatch(settings.timeout())) {
      FileDownload download =
          new FileDownload(requests, settings, repository, commit, to, listener, watch);
      List<Callable<Optional<RemoteFile>>> heads = new ArrayList<>();
      for (String name : wanted) {
        if (!to.holds(name)) {
          heads.add(
              () -> {
                RemoteFile file =
                    patiently(
                        repository, listener, name, () -> requests.head(repository, commit, name));
                return to.takes(file) ? Optional.empty() : Optional.of(file);
              });
        }
      }
      List<RemoteFile> missing = all(threads, heads).stream().flatMap(Optional::stream).toList();
      begin(missing, to, listener);
      List<Callable<Boolean>> fetches = new ArrayList<>();
      for (RemoteFile file : missing) {
        fetches.add(
            () -> {
              download.fetch(file);
              return true;
            });
      }
      all(threads, fetches);
      to.complete();
      return to.folder();
    } catch (IOException e) {
      throw new EnvironmentException(
          "%s cannot be written to: %s".formatted(to.folder(), TuneException.reason(e)), e);
    } finally {
      end(threads);
    }
  }

  /**
   * Commits a folder's files to a repository, which is made where there is none. Files that the
   * repository has and the folder lacks stay. Hidden files and folders and links are left out.
   *
   * @param repository of a model or a data set; its revision is a branch
   * @param folder with the files
   * @param files which of them are wanted
   * @param hidden whether a repository that is made is private
   * @param message of the commit
   * @param listener is called by this thread and the connection's
   * @return the commit's address
   * @throws UsageException when there is no token, no such branch or no file is selected
   * @throws InputException when the folder cannot be read, or the hub refuses it
   * @throws EnvironmentException when the network fails, or {@link HubSettings#offline} forbids it
   */
  public String push(
      Repository repository,
      Path folder,
      FileSelection files,
      boolean hidden,
      String message,
      TransferListener listener) {
    if (settings.offline()) {
      throw new EnvironmentException(
          "%s cannot be pushed: HF_HUB_OFFLINE forbids the network; unset it"
              .formatted(repository));
    }
    if (settings.token() == null) {
      throw new UsageException(
          "pushing takes a token that may write; set HF_TOKEN, or --hf-token, to one from %s/settings/tokens"
              .formatted(settings.endpoint()));
    }
    try (FolderUpload upload = new FolderUpload(settings, repository, folder, listener)) {
      return upload.send(files, hidden, message);
    }
  }

  private static ExecutorService threads(int workers) {
    return Executors.newFixedThreadPool(
        workers,
        r -> {
          Thread t = new Thread(r, "hub-download");
          t.setDaemon(true);
          return t;
        });
  }

  /** After a failure too nothing is written once this returns. */
  private static void end(ExecutorService threads) {
    threads.shutdownNow();
    try {
      threads.awaitTermination(SECONDS_TO_END, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void begin(List<RemoteFile> missing, Destination to, TransferListener listener)
      throws IOException {
    long bytes = 0;
    long there = 0;
    for (RemoteFile file : missing) {
      bytes += file.size();
      Path partial = to.partial(file);
      there += Files.exists(partial) ? Files.size(partial) : 0;
    }
    listener.begun(missing.size(), bytes, there);
    Path existing = to.folder().toAbsolutePath();
    while (existing != null && !Files.exists(existing)) {
      existing = existing.getParent();
    }
    // Network file systems may report 0; then the write itself decides.
    long free = existing == null ? 0 : Files.getFileStore(existing).getUsableSpace();
    if (free > 0 && free < bytes - there) {
      throw new EnvironmentException(
          "%d MB are missing of %s and %d MB are free; free space, or choose another folder with HF_HOME or --output-dir"
              .formatted((bytes - there) / 1_000_000, to.folder(), free / 1_000_000));
    }
  }

  /** What all tasks give; the first failure ends the others. */
  private static <T> List<T> all(ExecutorService threads, List<Callable<T>> tasks) {
    CompletionService<T> running = new ExecutorCompletionService<>(threads);
    tasks.forEach(running::submit);
    List<T> done = new ArrayList<>();
    try {
      for (int i = 0; i < tasks.size(); i++) {
        done.add(running.take().get());
      }
      return done;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new EnvironmentException("the download was interrupted; run it again to continue", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof TuneException known) {
        throw known;
      }
      if (e.getCause() instanceof IOException disk) {
        throw new EnvironmentException(
            "files cannot be written: %s".formatted(TuneException.reason(disk)), disk);
      }
      throw new IllegalStateException(e.getCause());
    }
  }

  /** A request to the hub. */
  @FunctionalInterface
  interface Request<T> {
    T send() throws IOException;
  }

  /** Tries again what may pass. */
  private <T> T patiently(
      Repository repository, TransferListener listener, String what, Request<T> request) {
    return patiently(settings, listener, what, request, e -> unreachable(settings, repository, e));
  }

  /** The same, with what is said in the end. */
  static <T> T patiently(
      HubSettings settings,
      TransferListener listener,
      String what,
      Request<T> request,
      Function<IOException, EnvironmentException> failure) {
    for (int failures = 1; ; failures++) {
      try {
        return request.send();
      } catch (IOException e) {
        if (failures == settings.backoff().attempts() || Thread.currentThread().isInterrupted()) {
          throw failure.apply(e);
        }
        Duration wait = settings.backoff().after(failures);
        if (e instanceof HubRequests.Unavailable u && u.seconds() > 0) {
          wait = Duration.ofSeconds(u.seconds());
        }
        listener.retried(what, HubRequests.reason(e), wait);
        try {
          Thread.sleep(wait.toMillis());
        } catch (InterruptedException i) {
          Thread.currentThread().interrupt();
          throw failure.apply(e);
        }
      }
    }
  }

  static EnvironmentException unreachable(
      HubSettings settings, Repository repository, IOException e) {
    return new EnvironmentException(
        "%s cannot be fetched from %s (%s); check the network, HTTPS_PROXY or HF_ENDPOINT, and run it again to continue"
            .formatted(repository, settings.endpoint(), HubRequests.reason(e)),
        e);
  }

  private static String shown(List<String> names) {
    int most = Math.min(8, names.size());
    return names.isEmpty()
        ? "none"
        : String.join(", ", names.subList(0, most))
            + (most < names.size() ? " and %d more".formatted(names.size() - most) : "");
  }
}

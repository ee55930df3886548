package org.tune4j.hub;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.tune4j.EnvironmentException;
import org.tune4j.InputException;
import org.tune4j.TuneException;

/**
 * One file's way into its place: what an earlier attempt left is gone on from, the whole is checked
 * by size and hash, and only then it appears under its name.
 */
final class FileDownload {
  private static final int BUFFER = 1 << 16;
  private static final Duration LOCK_POLL = Duration.ofMillis(200);

  private final HubRequests requests;
  private final HubSettings settings;
  private final Repository repository;
  private final String commit;
  private final Destination to;
  private final TransferListener listener;
  private final StallWatch watch;

  FileDownload(
      HubRequests requests,
      HubSettings settings,
      Repository repository,
      String commit,
      Destination to,
      TransferListener listener,
      StallWatch watch) {
    this.requests = requests;
    this.settings = settings;
    this.repository = repository;
    this.commit = commit;
    this.to = to;
    this.listener = listener;
    this.watch = watch;
  }

  /**
   * Fetches a file, once at a time on this machine.
   *
   * @throws InputException when what comes is not the file
   * @throws EnvironmentException when the network or the disk fails for good
   */
  void fetch(RemoteFile file) throws InterruptedException {
    Path lock = to.lock(file);
    try {
      Files.createDirectories(Objects.requireNonNull(lock.getParent()));
      Files.createDirectories(Objects.requireNonNull(to.partial(file).getParent()));
      try (FileChannel channel =
              FileChannel.open(lock, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
          FileLock held = lock(channel)) {
        if (to.takes(file)) {
          listener.transferred(file.size()); // by another process, meanwhile
        } else {
          collect(file);
          to.keep(file);
        }
      }
    } catch (ClosedByInterruptException | InterruptedIOException e) {
      throw new InterruptedException();
    } catch (IOException e) {
      throw notWritten(e);
    }
  }

  private static FileLock lock(FileChannel channel) throws IOException, InterruptedException {
    while (true) {
      FileLock lock = null;
      try {
        lock = channel.tryLock();
      } catch (OverlappingFileLockException e) {
        // Another thread of this process has it.
      }
      if (lock != null) {
        return lock;
      }
      Thread.sleep(LOCK_POLL.toMillis());
    }
  }

  private EnvironmentException notWritten(IOException e) {
    return new EnvironmentException(
        "%s cannot be written to: %s; free space, or choose another folder with HF_HOME or --output-dir"
            .formatted(to.folder(), TuneException.reason(e)),
        e);
  }

  /** Until the partial file is the whole one. */
  private void collect(RemoteFile file) throws IOException, InterruptedException {
    Path partial = to.partial(file);
    int failures = 0;
    int corrupt = 0;
    while (true) {
      long before = Files.exists(partial) ? Files.size(partial) : 0;
      Network failure;
      try {
        if (attempt(file, partial)) {
          return;
        }
        if (++corrupt == settings.backoff().attempts()) {
          throw new InputException(
              "%s of %s comes with another %s than %s says; try again later, or check HF_ENDPOINT and proxies"
                  .formatted(
                      file.name(),
                      repository,
                      file.digest() == null ? "size" : "hash",
                      settings.endpoint()));
        }
        failure = new Network(new IOException("what came is not the file"));
      } catch (Network e) {
        failure = e;
      }
      long after = Files.exists(partial) ? Files.size(partial) : 0;
      failures = after > before ? 1 : failures + 1;
      IOException cause = failure.cause;
      if (failures == settings.backoff().attempts()) {
        throw Hub.unreachable(settings, repository, cause);
      }
      Duration wait = settings.backoff().after(failures);
      if (cause instanceof HubRequests.Unavailable u && u.seconds() > 0) {
        wait = Duration.ofSeconds(u.seconds());
      }
      listener.retried(file.name(), HubRequests.reason(cause), wait);
      Thread.sleep(wait.toMillis());
    }
  }

  /** An exception of the connection, as against one of the disk. */
  private static final class Network extends Exception {
    private static final long serialVersionUID = 1;
    private final transient IOException cause;

    Network(IOException cause) {
      super(cause);
      this.cause = cause;
    }
  }

  /**
   * One request.
   *
   * @return false when the whole came and is wrong; the partial file is gone then
   */
  private boolean attempt(RemoteFile file, Path partial) throws IOException, Network {
    try (FileChannel out =
        FileChannel.open(
            partial,
            StandardOpenOption.CREATE,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE)) {
      long have = out.size();
      if (have > file.size()) {
        throwAway(out, have);
        have = 0;
      }
      if (have < file.size()) {
        HttpResponse<InputStream> answer = open(file, have);
        try (InputStream in = answer.body()) {
          if (answer.statusCode() != 206 && have > 0) {
            throwAway(out, have); // the server gives the whole only
            have = 0;
          }
          receive(file, in, out, have);
        }
      }
      boolean right = out.size() == file.size() && file.matches(hashed(file, out));
      if (!right) {
        throwAway(out, out.size());
      }
      out.force(true);
      return right;
    }
  }

  private HttpResponse<InputStream> open(RemoteFile file, long from)
      throws Network, InterruptedIOException {
    try {
      return requests.open(repository, commit, file, from);
    } catch (InterruptedIOException e) {
      if (Thread.currentThread().isInterrupted()) {
        throw e;
      }
      throw new Network(e);
    } catch (IOException e) {
      throw new Network(e);
    }
  }

  private void throwAway(FileChannel out, long bytes) throws IOException {
    out.truncate(0);
    listener.transferred(-bytes);
  }

  private void receive(RemoteFile file, InputStream in, FileChannel out, long from)
      throws IOException, Network {
    byte[] buffer = new byte[BUFFER];
    long at = from;
    try (StallWatch.Watched watched = watch.over(in)) {
      while (at <= file.size()) {
        int n = read(in, buffer, watched);
        if (n < 0) {
          break;
        }
        ByteBuffer bytes = ByteBuffer.wrap(buffer, 0, n);
        while (bytes.hasRemaining()) {
          at += out.write(bytes, at);
        }
        listener.transferred(n);
      }
    }
    if (at < file.size()) {
      throw new Network(
          new IOException("it ended after %d of %d bytes".formatted(at, file.size())));
    }
  }

  private static int read(InputStream in, byte[] buffer, StallWatch.Watched watched)
      throws Network, InterruptedIOException {
    try {
      int n = in.read(buffer);
      watched.alive();
      return n;
    } catch (IOException e) {
      if (Thread.currentThread().isInterrupted()) {
        throw (InterruptedIOException) new InterruptedIOException("interrupted").initCause(e);
      }
      throw new Network(watched.stalled() ? new IOException("nothing came for a while", e) : e);
    }
  }

  private static @Nullable MessageDigest hashed(RemoteFile file, FileChannel whole)
      throws IOException {
    MessageDigest digest = file.digest();
    if (digest == null) {
      return null;
    }
    ByteBuffer buffer = ByteBuffer.allocate(BUFFER);
    for (long at = 0; at < whole.size(); ) {
      at += whole.read(buffer.clear(), at);
      digest.update(buffer.flip());
    }
    return digest;
  }
}

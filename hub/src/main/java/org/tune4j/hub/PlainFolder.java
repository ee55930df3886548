package org.tune4j.hub;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A folder of the user's, files under their names. What the cache holds is copied from there. Bytes
 * are collected in {@code .cache/huggingface/download}, where {@code huggingface_hub} does it too.
 */
final class PlainFolder implements Destination {
  private static final int BUFFER = 1 << 20;

  private final Path folder;
  private final CacheFolder cache;

  PlainFolder(Path folder, CacheFolder cache) {
    this.folder = folder;
    this.cache = cache;
  }

  @Override
  public Path folder() {
    return folder;
  }

  /** A file may be another commit's, so the hub is always asked. */
  @Override
  public boolean holds(String name) {
    return false;
  }

  @Override
  public boolean takes(RemoteFile file) throws IOException {
    Path target = folder.resolve(file.name());
    if (isWhole(target, file)) {
      return true;
    }
    Path blob = cache.blob(file);
    if (!Files.isRegularFile(blob) || Files.size(blob) != file.size()) {
      return false;
    }
    Files.createDirectories(collected());
    Files.copy(blob, partial(file), StandardCopyOption.REPLACE_EXISTING);
    keep(file);
    return true;
  }

  private static boolean isWhole(Path target, RemoteFile file) throws IOException {
    if (!Files.isRegularFile(target) || Files.size(target) != file.size()) {
      return false;
    }
    @Nullable MessageDigest digest = file.digest();
    if (digest == null) {
      return false;
    }
    byte[] buffer = new byte[BUFFER];
    try (InputStream in = Files.newInputStream(target)) {
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        digest.update(buffer, 0, n);
      }
    }
    return file.matches(digest);
  }

  private Path collected() {
    return folder.resolve(".cache").resolve("huggingface").resolve("download");
  }

  @Override
  public Path partial(RemoteFile file) {
    return collected().resolve(file.etag() + ".incomplete");
  }

  @Override
  public Path lock(RemoteFile file) {
    return collected().resolve(file.etag() + ".lock");
  }

  @Override
  public void keep(RemoteFile file) throws IOException {
    Path target = folder.resolve(file.name());
    Files.createDirectories(Objects.requireNonNull(target.getParent()));
    Files.move(
        partial(file), target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  @Override
  public void complete() {}
}

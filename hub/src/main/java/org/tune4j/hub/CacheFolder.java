package org.tune4j.hub;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;

/**
 * A repository's folder in the cache, as {@code huggingface_hub} lays it out: {@code blobs/ETAG},
 * {@code snapshots/COMMIT/NAME} linked to blobs, {@code refs/REVISION} with a commit. Files that
 * Python put there are used, and Python uses these.
 */
final class CacheFolder implements Destination {
  private final Path cache;
  private final Repository repository;
  private final String commit;

  CacheFolder(Path cache, Repository repository, String commit) {
    this.cache = cache;
    this.repository = repository;
    this.commit = commit;
  }

  /** The folder of the commit that the revision meant when it was last fetched. */
  static Optional<CacheFolder> find(Path cache, Repository repository) throws IOException {
    Path ref = cache.resolve(repository.folder()).resolve("refs").resolve(repository.revision());
    String commit = repository.revision();
    if (!repository.isCommit()) {
      if (!Files.isRegularFile(ref)) {
        return Optional.empty();
      }
      commit = Files.readString(ref).strip();
    }
    if (!commit.matches("[A-Za-z0-9_-][A-Za-z0-9._-]*")) {
      return Optional.empty();
    }
    CacheFolder found = new CacheFolder(cache, repository, commit);
    return Files.isDirectory(found.folder()) ? Optional.of(found) : Optional.empty();
  }

  private Path root() {
    return cache.resolve(repository.folder());
  }

  Path blob(RemoteFile file) {
    return root().resolve("blobs").resolve(file.etag());
  }

  @Override
  public Path folder() {
    return root().resolve("snapshots").resolve(commit);
  }

  @Override
  public boolean holds(String name) {
    return Files.isRegularFile(folder().resolve(name));
  }

  @Override
  public boolean takes(RemoteFile file) throws IOException {
    Path blob = blob(file);
    if (!Files.isRegularFile(blob) || Files.size(blob) != file.size()) {
      return false;
    }
    link(file);
    return true;
  }

  @Override
  public Path partial(RemoteFile file) {
    return root().resolve("blobs").resolve(file.etag() + ".incomplete");
  }

  @Override
  public Path lock(RemoteFile file) {
    return cache.resolve(".locks").resolve(repository.folder()).resolve(file.etag() + ".lock");
  }

  @Override
  public void keep(RemoteFile file) throws IOException {
    Files.move(partial(file), blob(file), StandardCopyOption.ATOMIC_MOVE);
    link(file);
  }

  private void link(RemoteFile file) throws IOException {
    Path link = folder().resolve(file.name());
    Path parent = Objects.requireNonNull(link.getParent());
    Files.createDirectories(parent);
    Path to = parent.relativize(blob(file));
    if (Files.isSymbolicLink(link)) {
      if (Files.readSymbolicLink(link).equals(to)) {
        return;
      }
      Files.delete(link); // to a blob that is gone
    }
    try {
      Files.createSymbolicLink(link, to);
    } catch (FileAlreadyExistsException e) {
      // Another process was faster, or the file lies here itself, where links are not allowed.
    } catch (IOException | UnsupportedOperationException e) {
      // Without links the cache holds the file itself, as Python's does.
      Files.move(blob(file), link, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  @Override
  public void complete() throws IOException {
    if (repository.isCommit()) {
      return;
    }
    Path ref = root().resolve("refs").resolve(repository.revision());
    Files.createDirectories(Objects.requireNonNull(ref.getParent()));
    Path aside = ref.resolveSibling("." + ref.getFileName() + "." + UUID.randomUUID());
    Files.writeString(aside, commit);
    Files.move(aside, ref, StandardCopyOption.ATOMIC_MOVE);
  }
}

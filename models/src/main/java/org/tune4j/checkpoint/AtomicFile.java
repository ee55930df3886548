package org.tune4j.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;
import org.tune4j.EnvironmentException;
import org.tune4j.InputException;
import org.tune4j.TuneException;
import org.tune4j.platform.FolderSync;

/** Writes a file aside, syncs it and renames it into place, so that a reader never sees half. */
final class AtomicFile {
  private AtomicFile() {}

  /** Writes the file's bytes. */
  @FunctionalInterface
  interface Content {
    void writeTo(WritableByteChannel channel) throws IOException;
  }

  /** Opens the file aside; a seam for tests of a full disk. */
  @FunctionalInterface
  interface Opener {
    FileChannel open(Path aside) throws IOException;
  }

  static void write(Path target, long bytes, Content content) {
    write(target, bytes, content, AtomicFile::create);
  }

  static void write(Path target, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    write(target, bytes.length, channel -> writeFully(channel, ByteBuffer.wrap(bytes)));
  }

  /**
   * @param bytes how many the content will have, to refuse early and for the message
   * @throws EnvironmentException if it cannot be written; the target is as it was, or is whole and
   *     may not outlast the machine's end
   */
  static void write(Path target, long bytes, Content content, Opener opener) {
    if (Files.isDirectory(target)) {
      throw new InputException("cannot write the file " + target + ": a folder has that name");
    }
    Path folder = folderOf(target);
    refuseIfFull(target, folder, bytes);
    Path aside = aside(target, "tmp");
    try {
      try (FileChannel channel = opener.open(aside)) {
        content.writeTo(channel);
        channel.force(true);
      }
      Files.move(aside, target, StandardCopyOption.ATOMIC_MOVE);
      FolderSync.sync(folder);
    } catch (IOException e) {
      throw failed(target, folder, bytes, e);
    } finally {
      deleteQuietly(aside);
    }
  }

  static Path folderOf(Path target) {
    Path parent = target.toAbsolutePath().getParent();
    return parent == null ? target.toAbsolutePath() : parent;
  }

  /** A hidden name beside the target that no other writer uses. */
  static Path aside(Path target, String kind) {
    String unique = UUID.randomUUID().toString().substring(0, 8);
    return target.resolveSibling("." + target.getFileName() + "." + unique + "." + kind);
  }

  private static FileChannel create(Path aside) throws IOException {
    return FileChannel.open(aside, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
  }

  /** Network file systems may report 0; then the write itself decides. */
  private static void refuseIfFull(Path target, Path folder, long bytes) {
    long free = free(folder);
    if (free > 0 && free < bytes) {
      throw new EnvironmentException(
          "cannot write "
              + target
              + ": it needs "
              + Texts.size(bytes)
              + " and "
              + Texts.size(free)
              + " are free; free space or choose another output folder");
    }
  }

  private static EnvironmentException failed(
      Path target, Path folder, long bytes, IOException cause) {
    long free = free(folder);
    return new EnvironmentException(
        "cannot write "
            + target
            + ": "
            + TuneException.reason(cause)
            + "; it needs "
            + Texts.size(bytes)
            + (free < 0 ? "" : " and " + Texts.size(free) + " are free")
            + "; free space or choose another output folder",
        cause);
  }

  private static long free(Path folder) {
    try {
      FileStore store = Files.getFileStore(folder);
      return store.getUsableSpace();
    } catch (IOException e) {
      return -1;
    }
  }

  static void writeFully(WritableByteChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  private static void deleteQuietly(Path aside) {
    try {
      Files.deleteIfExists(aside);
    } catch (IOException e) {
      // Nothing more can be done, and the first failure is the one to report.
    }
  }
}

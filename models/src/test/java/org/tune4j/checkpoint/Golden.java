package org.tune4j.checkpoint;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.tune4j.checkpoint.SafetensorsFile.Entry;

/** The reference files, and what several tests do with files. */
final class Golden {
  private Golden() {}

  static Path tiny(String path) {
    try {
      return Path.of(Golden.class.getResource("/golden/tiny/" + path).toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  static void copyFolder(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(file.getFileName().toString()));
      }
    }
  }

  /** Bytes of a tensor. */
  static byte[] bytes(Path file, Entry entry) {
    try (FileChannel channel = FileChannel.open(file)) {
      ByteBuffer bytes = ByteBuffer.allocate((int) entry.length());
      channel.read(bytes, entry.offset());
      return bytes.array();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A tensor to write whose bytes are those of a file's. */
  static StoredTensor stored(Path file, Entry entry) {
    return new StoredTensor(
        entry.name(),
        entry.type(),
        entry.shape(),
        channel -> channel.write(ByteBuffer.wrap(bytes(file, entry))));
  }

  static List<StoredTensor> stored(WeightsFile file) {
    return file.entries().values().stream().map(e -> stored(file.path(), e)).toList();
  }

  static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(f -> f.getFileName().toString()).sorted().toList();
    }
  }
}

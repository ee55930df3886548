package org.tune4j.data;

import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemNotFoundException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.tune4j.InputException;

/** SHA-256 over texts and files, each with its length, so that their borders count. */
final class Fingerprint {
  private final MessageDigest digest;

  private Fingerprint(MessageDigest digest) {
    this.digest = digest;
  }

  static Fingerprint start() {
    try {
      return new Fingerprint(MessageDigest.getInstance("SHA-256"));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  Fingerprint text(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    length(bytes.length);
    digest.update(bytes);
    return this;
  }

  /**
   * A file's content; its name does not count.
   *
   * @throws InputException when it cannot be read
   */
  Fingerprint file(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      length(Files.size(file));
      byte[] buffer = new byte[1 << 18];
      for (int n = in.read(buffer); n > 0; n = in.read(buffer)) {
        digest.update(buffer, 0, n);
      }
      return this;
    } catch (IOException e) {
      throw new InputException("data file %s cannot be read: %s".formatted(file, e), e);
    }
  }

  /** The jar or folder that a class came from: another build may tokenise in another way. */
  Fingerprint code(Class<?> type) {
    CodeSource source = type.getProtectionDomain().getCodeSource();
    if (source == null || source.getLocation() == null) {
      return text(type.getName());
    }
    Path place;
    try {
      place = Path.of(source.getLocation().toURI());
    } catch (URISyntaxException | IllegalArgumentException | FileSystemNotFoundException e) {
      return text(type.getName());
    }
    if (Files.isRegularFile(place)) {
      return file(place);
    }
    try (Stream<Path> all = Files.walk(place)) {
      List<Path> classes = all.filter(p -> p.toString().endsWith(".class")).sorted().toList();
      classes.forEach(this::file);
      return this;
    } catch (IOException e) {
      return text(type.getName());
    }
  }

  private void length(long bytes) {
    digest.update(ByteBuffer.allocate(Long.BYTES).putLong(0, bytes));
  }

  /** In hexadecimal digits. */
  String end() {
    return HexFormat.of().formatHex(digest.digest());
  }
}

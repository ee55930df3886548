package org.tune4j.hub;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.tune4j.InputException;
import org.tune4j.TuneException;

/** A file to be pushed. */
final class LocalFile {
  private final String name;
  private final Path path;
  private final long size;
  private String sha256 = "";

  /**
   * A file as it is now.
   *
   * @param name in the repository, with slashes
   */
  LocalFile(String name, Path path, long size) {
    this.name = name;
    this.path = path;
    this.size = size;
  }

  String name() {
    return name;
  }

  Path path() {
    return path;
  }

  long size() {
    return size;
  }

  /** The first bytes, or all there are. */
  byte[] read(long most) {
    try (InputStream in = Files.newInputStream(path)) {
      return in.readNBytes(Math.toIntExact(most));
    } catch (IOException e) {
      throw unreadable(e);
    }
  }

  /** The content's hash in hexadecimal digits, read once. */
  String sha256() {
    if (sha256.isEmpty()) {
      try (DigestInputStream in =
          new DigestInputStream(Files.newInputStream(path), MessageDigest.getInstance("SHA-256"))) {
        long unused = in.transferTo(OutputStream.nullOutputStream());
        sha256 = HexFormat.of().formatHex(in.getMessageDigest().digest());
      } catch (NoSuchAlgorithmException e) {
        throw new IllegalStateException("every JDK has SHA-256", e);
      } catch (IOException e) {
        throw unreadable(e);
      }
    }
    return sha256;
  }

  private InputException unreadable(IOException e) {
    return new InputException(path + " cannot be read: " + TuneException.reason(e), e);
  }
}

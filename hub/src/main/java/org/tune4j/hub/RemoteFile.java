package org.tune4j.hub;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A file of a repository, as the hub describes it.
 *
 * @param name with slashes
 * @param etag what its content is known by: the SHA-256 of a large file, git's SHA-1 of a small one
 * @param size in bytes
 */
record RemoteFile(String name, String etag, long size) {
  private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");
  private static final Pattern SHA1 = Pattern.compile("[0-9a-f]{40}");

  /**
   * A digest that gives the etag once the whole content went in; null where the etag is no hash.
   */
  @Nullable MessageDigest digest() {
    try {
      if (SHA256.matcher(etag).matches()) {
        return MessageDigest.getInstance("SHA-256");
      }
      if (SHA1.matcher(etag).matches()) {
        MessageDigest git = MessageDigest.getInstance("SHA-1");
        git.update(
            String.format(Locale.ROOT, "blob %d\0", size).getBytes(StandardCharsets.US_ASCII));
        return git;
      }
      return null;
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-1 and SHA-256", e);
    }
  }

  /** Whether the digest of a whole content is this file's. */
  boolean matches(@Nullable MessageDigest digest) {
    return digest == null || HexFormat.of().formatHex(digest.digest()).equals(etag);
  }
}

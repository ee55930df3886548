package org.tune4j.tokenizers;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/** SHA-256 of the files that a tokenizer is read from, and of its settings. */
final class TokenizerFingerprint {
  /** The last tells which tokens end a turn, and so what is trained on. */
  private static final List<String> BESIDE =
      List.of(
          "tokenizer_config.json",
          "special_tokens_map.json",
          "added_tokens.json",
          "chat_template.jinja",
          "generation_config.json");

  private TokenizerFingerprint() {}

  /**
   * Of a file, what lies beside it, and settings.
   *
   * @param settings all that decides ids and masks besides the files
   */
  static String of(Path file, String settings) throws IOException {
    MessageDigest hash;
    try {
      hash = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
    add(hash, settings.getBytes(StandardCharsets.UTF_8));
    add(hash, Files.readAllBytes(file));
    for (String name : BESIDE) {
      Path beside = file.resolveSibling(name);
      add(hash, Files.isRegularFile(beside) ? Files.readAllBytes(beside) : new byte[0]);
    }
    return HexFormat.of().formatHex(hash.digest());
  }

  private static void add(MessageDigest hash, byte[] bytes) {
    hash.update((bytes.length + " ").getBytes(StandardCharsets.UTF_8));
    hash.update(bytes);
  }
}

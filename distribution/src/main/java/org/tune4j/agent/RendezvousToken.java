package org.tune4j.agent;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.TuneException;
import org.tune4j.UsageException;

/** What the machines of a run share and no other knows. */
final class RendezvousToken {
  /** In an agent's environment, and in that of each rank it starts. */
  static final String VARIABLE = "TUNE_RDZV_TOKEN";

  private static final int SHORTEST = 16;
  private static final String HMAC = "HmacSHA256";

  private final String text;

  private RendezvousToken(String text) {
    this.text = text;
  }

  /**
   * The token of the option, the file or the environment, in this order.
   *
   * @throws UsageException when it is too short to be secret
   */
  static Optional<RendezvousToken> of(
      @Nullable String option, @Nullable Path file, Map<String, String> environment) {
    if (option != null && file != null) {
      throw new UsageException("--rdzv_token and --rdzv_token_file are given; give one of them");
    }
    if (option != null) {
      return Optional.of(checked("--rdzv_token", option));
    }
    if (file != null) {
      return Optional.of(checked("--rdzv_token_file " + file, read(file)));
    }
    String variable = environment.getOrDefault(VARIABLE, "");
    return variable.isEmpty() ? Optional.empty() : Optional.of(checked(VARIABLE, variable));
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new InputException(
          "--rdzv_token_file: %s cannot be read: %s".formatted(file, TuneException.reason(e)), e);
    }
  }

  private static RendezvousToken checked(String from, String given) {
    String text = given.strip();
    if (text.length() < SHORTEST) {
      throw new UsageException(
          "%s has %d characters, expected %d or more; `openssl rand -hex 32` makes a token"
              .formatted(from, text.length(), SHORTEST));
    }
    return new RendezvousToken(text);
  }

  /** As the environment of a rank has it. */
  String text() {
    return text;
  }

  /** A key for one connection, which both ends have chosen a part of. */
  byte[] key(String nonceOfOpener, String nonceOfDoor) {
    return hmac(
        text.getBytes(StandardCharsets.UTF_8),
        "tune4j rendezvous 1 " + nonceOfOpener + " " + nonceOfDoor);
  }

  private static byte[] hmac(byte[] key, String message) {
    try {
      Mac mac = Mac.getInstance(HMAC);
      mac.init(new SecretKeySpec(key, HMAC));
      return mac.doFinal(message.getBytes(StandardCharsets.UTF_8));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e); // every JDK has it
    }
  }

  /**
   * One direction of a connection: each line with an HMAC of the line and its number, so that none
   * can be made, changed, left out, or sent again.
   */
  static final class Seal {
    private static final int HEX = 64;

    private final byte[] key;
    private final String direction;
    private long number;

    /**
     * A direction.
     *
     * @param byOpener whether the lines are those of the end that opened the connection
     */
    Seal(byte[] key, boolean byOpener) {
      this.key = key.clone();
      this.direction = byOpener ? "opener" : "door";
    }

    private String next(String line) {
      return HexFormat.of().formatHex(hmac(key, direction + " " + number++ + " " + line));
    }

    /** A line as it is sent. */
    String close(String line) {
      return next(line) + " " + line;
    }

    /** What was closed; empty where it is not the next of one who knows the token. */
    Optional<String> open(String sent) {
      if (sent.length() <= HEX || sent.charAt(HEX) != ' ') {
        return Optional.empty();
      }
      String line = sent.substring(HEX + 1);
      byte[] shown = sent.substring(0, HEX).getBytes(StandardCharsets.UTF_8);
      return MessageDigest.isEqual(next(line).getBytes(StandardCharsets.UTF_8), shown)
          ? Optional.of(line)
          : Optional.empty();
    }
  }
}

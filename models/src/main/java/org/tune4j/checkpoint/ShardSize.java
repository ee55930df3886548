package org.tune4j.checkpoint;

import java.math.BigDecimal;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;

/**
 * How many bytes of tensors a file of a checkpoint holds at most; a larger tensor gets a file of
 * its own.
 *
 * @param bytes at least 1
 */
public record ShardSize(long bytes) {
  /** What transformers writes by default. */
  public static final ShardSize DEFAULT = new ShardSize(5_000_000_000L);

  private static final Pattern FORM = Pattern.compile("(\\d{1,18}(?:\\.\\d{1,9})?) ?([A-Za-z]*)");
  private static final Map<String, Long> UNITS =
      Map.of(
          "", 1L,
          "B", 1L,
          "KB", 1_000L,
          "MB", 1_000_000L,
          "GB", 1_000_000_000L,
          "TB", 1_000_000_000_000L,
          "KIB", 1L << 10,
          "MIB", 1L << 20,
          "GIB", 1L << 30,
          "TIB", 1L << 40);

  /**
   * Checks the size.
   *
   * @throws UsageException when it is less
   */
  public ShardSize {
    if (bytes < 1) {
      throw new UsageException("max_shard_size is " + bytes + " bytes, expected at least 1");
    }
  }

  /**
   * Reads "5GB", "200MB", "1.5 GiB" or a number of bytes; KB, MB, GB and TB are powers of 1000,
   * KiB, MiB, GiB and TiB of 1024.
   *
   * @param text the unit in any case of letters
   * @return the size, rounded down to whole bytes
   * @throws UsageException if the text is none of these, or less than a byte
   */
  public static ShardSize parse(String text) {
    Matcher matcher = FORM.matcher(text.strip());
    Long unit = matcher.matches() ? UNITS.get(matcher.group(2).toUpperCase(Locale.ROOT)) : null;
    if (unit == null) {
      throw unreadable(text, null);
    }
    try {
      BigDecimal bytes = new BigDecimal(matcher.group(1)).multiply(BigDecimal.valueOf(unit));
      return new ShardSize(bytes.toBigInteger().longValueExact());
    } catch (ArithmeticException e) {
      throw unreadable(text, e);
    }
  }

  private static UsageException unreadable(String text, @Nullable Throwable cause) {
    String message =
        "max_shard_size is " + Texts.quoted(text) + ", expected a size such as 5GB or 200MB";
    return cause == null ? new UsageException(message) : new UsageException(message, cause);
  }
}

package org.tune4j;

import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Tells that memory ran out from any other failure, whoever says it: Java, C++, PyTorch's
 * allocators on the CPU and on CUDA, or the operating system.
 */
public final class OutOfMemory {
  private static final String TENSORS =
      "lower batch_size or tokenizer.max_seq_len, or set enable_activation_checkpointing=true;"
          + " `tune plan` says what a run takes";

  /** PyTorch's on a CPU, with the bytes that it asked for. */
  private static final Pattern CPU =
      Pattern.compile("(?:can't allocate memory|not enough memory).*?allocate (\\d+) bytes");

  /** PyTorch's on CUDA, with a size in words. */
  private static final Pattern CUDA =
      Pattern.compile("out of memory\\. Tried to allocate ([\\d.]+ \\w+)");

  /** The same without a size: C++, CUDA's libraries, and JavaCPP. */
  private static final Pattern NATIVE =
      Pattern.compile(
          "bad_alloc|bad allocation|CUDA(?: error:)? out of memory|STATUS_ALLOC_FAILED"
              + "|^Cannot allocate new \\w+|^Physical memory usage is too high");

  private static final Pattern DIRECT = Pattern.compile("reserve (\\d+) bytes of direct buffer");
  private static final Pattern MAPPED =
      Pattern.compile("Map failed|unable to mmap|Cannot allocate");
  private static final Pattern THREAD = Pattern.compile("unable to create (?:new )?native thread");

  private OutOfMemory() {}

  /**
   * What to tell the user of a failure that is one of memory.
   *
   * @param thrown with its causes
   * @return one line: what was asked for, as far as it is known, and what to change; empty where
   *     memory was not the matter
   */
  public static Optional<EnvironmentException> in(Throwable thrown) {
    int depth = 0;
    for (Throwable e = thrown; e != null && depth < 20; e = e.getCause(), depth++) {
      String line = line(String.valueOf(e.getMessage()), e instanceof OutOfMemoryError);
      if (line != null) {
        return Optional.of(new EnvironmentException("out of memory: " + line, thrown));
      }
    }
    return Optional.empty();
  }

  private static @Nullable String line(String message, boolean ofJava) {
    Matcher cpu = CPU.matcher(message);
    if (cpu.find()) {
      return "a tensor of %s does not fit; %s".formatted(size(cpu.group(1)), TENSORS);
    }
    Matcher cuda = CUDA.matcher(message);
    if (cuda.find()) {
      return "a tensor of %s does not fit on the GPU; %s".formatted(cuda.group(1), TENSORS);
    }
    if (NATIVE.matcher(message).find()) {
      return "tensors do not fit; " + TENSORS;
    }
    Matcher direct = DIRECT.matcher(message);
    if (direct.find()) {
      return "a buffer of %s does not fit; raise the limit of Java's buffers with TUNE_JAVA_OPTS=-XX:MaxDirectMemorySize=4g"
          .formatted(size(direct.group(1)));
    }
    if (MAPPED.matcher(message).find()) {
      return "a file cannot be mapped (%s); free memory, or raise `ulimit -v`"
          .formatted(message.lines().findFirst().orElse(""));
    }
    if (THREAD.matcher(message).find()) {
      return "no more threads can be started; free memory, raise `ulimit -u`, or lower threads";
    }
    return ofJava
        ? "%s, with a Java heap of at most %d MiB; give it more with TUNE_JAVA_OPTS=-Xmx4g"
            .formatted(message, Runtime.getRuntime().maxMemory() >> 20)
        : null;
  }

  private static String size(String bytes) {
    double mebibytes = Double.parseDouble(bytes) / (1 << 20);
    return mebibytes < 1024
        ? String.format(Locale.ROOT, "%.1f MiB", mebibytes)
        : String.format(Locale.ROOT, "%.1f GiB", mebibytes / 1024);
  }
}

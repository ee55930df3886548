package org.tune4j.cli;

import jakarta.inject.Inject;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import org.tune4j.cli.terminal.Table;
import org.tune4j.cli.terminal.Terminal;
import picocli.CommandLine.Command;

@Command(
    name = "env",
    description = "Shows what the launcher sets, and why; your own variables take precedence.")
final class EnvCommand implements Callable<Integer> {
  /** What the launcher may set. Whoever starts a JVM of their own sets the same. */
  private static final Map<String, String> VARIABLES = new LinkedHashMap<>();

  private static final Map<String, String> FLAGS = new LinkedHashMap<>();

  static {
    VARIABLES.put("LC_ALL", "arguments and file names are UTF-8, also where the locale is not");
    VARIABLES.put(
        "OMP_WAIT_POLICY",
        "spinning OpenMP threads take the cores from OpenBLAS: fp32 is three times as slow");
    VARIABLES.put(
        "GOMP_SPINCOUNT",
        "for generate, chat and serve: threads spin between a token's small products");
    VARIABLES.put(
        "OPENBLAS_THREAD_TIMEOUT",
        "for the same: OpenBLAS' threads sleep at once and leave the cores to OpenMP's");
    VARIABLES.put(
        "GLIBC_TUNABLES", "glibc.malloc.hugetlb=1 uses large pages instead, for a smaller process");
    VARIABLES.put("MALLOC_MMAP_THRESHOLD_", "smaller freed tensors have their pages reused");
    VARIABLES.put("MALLOC_TRIM_THRESHOLD_", "the process keeps up to this many freed bytes");
    VARIABLES.put("MALLOC_TOP_PAD_", "the heap grows in these steps");
    VARIABLES.put("MALLOC_ARENA_MAX", "threads share heaps, so freed pages are reused");
    VARIABLES.put(
        "ONEDNN_PRIMITIVE_CACHE_CAPACITY",
        "code for this many shapes is cached; varying row lengths would fill a larger cache");
    VARIABLES.put("OPT_OUT_TRACKING", "DJL sends no telemetry");
    VARIABLES.put("TUNE_BACKEND", "the backend, if neither config nor override names one");
    VARIABLES.put(
        "TUNE_COMPUTE",
        "what dtypes bf16 and fp16 are computed in: fp32, or bf16 for themselves; else the faster");
    VARIABLES.put("TUNE_PLUGINS", "the folder of plugins, instead of ~/.tune/plugins");
    VARIABLES.put("TUNE_JAVA_OPTS", "more JVM flags; the last one given wins");

    FLAGS.put("-Xmx", "tensors are outside the Java heap, which stays small");
    FLAGS.put("-Xmn", "wrappers are collected early, so they do not keep tensors for long");
    FLAGS.put("-XX:+UseSerialGC", "no collector threads compete with computing threads");
    FLAGS.put("-XX:TieredStopAtLevel", "a command that only answers starts faster");
    FLAGS.put("-XX:Tier4", "the optimising compiler leaves the first steps' cores to the kernels");
    FLAGS.put("-XX:SharedArchiveFile", "archived classes, for a faster start");
    FLAGS.put("-Dorg.bytedeco.javacpp.max", "JavaCPP would count mapped weights as Java heap");
    FLAGS.put(
        "-Dorg.bytedeco.javacpp.nopointergc",
        "scopes own tensors, so no reference thread is needed");
    FLAGS.put(
        "-Dai.djl.offline",
        "DJL's native libraries come from the class path, never from a download");
    FLAGS.put("-DOPT_OUT_TRACKING", "DJL sends no telemetry");
    FLAGS.put("--enable-native-access", "both backends call native code; Java 24 and later warn");
    FLAGS.put("--sun-misc-unsafe-memory-access", "Guice uses it; Java 24 and later warn");
  }

  private final Terminal terminal;

  @Inject
  EnvCommand(Terminal terminal) {
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    PrintStream out = terminal.out();
    String listed = System.getenv("TUNE_SET");
    Set<String> ours = Set.copyOf(List.of((listed == null ? "" : listed).strip().split("\\s+")));
    out.println("Java " + Runtime.version() + " at " + System.getProperty("java.home"));
    if (listed == null) {
      out.println("This JVM was not started by ./tune: set the following yourself.");
    }
    Table variables = new Table("VARIABLE", "VALUE", "SET BY", "WHY");
    VARIABLES.forEach(
        (name, why) -> {
          String value = System.getenv(name);
          variables.row(
              name,
              value == null ? "-" : value,
              value == null ? "-" : ours.contains(name) ? "tune" : "you",
              why);
        });
    variables.print(out);
    out.println();
    Table flags = new Table("JVM FLAG", "WHY");
    for (String flag : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
      FLAGS.entrySet().stream()
          .filter(f -> flag.startsWith(f.getKey()))
          .findFirst()
          .ifPresent(f -> flags.row(flag, f.getValue()));
    }
    flags.print(out);
    return 0;
  }
}

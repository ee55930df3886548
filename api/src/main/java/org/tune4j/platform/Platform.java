package org.tune4j.platform;

import java.util.Locale;

/**
 * An operating system and a processor.
 *
 * @param system whose conventions are followed; any other than these counts as Linux
 * @param machine in JavaCPP's spelling, such as {@code x86_64} and {@code arm64}
 */
public record Platform(OperatingSystem system, String machine) {
  private static final Platform HERE =
      of(System.getProperty("os.name", ""), System.getProperty("os.arch", ""));

  /** Of those that natives are published for. */
  public enum OperatingSystem {
    /** Linux, and what is taken for it. */
    LINUX,
    /** macOS. */
    MACOS,
    /** Windows. */
    WINDOWS
  }

  /** {@return this process's} */
  public static Platform here() {
    return HERE;
  }

  /** From the system properties {@code os.name} and {@code os.arch}. */
  static Platform of(String name, String arch) {
    String os = name.toLowerCase(Locale.ROOT);
    String machine =
        switch (arch.toLowerCase(Locale.ROOT)) {
          case "amd64", "x86_64" -> "x86_64";
          case "aarch64", "arm64" -> "arm64";
          default -> arch.toLowerCase(Locale.ROOT);
        };
    return new Platform(
        os.startsWith("mac")
            ? OperatingSystem.MACOS
            : os.startsWith("windows") ? OperatingSystem.WINDOWS : OperatingSystem.LINUX,
        machine);
  }

  /** {@return JavaCPP's name, such as {@code macosx-arm64}; Tune4J's builds use it too} */
  public String javacpp() {
    return switch (system) {
          case LINUX -> "linux-";
          case MACOS -> "macosx-";
          case WINDOWS -> "windows-";
        }
        + machine;
  }

  /** {@return DJL's name, such as {@code osx-aarch64}} */
  public String djl() {
    return switch (system) {
          case LINUX -> "linux-";
          case MACOS -> "osx-";
          case WINDOWS -> "win-";
        }
        + (machine.equals("arm64") ? "aarch64" : machine);
  }

  /**
   * {@return an argument as the user would type it in the system's shell}
   *
   * @param argument as a program gets it
   */
  public String quoted(String argument) {
    if (argument.matches("[A-Za-z0-9_./=:,@%+~-]+")) {
      return argument;
    }
    return system == OperatingSystem.WINDOWS
        ? '"' + argument.replace("\"", "\\\"") + '"'
        : "'" + argument.replace("'", "'\\''") + "'";
  }
}

package org.tune4j.platform;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** What a program of the operating system prints. */
final class Answer {
  private Answer() {}

  /** Its lines; none where it is not there or fails. */
  static List<String> of(String... command) {
    try {
      Process p =
          new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
      String text = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return p.waitFor() == 0 ? text.lines().toList() : List.of();
    } catch (IOException e) {
      return List.of();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return List.of();
    }
  }
}

package org.tune4j.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.tune4j.cli.Tune;
import org.tune4j.wiring.Wiring;

/** The configuration reference says what the code takes. */
class ReferenceTest {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private int tune(String... args) {
    PrintStream to = new PrintStream(out, true, StandardCharsets.UTF_8);
    return Tune.execute(
        Wiring.installed(to), args, to, new PrintStream(err, true, StandardCharsets.UTF_8));
  }

  @Test
  void configurationReference_isWhatTheCodeTakes() throws IOException {
    assertEquals(0, tune("reference"), err::toString);
    assertEquals(
        Files.readString(Path.of("../docs/configuration.md")),
        out.toString(StandardCharsets.UTF_8),
        "docs/configuration.md is behind the code; write it anew:"
            + " ./tune reference > docs/configuration.md");
  }

  @Test
  void oneComponent_hasItsKeysTypesAndDefaults() {
    assertEquals(0, tune("reference", "adamw"), err::toString);
    assertTrue(
        out.toString(StandardCharsets.UTF_8)
            .contains("| `eps` | a number | `1e-8` | added to the root of the second moment |"),
        out::toString);
  }

  @Test
  void unknownComponent_namesTheNearest() {
    assertEquals(2, tune("reference", "adamv"));
    assertEquals(
        "tune: no component is called 'adamv'; did you mean 'adamw'?; see them all with tune reference\n",
        err.toString(StandardCharsets.UTF_8));
  }
}

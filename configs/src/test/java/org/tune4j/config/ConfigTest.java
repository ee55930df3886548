package org.tune4j.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tune4j.ConfigException;
import org.tune4j.UsageException;

/** YAML as PyYAML reads it, and how much of it. */
class ConfigTest {
  @TempDir Path dir;

  private static Map<String, String> settings(String yaml) {
    return Config.parse("c.yaml", yaml).with(List.of()).settings();
  }

  private static String refusal(String yaml) {
    return assertThrows(ConfigException.class, () -> settings(yaml)).getMessage();
  }

  @Test
  void parse_mergeKeys_asPyYamlReadsThem() {
    assertEquals(
        Map.of("a.x", "1", "a.y", "2", "b.x", "1", "b.y", "3"),
        settings("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}"));
    assertEquals(
        Map.of("a.x", "1", "b.x", "2", "b.y", "2", "c.x", "1", "c.y", "2", "c.z", "3"),
        settings("a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc:\n  z: 3\n  <<: [*a, *b]"));
    assertEquals(
        Map.of("a.x", "1", "b.x", "1", "b.y", "2", "c.x", "1", "c.y", "2"),
        settings("a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b}"));
    assertEquals(Map.of("a.<<", "1"), settings("a: {'<<': 1}"));
    assertEquals(
        "c.yaml:1:9: '<<' takes a section, or a list of them, by its alias", refusal("a: {<<: 1}"));
  }

  @Test
  void parse_aliases_areCopies() {
    Config c = Config.parse("c.yaml", "a: &a {x: [1, 2]}\nb: *a");
    assertEquals(
        Map.of("a.x", "[1, 2]", "b.x", "[1, 2]", "b.y", "3"), c.with(List.of("b.y=3")).settings());
  }

  @Test
  void parse_aliasesThatGrow_refusedInOneLine() {
    StringBuilder yaml = new StringBuilder("k0: &k0 [1, 1]\n");
    for (int i = 1; i < 40; i++) {
      yaml.append("k%d: &k%d [*k%d, *k%d]\n".formatted(i, i, i - 1, i - 1));
    }
    String message = refusal(yaml.toString());
    assertTrue(message.endsWith(": aliases make this more than 524288 values"), message);
    assertEquals("c.yaml:1:4: nested more than 50 levels deep", refusal("a: &a [*a, *a]"));
  }

  @Test
  void with_interpolation_fillsInAndIsBounded() {
    assertEquals(
        Map.of("a", "1", "b", "1/1-x", "c", "1/1-x"), settings("a: 1\nb: ${a}/${a}-x\nc: ${b}"));
    StringBuilder empty = new StringBuilder("k0: ''\n");
    StringBuilder long_ = new StringBuilder("k0: xxxxxxxxxxxxxxxx\n");
    for (int i = 1; i < 20; i++) {
      String line = "k%d: ${k%d}${k%d}${k%d}\n".formatted(i, i - 1, i - 1, i - 1);
      empty.append(line);
      long_.append(line);
    }
    assertEquals(20, settings(empty.toString()).size());
    assertEquals(
        "c.yaml:11:6: with '${...}' filled in, the config has more than 1048576 characters",
        refusal(long_.toString()));
    assertEquals(
        "c.yaml:1:4: '${a}' is not a plain value, or refers to itself", refusal("a: ${a}${a}"));
  }

  @Test
  void configException_ofManyProblems_isOneLine() {
    StringBuilder yaml = new StringBuilder();
    for (int i = 0; i < 60_000; i++) {
      yaml.append("[k]: 1\n");
    }
    assertEquals(
        "c.yaml:1:1: a key is a list or a section, expected a name; there are 59999 more problems,"
            + " is it another program's config?",
        refusal(yaml.toString()));
  }

  private String unreadable(Path file) {
    return assertThrows(UsageException.class, () -> ShippedConfigs.read(file.toString()))
        .getMessage()
        .replace(file.toString(), "FILE");
  }

  @ParameterizedTest
  @ValueSource(strings = {"UTF-16", "UTF-16LE", "UTF-16BE", "ISO-8859-1"})
  void read_otherCharsets_refusedWithUtf8Named(String charset) throws IOException {
    Path file = Files.write(dir.resolve("c.yaml"), "a: \u00fc".getBytes(charset));
    String message = unreadable(file);
    assertTrue(message.startsWith("config FILE ") && message.contains("UTF-8"), message);
  }

  @Test
  void read_byteOrderMark_isNoPartOfTheText() throws IOException {
    Path file = Files.writeString(dir.resolve("c.yaml"), "\uFEFFa: 1", StandardCharsets.UTF_8);
    assertEquals(Map.of("a", "1"), ShippedConfigs.read(file.toString()).settings());
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "Windows has no pipes in folders")
  void read_pipeOrFolder_refusedAtOnce() throws IOException, InterruptedException {
    assertEquals("config FILE is a folder, expected a file", unreadable(dir));
    Path pipe = dir.resolve("pipe.yaml");
    assumeTrue(
        new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor() == 0,
        "skipped: there is no mkfifo");
    assertEquals("config FILE is a pipe or a device, expected a regular file", unreadable(pipe));
  }
}

package org.tune4j.cli.config;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.cli.Tune;
import org.tune4j.wiring.Wiring;

/** What {@code tune new recipe} writes; {@link ThirdPartyPluginIT} builds and runs it. */
class NewRecipeTest {
  private static final Path SAMPLE = Path.of("../docs/sample-plugin");

  @TempDir Path dir;
  private String out = "";
  private String err = "";

  private int tune(Object... args) {
    ByteArrayOutputStream o = new ByteArrayOutputStream();
    ByteArrayOutputStream e = new ByteArrayOutputStream();
    PrintStream to = new PrintStream(o, true, UTF_8);
    int code =
        Tune.execute(
            Wiring.installed(to),
            Arrays.stream(args).map(Object::toString).toArray(String[]::new),
            to,
            new PrintStream(e, true, UTF_8));
    out = o.toString(UTF_8).replace(dir.toString(), "DIR");
    err = e.toString(UTF_8).replace(dir.toString(), "DIR");
    return code;
  }

  private static List<String> files(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      return all.filter(Files::isRegularFile)
          .map(f -> folder.relativize(f).toString())
          .filter(f -> !f.startsWith("target/"))
          .sorted()
          .toList();
    }
  }

  @Test
  void sample_isWhatTheCommandWrites_andForThisVersion() throws IOException {
    assertEquals(files(SAMPLE), NewRecipeCommand.FILES);
    assertEquals(0, tune("--version"));
    String version = out.lines().findFirst().orElseThrow().replace("Tune4J ", "");
    assertTrue(
        Files.readString(SAMPLE.resolve("pom.xml"))
            .contains("<tune4j.version>" + version + "</tune4j.version>"),
        version);
  }

  @Test
  void newRecipe_writesTheSampleUnderItsName() throws IOException {
    assertEquals(0, tune("new", "recipe", "two_words2", "--dir", dir.resolve("p")), err);
    assertEquals(
        """
        wrote DIR/p; continue in the folder of Tune4J's sources with:
          ./mvnw -q -DskipTests -pl recipes -am install    (once, so that Maven finds this version)
          ./mvnw -q -f DIR/p/pom.xml package
          ./tune ls --plugin DIR/p/target/two-words2.jar
        """,
        out);
    List<String> written = files(dir.resolve("p"));
    assertEquals(NewRecipeCommand.FILES.size(), written.size());
    assertTrue(written.contains("two_words2.yaml"), written.toString());
    assertTrue(
        written.contains("src/main/java/com/example/twowords2/TwoWords2Recipe.java"),
        written.toString());
    for (String file : written) {
      String text = Files.readString(dir.resolve("p").resolve(file)).toLowerCase(Locale.ROOT);
      assertFalse(text.matches("(?s).*embedding[_-]?norm.*"), file + text);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          MyRecipe  | recipe name 'MyRecipe' is not valid: expected lower-case letters, digits and single underscores, such as 'my_recipe'
          my-recipe | recipe name 'my-recipe' is not valid: expected lower-case letters, digits and single underscores, such as 'my_recipe'
          1st       | recipe name '1st' is not valid: expected lower-case letters, digits and single underscores, such as 'st'
          ../up     | recipe name '../up' is not valid: expected lower-case letters, digits and single underscores, such as 'up'
          a__b      | recipe name 'a__b' is not valid: expected lower-case letters, digits and single underscores, such as 'a_b'
          class     | recipe name 'class' is a Java keyword and cannot name a package; choose 'class_recipe'
          lora_finetune_single_device | recipe 'lora_finetune_single_device' exists already; choose another name, such as 'my_lora_finetune_single_device'
          """)
  void newRecipe_wrongName_isRefused(String name, String message) {
    assertEquals(2, tune("new", "recipe", name, "--dir", dir.resolve("p")));
    assertEquals("tune: " + message + "\n", err);
    assertFalse(Files.exists(dir.resolve("p")));
  }

  @Test
  void newRecipe_folderThatExists_isLeftAlone() {
    assertEquals(2, tune("new", "recipe", "mine", "--dir", dir));
    assertEquals("tune: DIR exists; name another folder with --dir\n", err);
  }
}

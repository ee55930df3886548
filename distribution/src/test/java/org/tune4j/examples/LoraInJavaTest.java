package org.tune4j.examples;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.generation.GenerationListener;
import org.tune4j.generation.SamplingOptions;
import org.tune4j.inference.InferenceModel;
import org.tune4j.models.Decoder;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.TensorScope;

/** docs/lora-in-java.md: every line of it is the example's, and that runs. */
class LoraInJavaTest {
  private static final String BACKEND = System.getProperty("tune4j.test.backend", "javacpp");
  private static final Path PAGE = Path.of("../docs/lora-in-java.md");

  @TempDir Path dir;
  private final ByteArrayOutputStream said = new ByteArrayOutputStream();
  private final PrintStream out = new PrintStream(said, true, UTF_8);

  @Test
  void build_printsLayersAndCountsWithoutStorage_asThePageShows() throws IOException {
    LoraInJava.build(out);
    String text = said.toString(UTF_8);
    assertTrue(text.endsWith("6,742,609,920 parameters, 4,194,304 trainable (0.06 %)\n"), text);
    assertTrue(Files.readString(PAGE).contains("```\n" + text + "```\n"), text);
  }

  @Test
  void generate_withFreshAdapters_answersAsTheBase() throws IOException {
    Path tiny = Path.of("../models/src/test/resources/golden/tiny/families/llama2");
    Files.copy(tiny.resolve("config.json"), dir.resolve("config.json"));
    Files.copy(tiny.resolve("model.safetensors"), dir.resolve("model.safetensors"));
    Files.copy(Path.of("../docs/tiny/tokenizer.json"), dir.resolve("tokenizer.json"));
    try (Engine engine = Backends.installed().open(BACKEND, BackendOptions.DEFAULT);
        TensorScope scope = engine.openScope();
        InferenceModel base = InferenceModel.open(dir, null, engine, DType.BF16)) {
      Decoder lora = base.base().model().build(DType.BF16);
      lora.adapt(LoraInJava.build(out).adapter().orElseThrow());
      said.reset();
      LoraInJava.generate(engine, lora, dir, "hello", out);
      String answer =
          base.generator(null)
              .generate(
                  base.tokenizer().encodeAlone("hello"),
                  SamplingOptions.greedy(20),
                  GenerationListener.NONE)
              .text();
      assertEquals(answer + "\n", said.toString(UTF_8));
    }
  }

  @Test
  void page_showsEveryLine() throws IOException {
    String page = Files.readString(PAGE).replaceAll("(?m)^ +", "");
    List<String> lines =
        Files.readAllLines(Path.of("src/test/java/org/tune4j/examples/LoraInJava.java"));
    for (String line : lines.subList(2, lines.size())) {
      if (!line.matches("\\s*(/\\*\\*.*|public final class .*|private LoraInJava.*|)")) {
        assertTrue(page.contains(line.strip()), line);
      }
    }
  }
}

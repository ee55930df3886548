package org.tune4j.docs;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The pages that tell a sample project show its code as it is. */
class SamplePagesTest {
  private static final Path DOCS = Path.of("../docs");

  @ParameterizedTest
  @CsvSource({
    "add-a-model.md, sample-model",
    "add-an-adapter.md, sample-adapter",
    "add-an-objective.md, sample-objective"
  })
  void page_showsLinesOfTheProject(String page, String project) throws IOException {
    StringBuilder all = new StringBuilder("\n");
    for (Path file : sources(DOCS.resolve(project))) {
      Files.readAllLines(file).forEach(line -> all.append(line.strip()).append('\n'));
    }
    List<DocCommand.Block> blocks = DocCommand.blocks(DOCS.resolve(page), "java");
    assertTrue(blocks.size() > 3, page);
    for (DocCommand.Block block : blocks) {
      StringBuilder shown = new StringBuilder("\n");
      block.text().lines().forEach(line -> shown.append(line.strip()).append('\n'));
      assertTrue(all.indexOf(shown.toString()) >= 0, page + ":" + block.line() + shown);
    }
  }

  private static List<Path> sources(Path project) throws IOException {
    try (Stream<Path> files = Files.walk(project.resolve("src/main/java"))) {
      return new ArrayList<>(files.filter(f -> f.toString().endsWith(".java")).sorted().toList());
    }
  }
}

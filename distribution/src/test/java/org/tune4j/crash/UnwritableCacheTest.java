package org.tune4j.crash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** DJL's libraries cannot be unpacked: one line, no stack trace. */
class UnwritableCacheTest {
  @ParameterizedTest
  @CsvSource({
    "tokenizers, hf_tokenizer, docs/tiny",
    "sentencepiece, llama2_tokenizer, distribution/src/test/resources/fuzz/sentencepiece-a.model"
  })
  void inspect_cacheIsAFile_oneLine(
      String library, String tokenizer, String path, @TempDir Path temp) throws Exception {
    Path cache = Files.writeString(temp.resolve("cache"), "");
    Path config =
        Files.writeString(
            temp.resolve("my.yaml"),
            """
            checkpointer: {_component_: hf_checkpointer, checkpoint_dir: nowhere, output_dir: out}
            tokenizer: {_component_: %s, path: %s}
            dataset: {_component_: alpaca_dataset, source: json, data_files: docs/tiny/rows.jsonl}
            """
                .formatted(tokenizer, path));
    List<String> command = new ArrayList<>(TuneProcess.jvm());
    command.add(1, "-DDJL_CACHE_DIR=" + cache);
    command.addAll(List.of("data", "inspect", "--config", config.toString()));
    TuneProcess p = TuneProcess.start(temp, command);
    assertEquals(1, p.exitCode(), p::err);
    assertTrue(
        p.err()
            .matches(
                "tune: DJL's library %s cannot be unpacked into %s/%s and loaded: Not a directory; set DJL_CACHE_DIR to a folder that can be written and has space\n"
                    .formatted(library, cache, library)),
        p::err);
  }
}

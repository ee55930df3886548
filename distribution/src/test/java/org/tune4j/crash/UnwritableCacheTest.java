package org.tune4j.crash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** DJL's library cannot be unpacked: one line, no stack trace. */
@Tag("process")
class UnwritableCacheTest {
  @Test
  void inspect_cacheIsAFile_oneLine(@TempDir Path temp) throws Exception {
    Path cache = Files.writeString(temp.resolve("cache"), "");
    Path config =
        Files.writeString(
            temp.resolve("my.yaml"),
            """
            checkpointer: {_component_: hf_checkpointer, checkpoint_dir: nowhere, output_dir: out}
            tokenizer: {_component_: hf_tokenizer, path: docs/tiny}
            dataset: {_component_: alpaca_dataset, source: json, data_files: docs/tiny/rows.jsonl}
            """);
    List<String> command = new ArrayList<>(TuneProcess.jvm());
    command.add(1, "-DDJL_CACHE_DIR=" + cache);
    command.addAll(List.of("data", "inspect", "--config", config.toString()));
    TuneProcess p = TuneProcess.start(temp, command);
    assertEquals(1, p.exitCode(), p::err);
    assertTrue(
        p.err()
            .matches(
                "tune: DJL's library tokenizers cannot be unpacked into %s/tokenizers and loaded: Not a directory; set DJL_CACHE_DIR to a folder that can be written and has space\n"
                    .formatted(cache)),
        p::err);
  }
}

package org.tune4j.crash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tune4j.checkpoint.SafetensorsFile;

/** Runs in bf16 that begin where it is computed in fp32 and go on where it is not. */
@Tag("process")
class OtherComputeTest {
  private static final String CHANGED =
      "the run cannot resume with these changes: computed in fp32, this machine computes in bf16 (TUNE_COMPUTE=fp32 computes as before, --allow-other-compute accepts other rounding); undo them, or start a new run in another output_dir (with checkpointer.adapter_checkpoint to start from its adapter)";

  private static final String GOES_ON =
      "the run computed in fp32 until here and computes in bf16 from here on; results differ in rounding";

  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path temp;

  static List<String> backends() {
    return TuneProcess.backends();
  }

  @ParameterizedTest
  @MethodSource("backends")
  void lora_goesOnInAnotherType_whenAllowed(String backend) throws Exception {
    Path out = temp.resolve("out");
    goesOn(out, TuneProcess.arguments(backend, out, "dtype=bf16"));
    // Adapters are fp32 whatever computes.
    for (String epoch : List.of("epoch_0", "epoch_1")) {
      assertEquals(Set.of("F32"), types(out.resolve(epoch + "/adapter_model.safetensors")));
    }
  }

  @ParameterizedTest
  @MethodSource("backends")
  void full_isSavedInItsDtype(String backend) throws Exception {
    Path out = temp.resolve("out");
    goesOn(out, TuneProcess.fullArguments(backend, out, "dtype=bf16"));
    for (String epoch : List.of("epoch_0", "epoch_1")) {
      assertEquals(Set.of("BF16"), types(out.resolve(epoch + "/model.safetensors")));
      String config = Files.readString(out.resolve(epoch + "/config.json"));
      assertEquals("bfloat16", JSON.readTree(config).path("dtype").asText());
    }
  }

  /** An epoch in fp32 and one in bf16. */
  private void goesOn(Path out, List<String> run) throws Exception {
    List<String> first = TuneProcess.concat(run, List.of("save_every_n_steps=2", "epochs=1"));
    TuneProcess fp32 = TuneProcess.tune(temp, Map.of("TUNE_COMPUTE", "fp32"), first);
    assertEquals(0, fp32.exitCode(), fp32::err);
    assertTrue(fp32.out().contains("dtype bf16 computed in fp32"), fp32::out);

    List<String> longer =
        TuneProcess.concat(first, List.of("epochs=2", "resume_from_checkpoint=true"));
    TuneProcess refused = TuneProcess.tune(temp, Map.of("TUNE_COMPUTE", "bf16"), longer);
    assertEquals(2, refused.exitCode(), refused::err);
    assertTrue(refused.err().contains(CHANGED), refused::err);

    List<String> allowed = TuneProcess.concat(longer, List.of("--allow-other-compute"));
    TuneProcess bf16 = TuneProcess.tune(temp, Map.of("TUNE_COMPUTE", "bf16"), allowed);
    assertEquals(0, bf16.exitCode(), bf16::err);
    assertTrue(bf16.out().contains(GOES_ON), bf16::out);
    List<String> computed = new ArrayList<>();
    for (String line : Files.readAllLines(out.resolve("logs/metrics.jsonl"))) {
      computed.add(JSON.readTree(line).path("compute").asText());
    }
    assertEquals(List.of("fp32", "fp32", "fp32", "fp32", "bf16", "bf16", "bf16", "bf16"), computed);
  }

  private static Set<String> types(Path file) {
    return SafetensorsFile.open(file).entries().values().stream()
        .map(e -> e.type().toString())
        .collect(Collectors.toSet());
  }
}

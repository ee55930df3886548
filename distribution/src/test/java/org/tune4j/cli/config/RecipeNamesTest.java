package org.tune4j.cli.config;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Which recipe a config's comments name. */
class RecipeNamesTest {
  private static Optional<String> in(String yaml) {
    return RecipeNames.inComments("configs/my.yaml", yaml);
  }

  @Test
  void inComments_oneCommand_isTheConfigs() {
    assertEquals(Optional.of("mine"), in("#   tune run mine --config x\nepochs: 1\n"));
    assertEquals(Optional.of("mine"), in("# tune run mine"));
    assertEquals(
        Optional.of("mine"), in("# `tune run --nproc_per_node 2 mine \\\n#   --config x`"));
    assertEquals(Optional.of("mine"), in("# ./tune run --config my.yaml mine a=b\r\n"));
    assertEquals(Optional.empty(), in("note: tune run mine --config x\n# tune ls\n"));
  }

  @Test
  void inComments_endlessCommands_end() {
    assertEquals(Optional.empty(), in("# tune run " + "--a ".repeat(200_000)));
    assertEquals(Optional.of("x"), in("# " + "tune run x ".repeat(100_000)));
  }

  @Test
  void inComments_severalCommands_isThatForThisConfig() {
    String two =
        """
        # As tune run full_finetune_single_device --config llama2/7B_full_single_device, with LoRA:
        #   tune run --nnodes 1 --nproc_per_node 2 mine \\
        #     --config other/my epochs=2
        """;
    assertEquals(Optional.of("mine"), in(two));
    assertEquals(
        Optional.of("full_finetune_single_device"), RecipeNames.inComments("copy.yaml", two));
  }
}

package org.tune4j.cli.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.tune4j.UsageException;
import org.tune4j.component.Component;
import org.tune4j.config.ComponentRegistry;
import org.tune4j.recipe.Recipe;
import org.tune4j.recipe.RunContext;

/** Which recipe a config's comments name. */
class RecipeNamesTest {
  private static final ComponentRegistry MINE =
      new ComponentRegistry(List.of(() -> List.of(Mine.class)));

  /** A recipe with a short name and another. */
  public static final class Mine implements Recipe {
    /** Of no keys. */
    @Component(value = "mine", aliases = "dev/mine_v2")
    public Mine() {}

    @Override
    public void run(RunContext context) {
      throw new AssertionError("only looked up");
    }
  }

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
  void inComments_noCommand_isTheTitles() {
    String title = "# Config for multi-node runs in mine.py\n# using a model\n";
    assertEquals(Optional.of("mine"), in(title + "# sbatch mine.slurm\n"));
    assertEquals(Optional.of("other"), in(title + "# tune run other --config x\n"));
    assertEquals(Optional.empty(), in("a: 1\n" + title));
  }

  @Test
  void of_recipeOfTorchtunesThatIsNotHere_isNamed() {
    Function<String, String> message =
        recipe ->
            assertThrows(
                    UsageException.class,
                    () -> RecipeNames.of(null, "a.yaml", RecipeNames.comment(recipe), MINE))
                .getMessage();
    assertEquals(
        "config 'a.yaml' is for recipe 'qat_distributed': quantisation-aware training is not supported",
        message.apply("qat_distributed"));
    assertEquals(
        "config 'a.yaml' is for recipe 'mime', which is not known; did you mean 'mine'?; name its plugin with --plugin, or name one of mine",
        message.apply("mime"));
  }

  @Test
  void of_recipeByAnAlias_isItsShortName() {
    assertEquals("mine", RecipeNames.of(null, "a.yaml", "# tune run dev/mine_v2 --config b", MINE));
    assertEquals("other", RecipeNames.of("other", "a.yaml", "# tune run mine", MINE));
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

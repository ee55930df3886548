package org.tune4j.cli.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.cli.TinyRun;
import org.tune4j.cli.Tune;
import org.tune4j.wiring.Wiring;

/** {@code tune plan} of what is not wholly there, and of several ranks. */
class PlanTest {
  private static final String BACKEND = System.getProperty("tune4j.test.backend", "javacpp");

  @TempDir Path dir;
  private String out = "";
  private String err = "";

  private int plan(String config, String... more) {
    List<String> args = new ArrayList<>(List.of("plan", "--config", config, "backend=" + BACKEND));
    args.addAll(List.of(more));
    ByteArrayOutputStream o = new ByteArrayOutputStream();
    ByteArrayOutputStream e = new ByteArrayOutputStream();
    PrintStream to = new PrintStream(o, true, StandardCharsets.UTF_8);
    PrintStream errors = new PrintStream(e, true, StandardCharsets.UTF_8);
    int code = Tune.execute(Wiring.installed(to), args.toArray(String[]::new), to, errors);
    out = o.toString(StandardCharsets.UTF_8).replace(dir.toString(), "DIR");
    err = e.toString(StandardCharsets.UTF_8).replace(dir.toString(), "DIR");
    return code;
  }

  private int weights() {
    Matcher m = Pattern.compile("(?m)^ +(\\d+)  weights").matcher(out);
    assertTrue(m.find(), out);
    return Integer.parseInt(m.group(1));
  }

  @Test
  void plan_folderThatIsNotThere_isNamedOnceWithTheCommandThatFetchesIt() {
    assertEquals(
        0,
        plan("llama2/7B_lora_single_device", "checkpointer.checkpoint_dir=" + dir.resolve("7B")),
        err);
    assertTrue(
        out.startsWith(
            """
            checkpointer.checkpoint_dir is DIR/7B, which does not exist; `tune download meta-llama/Llama-2-7b-hf --output-dir DIR/7B` fetches it: \
            the plan uses the sizes of lora_llama2_7b and assumes weights stored as bf16
            the data cannot be read: assuming 2 rows of 512 tokens, as tokenizer.max_seq_len gives none
            """),
        out);
    assertEquals(12853, weights());
  }

  @Test
  void plan_configAlone_isThatOfItsSizesAndType() throws IOException {
    Files.copy(TinyRun.GOLDEN.resolve("families/llama2/config.json"), dir.resolve("config.json"));
    assertEquals(0, plan("llama/lora_single_device", "checkpointer.checkpoint_dir=" + dir), err);
    assertTrue(
        out.startsWith(
            "there are no weights in DIR: the plan uses the sizes of its config.json and assumes weights"
                + " stored as fp32\n"),
        out);
    assertEquals("", err);
  }

  @Test
  void plan_ofAModelWithoutItsFolder_isThatOfItsBuilder() {
    String folder = "checkpointer.checkpoint_dir=" + dir.resolve("none");
    assertEquals(0, plan("qwen2_5/7B_lora_single_device", folder), err);
    assertTrue(out.contains("the plan uses the sizes of lora_qwen2_5_7b_instruct"), out);
    assertEquals(14526, weights());
  }

  @Test
  void plan_ofAFolderOfAnotherSize_isRefused() throws IOException {
    Files.copy(TinyRun.GOLDEN.resolve("families/llama2/config.json"), dir.resolve("config.json"));
    assertEquals(
        2, plan("llama2/7B_lora_single_device", "checkpointer.checkpoint_dir=" + dir), out);
    assertTrue(
        err.startsWith(
            "tune: the checkpoint is not model 'lora_llama2_7b': vocab_size is 320, expected 32000, hidden_size is 64, expected 4096,"),
        err);
  }

  @Test
  void plan_severalRanks_isThatOfOne() {
    String[] two = {"--nproc_per_node", "2", "checkpointer.checkpoint_dir=" + dir.resolve("7B")};
    assertEquals(0, plan("llama2/7B_lora", with(two, "strategy=ddp")), err);
    assertTrue(out.contains(" 2 ranks, strategy ddp: every rank has all weights\n"), out);
    assertEquals(12853, weights());
    assertEquals(0, plan("llama2/7B_lora", with(two, "strategy=fsdp")), err);
    assertTrue(out.contains(" 2 ranks, strategy fsdp: weights are sharded"), out);
    assertEquals(BACKEND.equals("javacpp"), weights() == 6426, out);

    assertEquals(2, plan("llama2/7B_lora_single_device", two));
    assertEquals(
        "tune: recipe lora_finetune_single_device runs on one rank, 2 were requested\n", err);
    assertFalse(out.contains("plan"), out);
  }

  private static String[] with(String[] all, String one) {
    List<String> more = new ArrayList<>(List.of(all));
    more.add(one);
    return more.toArray(String[]::new);
  }
}

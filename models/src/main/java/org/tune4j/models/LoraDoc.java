package org.tune4j.models;

/** What the arguments of every {@code lora_} builder mean, for the configuration reference. */
public final class LoraDoc {
  public static final String ATTN_MODULES =
      "Projections of every attention layer to adapt: q_proj, k_proj, v_proj, output_proj.";
  public static final String TO_MLP = "Whether to adapt gate_proj, up_proj and down_proj too.";
  public static final String TO_OUTPUT = "Whether to adapt lm_head too.";
  public static final String RANK = "Inner dimension of the adapters, 1 or more.";
  public static final String ALPHA = "The update is scaled by lora_alpha / lora_rank.";
  public static final String DROPOUT =
      "Probability of dropping an element before lora_A, 0 to below 1.";
  public static final String QUANTIZE = "QLoRA: keep the base in NF4. Not supported yet.";
  public static final String DORA = "DoRA: train magnitudes too. Not supported yet.";

  private LoraDoc() {}
}

package org.tune4j.adapters.lora;

import org.tune4j.component.Requirements;

/**
 * What a low-rank adapter has besides its two factors.
 *
 * @param dora whether rows have a trained length (DoRA)
 * @param bias whether {@code lora_B} has a bias
 * @param init the factors' first values
 * @param whole whether an adapter that takes a part of the base is saved as plain LoRA of twice the
 *     rank, for the whole base
 */
public record LoraVariant(boolean dora, boolean bias, LoraInit init, boolean whole) {
  /** Two factors, and nothing else. */
  public static final LoraVariant PLAIN = new LoraVariant(false, false, LoraInit.TRUE, false);

  /**
   * Checks that they go together.
   *
   * @throws org.tune4j.UsageException when they do not
   */
  public LoraVariant {
    new Requirements()
        .that(
            !(dora && bias),
            "use_dora and lora_bias are both true, expected one of them; a row's length has no bias")
        .that(
            init.takesFromBase() || !whole,
            "save_as_lora is true, but init_lora_weights takes nothing from the base; leave it out")
        .check();
  }

  /** The same of factors that are only trained. */
  LoraVariant withInit(LoraInit other, boolean converted) {
    return new LoraVariant(dora, bias, other, converted);
  }
}

package org.tune4j.adapters.lora;

import java.util.Locale;
import org.tune4j.component.AlsoCalled;
import org.tune4j.component.Hint;

/** Projections of an attention layer that LoRA may adapt, by torchtune's names. */
@Hint("name other linears in target_modules instead")
public enum AttnModule {
  /** Queries. */
  Q_PROJ("q_proj"),
  /** Keys. */
  K_PROJ("k_proj"),
  /** Values. */
  V_PROJ("v_proj"),
  /** {@code o_proj} in Hugging Face's names. */
  @AlsoCalled("o_proj")
  OUTPUT_PROJ("o_proj");

  private final String checkpointName;

  AttnModule(String checkpointName) {
    this.checkpointName = checkpointName;
  }

  /** {@return the module's name in a Hugging Face checkpoint} */
  public String checkpointName() {
    return checkpointName;
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}

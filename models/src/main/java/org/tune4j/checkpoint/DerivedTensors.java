package org.tune4j.checkpoint;

import java.util.regex.Pattern;
import org.tune4j.checkpoint.SafetensorsFile.Entry;

/**
 * Tensors of a checkpoint that are no weights, as the model computes them: those that older
 * versions of transformers saved, and other programs still do. transformers does not read them
 * either.
 */
final class DerivedTensors {
  private static final Pattern BUFFER =
      Pattern.compile(
          "(.*\\.)?(rotary_emb\\.(inv_freq|original_inv_freq|_?(cos|sin)_cached|cos_sin_cache)"
              + "|(self_attn|attn|attention)\\.(bias|masked_bias)|causal_mask|position_ids)");

  private static final String HEAD = "lm_head.weight";

  private DerivedTensors() {}

  /** Whether a tensor of this name is a buffer: rotary frequencies, a causal mask, positions. */
  static boolean isBuffer(String name) {
    return BUFFER.matcher(name).matches();
  }

  /** Whether a tensor of this name in the model is computed by a model of this config. */
  static boolean isDerived(String name, Entry entry, HuggingFaceConfig config) {
    // A causal mask is [1, 1, n, n]; what is flat is a trained bias.
    boolean trainedBias = name.endsWith(".bias") && entry.shape().size() == 1;
    if (name.equals(HEAD) && config.tieWordEmbeddings()) {
      config.requireTied();
      return true;
    }
    return isBuffer(name) && !trainedBias;
  }
}

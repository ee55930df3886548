package org.tune4j.checkpoint;

import java.util.regex.Matcher;
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
  private static final String SHARED = "num_kv_shared_layers";
  private static final Pattern KEYS =
      Pattern.compile(".*\\.layers\\.(\\d{1,6})\\.self_attn\\.[kv]_(proj|norm)\\..*");

  private DerivedTensors() {}

  /** Whether a tensor of this name is a buffer: rotary frequencies, a causal mask, positions. */
  static boolean isBuffer(String name) {
    return BUFFER.matcher(name).matches();
  }

  /**
   * Whether a layer takes what a tensor would give it from a layer below, as Gemma 4's upper ones.
   */
  private static boolean isShared(String name, HuggingFaceConfig config) {
    Matcher layer = KEYS.matcher(name);
    if (!layer.matches()) {
      return false;
    }
    JsonFields text = HuggingFaceConfig.text(config.json());
    return text.has(SHARED)
        && Integer.parseInt(layer.group(1))
            >= text.positive("num_hidden_layers") - text.wholeNumber(SHARED, 0);
  }

  /** Whether a tensor of this name in the model is computed by a model of this config. */
  static boolean isDerived(String name, Entry entry, HuggingFaceConfig config) {
    // A causal mask is [1, 1, n, n]; what is flat is a trained bias.
    boolean trainedBias = name.endsWith(".bias") && entry.shape().size() == 1;
    if (name.equals(HEAD) && config.tieWordEmbeddings()) {
      config.requireTied();
      return true;
    }
    return (isBuffer(name) && !trainedBias) || isShared(name, config);
  }
}

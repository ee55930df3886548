package org.tune4j.models;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.checkpoint.Labels;
import org.tune4j.models.layers.AttentionShape;
import org.tune4j.models.layers.RopeScaling;
import org.tune4j.models.layers.RotaryEmbedding;

/** The sizes that decoders have in common. Immutable; made by {@link #builder}. */
public final class DecoderConfig {
  private final Builder values;

  private DecoderConfig(Builder values) {
    this.values = values;
  }

  /** {@return a builder with no sizes yet; the head is untied, nothing is scaled, no window} */
  public static Builder builder() {
    return new Builder();
  }

  /** {@return rows of the embedding} */
  public int vocabSize() {
    return values.vocabSize;
  }

  /** {@return width of the residual stream} */
  public int hiddenSize() {
    return values.hiddenSize;
  }

  /** {@return width of the MLP} */
  public int intermediateSize() {
    return values.intermediateSize;
  }

  /** {@return blocks of attention and MLP} */
  public int numLayers() {
    return values.numLayers;
  }

  /** {@return query heads} */
  public int numHeads() {
    return values.numHeads;
  }

  /** {@return key-value heads, a divisor of {@link #numHeads}} */
  public int numKvHeads() {
    return values.numKvHeads;
  }

  /** {@return width of one head, even} */
  public int headDim() {
    return values.headDim;
  }

  /** {@return the longest row, in tokens} */
  public int maxSeqLen() {
    return values.maxSeqLen;
  }

  /** {@return what is added to the mean square} */
  public double normEps() {
    return values.normEps;
  }

  /** {@return a classifier's labels; empty where the head gives logits of tokens} */
  public Optional<Labels> labels() {
    return Optional.ofNullable(values.labels);
  }

  /** {@return rows of the head: labels of a classifier, else tokens} */
  public int outputs() {
    return labels().map(l -> l.names().size()).orElse(vocabSize());
  }

  /** {@return whether the head shares the embedding's weight, as no classifier's does} */
  public boolean tieWordEmbeddings() {
    return values.tieWordEmbeddings && values.labels == null;
  }

  /** {@return how many positions a query sees, itself included; 0 for all before it} */
  public int slidingWindow() {
    return values.slidingWindow;
  }

  /** {@return what embedded tokens are multiplied by} */
  public double embeddingScale() {
    return values.embeddingScale;
  }

  /** {@return what logits of tokens are multiplied by} */
  public double logitScale() {
    return values.labels == null ? values.logitScale : 1;
  }

  /** {@return logits are replaced by {@code cap * tanh(logit / cap)}; 0 for none} */
  public double logitSoftCap() {
    return values.labels == null ? values.logitSoftCap : 0;
  }

  /** {@return what the checkpoint calls the modules} */
  public Decoder.Names names() {
    Decoder.Names own = values.names;
    return values.labels == null
        ? own
        : new Decoder.Names(own.body(), own.embedding(), own.layers(), own.norm(), Labels.HEAD);
  }

  /** {@return the attention of layers that are all alike, with one rotation for all of them} */
  public AttentionShape attention() {
    return attention(
        slidingWindow(), new RotaryEmbedding(headDim(), values.ropeTheta, values.ropeScaling));
  }

  /**
   * {@return the attention of layers with these heads}
   *
   * @param window how many positions a query sees, itself included; 0 for all before it
   * @param rotary how queries and keys are rotated
   */
  public AttentionShape attention(int window, RotaryEmbedding rotary) {
    return new AttentionShape(numHeads(), numKvHeads(), headDim(), window, rotary);
  }

  /** All that changes a forward pass, so not {@code maxSeqLen}, as {@code config.json} names it. */
  Map<String, Object> facts() {
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("vocab_size", vocabSize());
    facts.put("hidden_size", hiddenSize());
    facts.put("intermediate_size", intermediateSize());
    facts.put("num_hidden_layers", numLayers());
    facts.put("num_attention_heads", numHeads());
    facts.put("num_key_value_heads", numKvHeads());
    facts.put("head_dim", headDim());
    facts.put("rms_norm_eps", normEps());
    facts.put("rope_theta", values.ropeTheta);
    facts.put("rope_scaling", String.valueOf(values.ropeScaling));
    facts.put("tie_word_embeddings", values.tieWordEmbeddings);
    facts.put("sliding_window", slidingWindow());
    if (embeddingScale() != 1) {
      facts.put("embedding_scale", embeddingScale());
    }
    if (values.logitScale != 1) {
      facts.put("logit_scale", values.logitScale);
    }
    if (values.logitSoftCap != 0) {
      facts.put("final_logit_softcapping", values.logitSoftCap);
    }
    if (!values.names.equals(Decoder.Names.LLAMA)) {
      facts.put("names", values.names);
    }
    labels().ifPresent(l -> facts.put("num_labels", l.names().size()));
    return facts;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof DecoderConfig c
        && facts().equals(c.facts())
        && maxSeqLen() == c.maxSeqLen();
  }

  @Override
  public int hashCode() {
    return facts().hashCode();
  }

  @Override
  public String toString() {
    return "%s, max_position_embeddings=%d".formatted(facts(), maxSeqLen());
  }

  /** Takes sizes by name. Used by one thread, for one config. */
  public static final class Builder {
    private int vocabSize;
    private int hiddenSize;
    private int intermediateSize;
    private int numLayers;
    private int numHeads;
    private int numKvHeads;
    private int headDim;
    private int maxSeqLen;
    private double normEps;
    private double ropeTheta;
    private @Nullable RopeScaling ropeScaling;
    private boolean tieWordEmbeddings;
    private int slidingWindow;
    private double embeddingScale = 1;
    private double logitScale = 1;
    private double logitSoftCap;
    private @Nullable Labels labels;
    private Decoder.Names names = Decoder.Names.LLAMA;

    private Builder() {}

    /**
     * {@return this}
     *
     * @param size rows of the embedding, 1 or more
     */
    public Builder vocabSize(int size) {
      vocabSize = size;
      return this;
    }

    /**
     * {@return this}
     *
     * @param size width of the residual stream, 1 or more
     */
    public Builder hiddenSize(int size) {
      hiddenSize = size;
      return this;
    }

    /**
     * {@return this}
     *
     * @param size width of the MLP, 1 or more
     */
    public Builder intermediateSize(int size) {
      intermediateSize = size;
      return this;
    }

    /**
     * {@return this}
     *
     * @param layers 1 or more
     */
    public Builder numLayers(int layers) {
      numLayers = layers;
      return this;
    }

    /**
     * {@return this}
     *
     * @param queries heads, a multiple of {@code keyValues}
     * @param keyValues heads, 1 or more
     * @param dim width of one head, even
     */
    public Builder heads(int queries, int keyValues, int dim) {
      numHeads = queries;
      numKvHeads = keyValues;
      headDim = dim;
      return this;
    }

    /**
     * {@return this}
     *
     * @param tokens of the longest row, 1 or more
     */
    public Builder maxSeqLen(int tokens) {
      maxSeqLen = tokens;
      return this;
    }

    /**
     * {@return this}
     *
     * @param eps added to the mean square, above 0
     */
    public Builder normEps(double eps) {
      normEps = eps;
      return this;
    }

    /**
     * {@return this}
     *
     * @param theta base of the rotary frequencies, above 0
     * @param scaling null where frequencies are used as they are
     */
    public Builder rope(double theta, @Nullable RopeScaling scaling) {
      ropeTheta = theta;
      ropeScaling = scaling;
      return this;
    }

    /**
     * {@return this}
     *
     * @param tied whether the head shares the embedding's weight
     */
    public Builder tieWordEmbeddings(boolean tied) {
      tieWordEmbeddings = tied;
      return this;
    }

    /**
     * {@return this}
     *
     * @param positions that a query sees, itself included; 0 for all before it
     */
    public Builder slidingWindow(int positions) {
      slidingWindow = positions;
      return this;
    }

    /**
     * {@return this}
     *
     * @param factor of embedded tokens
     */
    public Builder embeddingScale(double factor) {
      embeddingScale = factor;
      return this;
    }

    /** {@return this, with embedded tokens multiplied by the root of {@code hiddenSize}} */
    public Builder embeddingScaleOfWidth() {
      return embeddingScale(Math.sqrt((double) hiddenSize));
    }

    /**
     * {@return this}
     *
     * @param factor of logits
     * @param softCap of the scaled logits; 0 for none
     */
    public Builder logits(double factor, double softCap) {
      logitScale = factor;
      logitSoftCap = softCap;
      return this;
    }

    /**
     * {@return this}
     *
     * @param labels of a classifier; null for a head of tokens
     */
    public Builder labels(@Nullable Labels labels) {
      this.labels = labels;
      return this;
    }

    /**
     * {@return this}
     *
     * @param names of the modules in the checkpoint, where they are not Llama's
     */
    public Builder names(Decoder.Names names) {
      this.names = names;
      return this;
    }

    /**
     * {@return the sizes}
     *
     * @throws UsageException naming what is out of its range, as {@code config.json} calls it
     */
    public DecoderConfig build() {
      positive("vocab_size", vocabSize);
      positive("hidden_size", hiddenSize);
      positive("intermediate_size", intermediateSize);
      positive("num_hidden_layers", numLayers);
      positive("num_attention_heads", numHeads);
      positive("num_key_value_heads", numKvHeads);
      positive("head_dim", headDim);
      positive("max_position_embeddings", maxSeqLen);
      if (numHeads % numKvHeads != 0) {
        throw new UsageException(
            "num_attention_heads %d is not a multiple of num_key_value_heads %d"
                .formatted(numHeads, numKvHeads));
      }
      if (headDim % 2 != 0) {
        throw new UsageException(
            "head_dim is %d, rotary embedding needs it even".formatted(headDim));
      }
      if (!(normEps > 0) || !(ropeTheta > 0)) {
        throw new UsageException(
            "rms_norm_eps is %s and rope_theta %s, expected both above 0"
                .formatted(normEps, ropeTheta));
      }
      if (slidingWindow < 0) {
        throw new UsageException(
            "sliding_window is %d, expected 0 (none) or more".formatted(slidingWindow));
      }
      return new DecoderConfig(this);
    }

    private static void positive(String name, int value) {
      if (value <= 0) {
        throw new UsageException("%s is %d, expected 1 or more".formatted(name, value));
      }
    }
  }
}

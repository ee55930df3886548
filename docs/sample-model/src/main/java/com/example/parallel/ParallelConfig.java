package com.example.parallel;

import java.util.stream.IntStream;
import org.tune4j.models.Decoder;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.ModelConfig;
import org.tune4j.models.ModelFamily;
import org.tune4j.models.layers.Embedding;
import org.tune4j.tensor.DType;

/** One model of the family. */
record ParallelConfig(ModelFamily family, DecoderConfig sizes) implements ModelConfig {
  /** What the checkpoint calls the embedding, the blocks, the last norm and the head. */
  private static final Decoder.Names NAMES =
      new Decoder.Names("transformer", "wte", "h", "ln_f", "lm_head");

  @Override
  public Decoder build(DType dtype) {
    return new Decoder(
        this,
        dtype,
        new Embedding(sizes.vocabSize(), sizes.hiddenSize(), dtype),
        IntStream.range(0, sizes.numLayers())
            .mapToObj(layer -> new ParallelBlock(sizes, dtype))
            .toList(),
        new LayerNorm(sizes.hiddenSize(), sizes.normEps(), dtype),
        NAMES);
  }
}

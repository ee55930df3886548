package org.tune4j.models;

import java.util.List;
import java.util.stream.IntStream;
import org.tune4j.nn.Module;
import org.tune4j.nn.ModuleList;

/** What Hugging Face calls {@code model}: the decoder without its head. */
final class DecoderBody extends Module {
  final Embedding embedding;
  final List<DecoderLayer> layers;
  final RmsNorm norm;

  DecoderBody(DecoderConfig config, Linears linears) {
    boolean trainable = linears.baseTrainable();
    embedding =
        add(
            "embed_tokens",
            new Embedding(config.vocabSize(), config.hiddenSize(), linears.dtype(), trainable));
    layers =
        add(
                "layers",
                new ModuleList<>(
                    IntStream.range(0, config.numLayers())
                        .mapToObj(i -> new DecoderLayer(config, linears.in("layers." + i)))
                        .toList()))
            .list();
    norm =
        add("norm", new RmsNorm(config.hiddenSize(), config.normEps(), linears.dtype(), trainable));
  }
}

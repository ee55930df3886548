package org.tune4j.models.gemma;

import org.tune4j.models.SideInput;
import org.tune4j.models.layers.Embedding;
import org.tune4j.models.layers.Linear;
import org.tune4j.models.layers.RmsNorm;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * Gemma 4's per-layer embeddings: a vector of each token for each layer, one layer's after the
 * other's. It is the mean of a row of a table and of a projection of the embedded token, each
 * scaled to the same size, times the root of two.
 */
final class PerLayerInputs extends SideInput {
  private final Embedding table;
  private final Linear projection;
  private final RmsNorm norm;
  private final int layers;
  private final long width;

  /**
   * Without storage.
   *
   * @param vocab rows of the table
   * @param dim width of the residual stream
   * @param layers of the decoder
   * @param width of a layer's vector
   * @param eps added to the mean square
   */
  PerLayerInputs(long vocab, long dim, int layers, long width, double eps, DType dtype) {
    table = add("embed_tokens_per_layer", new Embedding(vocab, layers * width, dtype));
    projection = add("per_layer_model_projection", new Linear(dim, layers * width, dtype));
    norm = add("per_layer_projection_norm", new RmsNorm(width, eps, dtype));
    this.layers = layers;
    this.width = width;
  }

  @Override
  public Tensor forward(Pass pass, int[] tokens, Tensor embedded) {
    long n = tokens.length;
    try (TensorScope scope = pass.engine().openScope()) {
      Tensor projected =
          projection
              .forward(pass, embedded)
              .div(Math.sqrt((double) embedded.size(1)))
              .reshape(n, layers, width);
      Tensor row = table.forward(pass, tokens);
      Tensor wide = row.dtype() == embedded.dtype() ? row : row.cast(embedded.dtype());
      Tensor normed = norm.forward(pass, projected).reshape(n, layers * width);
      return scope.moveOut(normed.add(wide.mul(Math.sqrt((double) width))).mul(Math.sqrt(0.5)));
    }
  }
}

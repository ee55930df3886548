package org.tune4j.models.layers;

/**
 * What a layer's attention needs of a pass and of a cache.
 *
 * @param numHeads query heads, a multiple of {@code numKvHeads}
 * @param numKvHeads key and value heads
 * @param headDim width of one head
 * @param window how many positions a query sees, itself included; 0 for all before it
 * @param rotary how queries and keys are rotated
 */
public record AttentionShape(
    int numHeads, int numKvHeads, int headDim, int window, RotaryEmbedding rotary) {
  /** A layer without attention, whose tokens depend on those before them through a state alone. */
  public static final AttentionShape NONE = new AttentionShape(0, 0, 0, 0, RotaryEmbedding.none(2));

  /** {@return elements of all queries of a token} */
  public long queryDim() {
    return (long) numHeads * headDim;
  }

  /** {@return elements of all keys of a token, and of all values} */
  public long kvDim() {
    return (long) numKvHeads * headDim;
  }
}

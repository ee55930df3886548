package org.tune4j.models;

import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.toList;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.tune4j.models.layers.AttentionShape;
import org.tune4j.models.layers.Embedding;
import org.tune4j.models.layers.Norm;
import org.tune4j.tensor.DType;

/**
 * An architecture that a family has read: what it shares with other decoders, what is its own, and
 * what makes its layers. Two are equal where they build the same model.
 */
public final class FamilyConfig implements ModelConfig {
  private static final String LAYERS = "layers";

  private final ModelFamily family;
  private final DecoderConfig sizes;
  private final Map<String, Object> own;
  private final List<AttentionShape> shapes;
  private final Blocks blocks;
  private final Norms norms;
  private final @Nullable Side side;

  /** Makes a layer. */
  @FunctionalInterface
  public interface Blocks {
    /**
     * {@return a layer without storage}
     *
     * @param layer from 0
     * @param shape of its attention
     * @param dtype of every parameter
     */
    DecoderBlock make(int layer, AttentionShape shape, DType dtype);
  }

  /** Makes the norm before the head. */
  @FunctionalInterface
  public interface Norms {
    /**
     * {@return a norm without storage}
     *
     * @param dtype of every parameter
     */
    Norm make(DType dtype);
  }

  /** Makes what layers take besides the embedding. */
  @FunctionalInterface
  public interface Side {
    /**
     * {@return modules without storage}
     *
     * @param dtype of every parameter
     */
    SideInput make(DType dtype);
  }

  /**
   * What a family has read.
   *
   * @param family that read it
   * @param sizes of the decoder
   * @param own what changes a forward pass besides them, by the names of {@code config.json}
   * @param shapes of the layers' attention
   * @param blocks makes the layers
   * @param norms makes the norm before the head
   */
  public FamilyConfig(
      ModelFamily family,
      DecoderConfig sizes,
      Map<String, ?> own,
      List<AttentionShape> shapes,
      Blocks blocks,
      Norms norms) {
    this(family, sizes, own, shapes, blocks, norms, null);
  }

  /**
   * The same with layers that take more than the embedding.
   *
   * @param family that read it
   * @param sizes of the decoder
   * @param own what changes a forward pass besides them, by the names of {@code config.json}
   * @param shapes of the layers' attention
   * @param blocks makes the layers
   * @param norms makes the norm before the head
   * @param side makes what they take; null for nothing
   */
  public FamilyConfig(
      ModelFamily family,
      DecoderConfig sizes,
      Map<String, ?> own,
      List<AttentionShape> shapes,
      Blocks blocks,
      Norms norms,
      @Nullable Side side) {
    this.family = family;
    this.sizes = sizes;
    // In one order: they are part of what a run is recognised by.
    Map<String, Object> facts = new TreeMap<>(own);
    // Each attention with its layers: shorter than all of them in order.
    facts.put(
        LAYERS,
        IntStream.range(0, shapes.size())
            .boxed()
            .collect(groupingBy(i -> shapes.get(i).toString(), LinkedHashMap::new, toList()))
            .toString());
    this.own = Collections.unmodifiableMap(facts);
    this.shapes = List.copyOf(shapes);
    this.blocks = blocks;
    this.norms = norms;
    this.side = side;
  }

  @Override
  public ModelFamily family() {
    return family;
  }

  @Override
  public DecoderConfig sizes() {
    return sizes;
  }

  @Override
  public Map<String, Object> facts() {
    Map<String, Object> all = new LinkedHashMap<>(sizes.facts());
    all.putAll(own);
    return all;
  }

  /** Attention is told where nothing else differs: it follows from the sizes. */
  @Override
  public List<String> differences(ModelConfig other) {
    List<String> found = ModelConfig.super.differences(other);
    if (found.size() > 1) {
      found.removeIf(line -> line.startsWith(LAYERS + " is "));
    }
    return found;
  }

  @Override
  public Decoder build(DType dtype) {
    return new Decoder(
        this,
        dtype,
        new Embedding(sizes.vocabSize(), sizes.hiddenSize(), dtype),
        side == null ? null : side.make(dtype),
        IntStream.range(0, shapes.size())
            .mapToObj(layer -> blocks.make(layer, shapes.get(layer), dtype))
            .toList(),
        norms.make(dtype),
        sizes.names());
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof FamilyConfig c
        && family.equals(c.family)
        && sizes.equals(c.sizes)
        && own.equals(c.own);
  }

  @Override
  public int hashCode() {
    return facts().hashCode();
  }

  @Override
  public String toString() {
    return facts().toString();
  }
}

package org.tune4j.checkpoint;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tune4j.checkpoint.RowLayout.Coding;

/**
 * The types of tensors in GGUF files that are read. Quantised ones are read as bf16, which keeps
 * more than they do. Source: {@code ggml.h} and {@code ggml-common.h} of llama.cpp.
 */
enum GgufType implements Coding {
  F32(0, SafetensorsType.F32),
  F16(1, SafetensorsType.F16),
  Q4_0(2, 32, 18, GgufBlocks::q40),
  Q4_1(3, 32, 20, GgufBlocks::q41),
  Q5_0(6, 32, 22, GgufBlocks::q50),
  Q5_1(7, 32, 24, GgufBlocks::q51),
  Q8_0(8, 32, 34, GgufBlocks::q80),
  Q2_K(10, 256, 84, GgufBlocks::q2k),
  Q3_K(11, 256, 110, GgufBlocks::q3k),
  Q4_K(12, 256, 144, GgufBlocks::q4k),
  Q5_K(13, 256, 176, GgufBlocks::q5k),
  Q6_K(14, 256, 210, GgufBlocks::q6k),
  IQ4_NL(20, 32, 18, GgufBlocks::iq4nl),
  F64(28, SafetensorsType.F64),
  BF16(30, SafetensorsType.BF16),
  MXFP4(39, 32, 17, GgufBlocks::mxfp4);

  private final int id;
  private final SafetensorsType elements;
  private final int blockElements;
  private final int blockBytes;

  @SuppressWarnings("ImmutableEnumChecker") // of functions without a state
  private final @Nullable Block block;

  GgufType(int id, SafetensorsType elements) {
    this(id, elements, 1, elements.bytes(), null);
  }

  GgufType(int id, int blockElements, int blockBytes, Block block) {
    this(id, SafetensorsType.BF16, blockElements, blockBytes, block);
  }

  GgufType(
      int id, SafetensorsType elements, int blockElements, int blockBytes, @Nullable Block block) {
    this.id = id;
    this.elements = elements;
    this.blockElements = blockElements;
    this.blockBytes = blockBytes;
    this.block = block;
  }

  /** Widens the block that begins at a position. */
  interface Block {
    void widen(ByteBuffer stored, int at, float[] values);
  }

  static Optional<GgufType> of(int id) {
    return Arrays.stream(values()).filter(type -> type.id == id).findFirst();
  }

  int id() {
    return id;
  }

  /** What its elements are read as. */
  SafetensorsType elements() {
    return elements;
  }

  /** Elements that share scales; a row is a multiple of them. */
  int blockElements() {
    return blockElements;
  }

  boolean isQuantised() {
    return block != null;
  }

  /** The fp32 elements of the block that begins at a position. */
  void widen(ByteBuffer stored, int at, float[] values) {
    if (block != null) {
      block.widen(stored, at, values);
    }
  }

  @Override
  public long bytes(long count) {
    return count / blockElements * blockBytes;
  }

  @Override
  public void decode(ByteBuffer stored, ByteBuffer target) {
    if (block == null) {
      target.put(stored);
      return;
    }
    float[] values = new float[blockElements];
    for (int at = 0; at < stored.limit(); at += blockBytes) {
      block.widen(stored, at, values);
      Floats.write(values, elements, target);
    }
  }
}

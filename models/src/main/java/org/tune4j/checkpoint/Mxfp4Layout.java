package org.tune4j.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.checkpoint.HuggingFaceFolder.Weight;
import org.tune4j.checkpoint.SafetensorsFile.Entry;

/**
 * Experts' weights of 4 bits (E2M1), each 32 with a power of two, read as bf16 {@code [experts, in,
 * out]}. The file holds {@code blocks [experts, out, in / 32, 16]}, the lower half of a byte first,
 * and {@code scales [experts, out, in / 32]}. Source: OCP Microscaling Formats 1.0, section 5.3;
 * {@code integrations/mxfp4.py} of transformers.
 *
 * @param scales exponents with a bias of 127
 */
record Mxfp4Layout(Weight scales) implements Layout {
  private static final String BLOCKS = "_blocks";
  private static final String SCALES = "_scales";
  private static final int BLOCK = 32;
  private static final float[] VALUES = {
    0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0f, -0.5f, -1, -1.5f, -2, -3, -4, -6
  };

  /** The weights as bf16; those of another type as they are. */
  static Map<String, Weight> weights(Map<String, Weight> stored) {
    Map<String, Weight> weights = new LinkedHashMap<>();
    stored.forEach(
        (name, w) -> {
          if (name.endsWith(BLOCKS) && w.entry().type() == SafetensorsType.U8) {
            String plain = name.substring(0, name.length() - BLOCKS.length());
            weights.put(plain, widened(plain, w, stored.get(plain + SCALES)));
          } else if (!name.endsWith(SCALES)) {
            weights.put(name, w);
          }
        });
    return weights;
  }

  private static Weight widened(String name, Weight blocks, @Nullable Weight scales) {
    Entry e = blocks.entry();
    List<Long> shape = e.shape();
    boolean packed = shape.size() == 4 && shape.get(3) == BLOCK / 2 && e.length() > 0;
    List<Long> expected = packed ? shape.subList(0, 3) : List.of();
    if (!packed || scales == null || !scales.entry().shape().equals(expected)) {
      throw new InputException(
          "%s: %s of shape %s has %s, expected blocks [experts, out, in / 32, 16] and a scale for each"
              .formatted(
                  blocks.file(),
                  Texts.quoted(e.name()),
                  shape,
                  scales == null ? "no scales" : "scales of shape " + scales.entry().shape()));
    }
    List<Long> plain = List.of(shape.get(0), shape.get(2) * BLOCK, shape.get(1));
    long bytes = 2 * e.length() * SafetensorsType.BF16.bytes();
    return new Weight(
        blocks.file(),
        new Entry(name, SafetensorsType.BF16, plain, e.offset(), bytes, new Mxfp4Layout(scales)));
  }

  @Override
  public void read(FileChannel in, Entry entry, long at, ByteBuffer target) throws IOException {
    int width = Math.toIntExact(entry.shape().get(1));
    int rows = Math.toIntExact(entry.shape().get(2));
    int blocks = width / BLOCK * rows;
    byte[] codes = new byte[BLOCK / 2 * blocks];
    byte[] exponents = new byte[blocks];
    ByteBuffer out = target.order(ByteOrder.LITTLE_ENDIAN);
    try (FileChannel scaled = FileChannel.open(scales.file())) {
      long expert = -1;
      for (long i = at / Short.BYTES; out.hasRemaining(); i++) {
        if (i / BLOCK / blocks != expert) {
          expert = i / BLOCK / blocks;
          RegularFile.fill(in, entry.offset() + expert * codes.length, ByteBuffer.wrap(codes));
          RegularFile.fill(
              scaled, scales.entry().offset() + expert * blocks, ByteBuffer.wrap(exponents));
        }
        // The file has an output's inputs side by side, the model an input's outputs.
        int within = (int) (i - expert * blocks * BLOCK);
        int place = within % rows * width + within / rows;
        int pair = codes[place / 2] & 0xff;
        float value = VALUES[place % 2 == 0 ? pair & 15 : pair >> 4];
        int exponent = (exponents[place / BLOCK] & 0xff) - 127;
        out.putShort(Floats.toBfloat16(Math.scalb(value, exponent)));
      }
    }
  }
}

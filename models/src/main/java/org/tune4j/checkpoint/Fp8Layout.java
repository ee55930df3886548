package org.tune4j.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tune4j.InputException;
import org.tune4j.checkpoint.HuggingFaceFolder.Weight;
import org.tune4j.checkpoint.SafetensorsFile.Entry;

/**
 * Weights of 8 bits (E4M3 without infinities) with a scale for each block of rows and columns, or
 * one for all, read as bf16. Source: {@code integrations/finegrained_fp8.py} of transformers.
 *
 * @param scales fp32 or bf16, a row of blocks after the other
 * @param height rows of a block
 * @param breadth columns of a block
 */
record Fp8Layout(Weight scales, long height, long breadth) implements Layout {
  private static final String SCALES = "_scale_inv";
  private static final String BLOCKS = "weight_block_size";

  /** Of activations, which are not quantised here. */
  private static final String ACTIVATIONS = ".activation_scale";

  /** The weights as bf16; those of another type as they are. */
  static Map<String, Weight> weights(Map<String, Weight> stored, JsonFields quantisation) {
    Map<String, Weight> weights = new LinkedHashMap<>();
    stored.forEach(
        (name, w) -> {
          Weight scales = stored.get(name + SCALES);
          if (w.entry().type() == SafetensorsType.F8_E4M3 && scales != null) {
            weights.put(name, new Weight(w.file(), widened(w, scales, quantisation)));
          } else if (!name.endsWith(SCALES) && !name.endsWith(ACTIVATIONS)) {
            weights.put(name, w);
          }
        });
    return weights;
  }

  private static Entry widened(Weight w, Weight scales, JsonFields quantisation) {
    Entry e = w.entry();
    List<Long> shape = e.shape();
    long count = scales.entry().length() / scales.entry().type().bytes();
    boolean matrix = shape.size() == 2 && e.length() > 0;
    List<Long> block = quantisation.has(BLOCKS) ? quantisation.longs(BLOCKS) : shape;
    if (!matrix
        || block.size() != 2
        || !WeightRows.isDecimal(scales.entry().type())
        || count != ceil(shape.get(0), block.get(0)) * ceil(shape.get(1), block.get(1))) {
      throw new InputException(
          "%s: %s of shape %s has scales of shape %s, expected one for each block of %s"
              .formatted(w.file(), Texts.quoted(e.name()), shape, scales.entry().shape(), block));
    }
    return new Entry(
        e.name(),
        SafetensorsType.BF16,
        shape,
        e.offset(),
        2 * e.length(),
        new Fp8Layout(scales, block.get(0), block.get(1)));
  }

  private static long ceil(long size, long block) {
    return (size + block - 1) / block;
  }

  @Override
  public void read(FileChannel in, Entry entry, long at, ByteBuffer target) throws IOException {
    long width = entry.shape().get(1);
    long across = ceil(width, breadth);
    float[] factors = factors();
    long first = at / entry.type().bytes();
    ByteBuffer stored = ByteBuffer.allocate(target.remaining() / entry.type().bytes());
    RegularFile.fill(in, entry.offset() + first, stored);
    stored.flip();
    ByteBuffer out = target.order(ByteOrder.LITTLE_ENDIAN);
    for (long i = first; stored.hasRemaining(); i++) {
      float factor = factors[(int) (i / width / height * across + i % width / breadth)];
      out.putShort(Floats.toBfloat16(Floats.ofE4m3(stored.get()) * factor));
    }
  }

  private float[] factors() throws IOException {
    Entry e = scales.entry();
    float[] factors = new float[Math.toIntExact(e.length() / e.type().bytes())];
    ByteBuffer bytes =
        ByteBuffer.allocate(Math.toIntExact(e.length())).order(ByteOrder.LITTLE_ENDIAN);
    try (FileChannel in = FileChannel.open(scales.file())) {
      e.layout().read(in, e, 0, bytes);
    }
    Floats.read(bytes.flip(), e.type(), factors);
    return factors;
  }
}

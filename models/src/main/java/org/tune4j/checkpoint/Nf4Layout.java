package org.tune4j.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import org.tune4j.checkpoint.HuggingFaceFolder.Weight;
import org.tune4j.checkpoint.SafetensorsFile.Entry;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Nf4;

/**
 * NF4 in blocks, see {@link org.tune4j.tensor.Engine#quantised}.
 *
 * @param parts the codes and the blocks' factors, or their codes and the groups' factors
 * @param offset that is added to factors which are codes
 */
public record Nf4Layout(List<Weight> parts, float offset) implements QuantisedLayout {
  /** Copies the list. */
  public Nf4Layout {
    parts = List.copyOf(parts);
  }

  @Override
  public DType dtype() {
    return DType.NF4;
  }

  /** {@return whether the blocks' factors are codes} */
  public boolean twice() {
    return parts.size() > 2;
  }

  @Override
  public void decode(Entry entry, long first, float[] elements) throws IOException {
    if (elements.length == 0) {
      return;
    }
    long end = first + elements.length;
    long block = first / Nf4.BLOCK;
    float[] factors = factors(block, Nf4.blocks(end) - block);
    float[] values = Nf4.values();
    ByteBuffer codes = QuantisedLayout.bytes(parts.get(0), first / 2, (end + 1) / 2 - first / 2);
    for (int i = 0; i < elements.length; i++) {
      long at = first + i;
      int pair = codes.get((int) (at / 2 - first / 2));
      int code = at % 2 == 0 ? pair >> 4 & 15 : pair & 15;
      elements[i] = values[code] * factors[(int) (at / Nf4.BLOCK - block)];
    }
  }

  private float[] factors(long first, long count) throws IOException {
    if (!twice()) {
      return QuantisedLayout.floats(parts.get(1), first, count);
    }
    long group = first / Nf4.GROUP;
    float[] groups = QuantisedLayout.floats(parts.get(2), group, Nf4.groups(first + count) - group);
    float[] values = Nf4.factors();
    ByteBuffer codes = QuantisedLayout.bytes(parts.get(1), first, count);
    float[] all = new float[(int) count];
    for (int i = 0; i < all.length; i++) {
      int of = (int) ((first + i) / Nf4.GROUP - group);
      all[i] = values[codes.get(i) & 0xff] * groups[of] + offset;
    }
    return all;
  }
}

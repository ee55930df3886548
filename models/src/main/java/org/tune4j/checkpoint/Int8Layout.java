package org.tune4j.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import org.tune4j.checkpoint.HuggingFaceFolder.Weight;
import org.tune4j.checkpoint.SafetensorsFile.Entry;
import org.tune4j.tensor.DType;

/**
 * Signed 8 bits with the largest magnitude of each row, which 127 stands for.
 *
 * @param codes {@code [out, in]}
 * @param largest fp32 {@code [out]}
 */
public record Int8Layout(Weight codes, Weight largest) implements QuantisedLayout {
  @Override
  public DType dtype() {
    return DType.INT8;
  }

  @Override
  public List<Weight> parts() {
    return List.of(codes, largest);
  }

  @Override
  public void decode(Entry entry, long first, float[] elements) throws IOException {
    if (elements.length == 0) {
      return;
    }
    long width = entry.shape().get(1);
    long row = first / width;
    float[] factors =
        QuantisedLayout.floats(largest, row, (first + elements.length - 1) / width + 1 - row);
    ByteBuffer bytes = QuantisedLayout.bytes(codes, first, elements.length);
    for (int i = 0; i < elements.length; i++) {
      float factor = factors[(int) ((first + i) / width - row)] / 127;
      elements[i] = bytes.get(i) * factor;
    }
  }
}

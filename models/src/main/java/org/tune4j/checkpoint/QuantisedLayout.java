package org.tune4j.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.util.List;
import org.tune4j.checkpoint.HuggingFaceFolder.Weight;
import org.tune4j.checkpoint.SafetensorsFile.Entry;
import org.tune4j.tensor.DType;

/**
 * A weight in a quantised type, of parts that lie in files. Who does not know them reads its
 * elements, in the type that the weight was quantised from.
 */
public sealed interface QuantisedLayout extends Layout permits Nf4Layout, Int8Layout {
  /** {@return how it is stored} */
  DType dtype();

  /**
   * {@return the parts that {@link org.tune4j.tensor.Engine#quantised} takes, but for the last of a
   * doubly quantised one}
   */
  List<Weight> parts();

  /** Writes some elements, counted in row-major order. */
  void decode(Entry entry, long first, float[] elements) throws IOException;

  @Override
  default void read(FileChannel file, Entry entry, long at, ByteBuffer target) throws IOException {
    int width = entry.type().bytes();
    float[] elements = new float[target.remaining() / width];
    decode(entry, at / width, elements);
    Floats.write(elements, entry.type(), target.order(ByteOrder.LITTLE_ENDIAN));
  }

  /** Bytes of a part. */
  static ByteBuffer bytes(Weight part, long from, long count) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(count)).order(ByteOrder.LITTLE_ENDIAN);
    try (FileChannel in = FileChannel.open(part.file())) {
      part.entry().layout().read(in, part.entry(), from, bytes);
    }
    return bytes.flip();
  }

  /** Elements of a part of fp32. */
  static float[] floats(Weight part, long from, long count) throws IOException {
    float[] all = new float[Math.toIntExact(count)];
    bytes(part, from * Float.BYTES, count * Float.BYTES).asFloatBuffer().get(all);
    return all;
  }
}

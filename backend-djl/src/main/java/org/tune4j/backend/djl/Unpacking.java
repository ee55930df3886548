package org.tune4j.backend.djl;

import ai.djl.pytorch.engine.PtNDArray;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tune4j.backend.djl.Script.Scalar;
import org.tune4j.spi.Quantised;
import org.tune4j.spi.TensorHandle;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Nf4;
import org.tune4j.tensor.Shape;

/**
 * Rows of quantised matrices, and products with them a tile of rows at a time. NF4 is looked up
 * several elements at a time, each group as one number as wide: four in bf16, by the 16 bits that
 * stand for them, and two in fp32, since only a complex number can be seen as its parts here.
 */
final class Unpacking implements AutoCloseable {
  private final DjlBackend backend;
  private final Script script;
  private final Storage storage;
  private @Nullable Tables tables;

  /** What codes stand for. */
  private record Tables(PtNDArray pairs, PtNDArray narrowQuads, PtNDArray factors) {}

  Unpacking(DjlBackend backend, Storage storage, Script script) {
    this.backend = backend;
    this.script = script;
    this.storage = storage;
  }

  /** Made when they are first asked for, as most runs have no quantised weights. */
  private synchronized Tables tables() {
    if (tables == null) {
      try (PtNDArray quads = array(Nf4.quads(), Shape.of(4 << Short.SIZE))) {
        tables =
            new Tables(
                array(Nf4.pairs(), Shape.of(256, 2)),
                script.call("narrow_quads", quads),
                array(Nf4.factors(), Shape.of(Nf4.GROUP)));
      }
    }
    return tables;
  }

  private PtNDArray array(float[] values, Shape shape) {
    ByteBuffer bytes =
        ByteBuffer.allocateDirect(Float.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    TensorHandle t = storage.of(bytes, DType.FP32, shape, Device.CPU);
    return ((DjlTensor) t).array;
  }

  @Override
  public synchronized void close() {
    if (tables != null) {
      tables.pairs.close();
      tables.narrowQuads.close();
      tables.factors.close();
    }
  }

  /**
   * Rows. In bf16, NF4's values and factors are rounded before they are multiplied, as torchtune
   * does.
   *
   * @param narrow whether NF4 is given as bf16; all else as fp32
   */
  PtNDArray rows(Quantised w, long from, long rows, boolean narrow) {
    List<PtNDArray> parts = w.parts().stream().map(backend::in).toList();
    try (PtNDArray numbers = storage.int64(from, rows, w.shape().size(1))) {
      if (w.dtype() == DType.INT8) {
        return script.call("int8_rows", parts.get(0), parts.get(1), numbers);
      }
      Tables t = tables();
      boolean twice = parts.size() > 2;
      PtNDArray groups = twice ? parts.get(2) : t.factors;
      PtNDArray offset = twice ? parts.get(3) : t.factors;
      return script.call(
          "nf4_rows",
          parts.get(0),
          parts.get(1),
          groups,
          offset,
          narrow ? t.narrowQuads : t.pairs,
          t.factors,
          numbers);
    }
  }

  /** {@code x w^T}, or {@code x w} for the gradient of an input. */
  PtNDArray product(DjlTensor x, Quantised w, boolean ofInput, long elements) {
    long out = w.shape().size(0);
    long width = w.shape().size(1);
    long most = Math.max(Nf4.BLOCK, elements / width / Nf4.BLOCK * Nf4.BLOCK);
    boolean narrow = x.dtype == DType.BF16;
    PtNDArray in = backend.in(x);
    PtNDArray result;
    try (Scalar columns = script.scalar((double) (ofInput ? width : out))) {
      result = script.call("matrix_like", in, columns.array());
    }
    for (long from = 0; from < out; from += most) {
      try (PtNDArray tile = rows(w, from, Math.min(most, out - from), narrow);
          Scalar begin = script.scalar((double) from)) {
        script
            .call(ofInput ? "add_product_into" : "product_into", result, in, tile, begin.array())
            .close();
      }
    }
    return result;
  }
}

package org.tune4j.backend.javacpp;

import java.util.List;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.tune4j.spi.Quantised;
import org.tune4j.spi.TensorHandle;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Nf4;

/**
 * Rows of quantised matrices. NF4 is looked up four elements at a time, by the 16 bits that stand
 * for them.
 */
final class Unpacking {
  private @Nullable Tables tables;

  /** What codes stand for. */
  private record Tables(Tensor quads, Tensor narrowQuads, Tensor factors) {}

  /** Made when they are first asked for, as most runs have no quantised weights. */
  private synchronized Tables tables() {
    if (tables == null) {
      tables =
          new Tables(
              keep(Nf4.quads(), ScalarType.Float),
              keep(Nf4.quads(), ScalarType.BFloat16),
              keep(Nf4.factors(), ScalarType.Float));
    }
    return tables;
  }

  synchronized void close() {
    if (tables != null) {
      List.of(tables.quads, tables.narrowQuads, tables.factors).forEach(Tensor::deallocate);
    }
  }

  private static Tensor keep(float[] values, ScalarType type) {
    try (PointerScope s = new PointerScope()) {
      Tensor t = torch.from_blob(new FloatPointer(values), new long[] {values.length});
      return t.to(type, false, true, new MemoryFormatOptional()).retainReference();
    }
  }

  /**
   * Writes rows. In bf16, NF4's values and factors are rounded before they are multiplied, as
   * torchtune does.
   *
   * @param into fp32 or bf16, contiguous, as long as the rows
   */
  void rows(Quantised w, long from, Tensor into) {
    List<TensorHandle> parts = w.parts();
    long width = w.shape().size(1);
    long n = into.numel();
    if (w.dtype() == DType.INT8) {
      long rows = n / width;
      Tensor codes = Handle.of(parts.get(0)).narrow(0, from, rows).view(ScalarType.Char);
      Tensor own = Handle.of(parts.get(1)).narrow(0, from, rows);
      into.view(rows, width).copy_(codes).mul_(own.view(rows, 1));
      return;
    }
    long start = from * width;
    Tensor codes = Handle.of(parts.get(0)).narrow(0, start / 2, n / 2);
    Tensor whole = codes.storage_offset() % 2 == 0 ? codes : codes.clone();
    Tensor numbers =
        whole.view(ScalarType.Short).to(ScalarType.Int).add_(new Scalar(-Short.MIN_VALUE));
    boolean narrow = into.scalar_type().intern() == ScalarType.BFloat16;
    Tensor table = on(into, narrow ? tables().narrowQuads : tables().quads);
    // Four elements as one, which is gathered in one move.
    ScalarType quad = narrow ? ScalarType.Long : ScalarType.ComplexDouble;
    torch.index_select_out(into.view(n).view(quad), table.view(quad), 0, numbers);
    long blocks = n / Nf4.BLOCK;
    Tensor own = factors(parts, start / Nf4.BLOCK, blocks).view(blocks, 1);
    into.view(blocks, Nf4.BLOCK).mul_(narrow ? own.to(ScalarType.BFloat16) : own);
  }

  private static Tensor on(Tensor like, Tensor values) {
    return like.is_cuda() ? values.to(like.device(), values.scalar_type()) : values;
  }

  private Tensor factors(List<TensorHandle> parts, long first, long blocks) {
    Tensor stored = Handle.of(parts.get(1)).narrow(0, first, blocks);
    if (parts.size() == 2) {
      return stored;
    }
    long group = first / Nf4.GROUP;
    long groups = Nf4.groups(first + blocks) - group;
    Tensor own =
        Handle.of(parts.get(2))
            .narrow(0, group, groups)
            .repeat_interleave(Nf4.GROUP)
            .narrow(0, first - group * Nf4.GROUP, blocks);
    return on(stored, tables().factors)
        .index_select(0, stored.to(ScalarType.Int))
        .mul_(own)
        .add_(Handle.of(parts.get(3)));
  }
}

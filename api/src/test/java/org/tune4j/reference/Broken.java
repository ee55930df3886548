package org.tune4j.reference;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.TensorHandle;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Shape;

/** The reference, to be broken in one way, with what kernels over primitives need. */
class Broken extends ReferenceBackend {
  Broken() {
    super(BackendOptions.DEFAULT);
  }

  /** The handles that a kernel lets go when it is done. */
  static final class Temporaries {
    final List<TensorHandle> all = new ArrayList<>();

    TensorHandle keep(TensorHandle x) {
      all.add(x);
      return x;
    }
  }

  interface Body {
    TensorHandle run(Temporaries t);
  }

  TensorHandle fused(Body body) {
    Temporaries t = new Temporaries();
    TensorHandle out = body.run(t);
    t.all.forEach(this::release);
    return out;
  }

  Handle record(Strided value, Supplier<Tape.Rule> rule, List<TensorHandle> from, DType to) {
    return record(Maths.cast(value, to), rule, from);
  }

  /** Right for one row: a head at a time. */
  TensorHandle causal(Temporaries t, TensorHandle q, TensorHandle k, TensorHandle v, double scale) {
    int n = value(q).sizes[0];
    int heads = value(q).sizes[1];
    int dim = value(q).sizes[2];
    int group = heads / value(k).sizes[1];
    double[] mask = new double[n * n];
    for (int i = 0; i < mask.length; i++) {
      mask[i] = i % n <= i / n ? 0 : -1e30;
    }
    TensorHandle m = t.keep(result(Strided.of(value(q).dtype, new int[] {n, n}, mask), null));
    List<TensorHandle> mixed = new ArrayList<>();
    for (int h = 0; h < heads; h++) {
      TensorHandle qh = head(t, q, h, n, dim);
      TensorHandle kh = t.keep(transpose(head(t, k, h / group, n, dim), 0, 1));
      TensorHandle scores = t.keep(binary(Binary.MUL, t.keep(matmul(qh, kh)), scale));
      TensorHandle e = t.keep(unary(Unary.EXP, t.keep(binary(Binary.ADD, scores, m))));
      TensorHandle weights = t.keep(binary(Binary.DIV, e, t.keep(sum(e, 1))));
      mixed.add(t.keep(matmul(weights, head(t, v, h / group, n, dim))));
    }
    return cat(mixed, 1);
  }

  private TensorHandle head(Temporaries t, TensorHandle x, int h, int n, int dim) {
    return t.keep(reshape(t.keep(narrow(x, 1, h, 1)), Shape.of(n, dim)));
  }
}

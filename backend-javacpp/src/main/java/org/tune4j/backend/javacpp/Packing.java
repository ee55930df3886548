package org.tune4j.backend.javacpp;

import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.CompilationUnit;
import org.bytedeco.pytorch.Dispatcher;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.OperatorHandle;
import org.bytedeco.pytorch.QualifiedName;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.tune4j.spi.TensorHandle;

/**
 * Products with weights in oneDNN's blocked layout, by the operators that PyTorch's own compiler
 * uses for frozen linears. A plain weight is brought into that layout for every product again. The
 * operators are not in the bindings; the dispatcher knows them by name.
 */
final class Packing {
  /** A list that no constructor of the bindings makes with the right type of element. */
  private static final String NO_SCALARS =
      "def no_scalars():\n  x: List[Optional[number]] = []\n  return x\n";

  private final OperatorHandle reorder;
  private final OperatorHandle product;
  private final IValue none;
  private final IValue noPointwise;
  private final IValue noScalars;
  private final IValue noAlgorithm;
  private final boolean bf16;

  Packing() {
    try (PointerScope s = new PointerScope()) {
      Dispatcher all = Dispatcher.singleton();
      reorder = keep(all.findSchemaOrThrow("mkldnn::_reorder_linear_weight", ""));
      product = keep(all.findSchemaOrThrow("mkldnn::_linear_pointwise", ""));
      none = keep(new IValue());
      noPointwise = keep(new IValue("none"));
      noAlgorithm = keep(new IValue(""));
      CompilationUnit unit = torch.compile(NO_SCALARS);
      IValue empty = unit.get_function(new QualifiedName("no_scalars")).apply(new IValueVector());
      noScalars = keep(new IValue(empty));
      IValueVector answer = new IValueVector();
      all.findSchemaOrThrow("mkldnn::_is_mkldnn_bf16_supported", "").callBoxed(answer);
      bf16 = answer.get(0).toBool();
    }
  }

  private static <P extends Pointer> P keep(P p) {
    p.retainReference();
    return p;
  }

  void close() {
    List.of(reorder, product, none, noPointwise, noScalars, noAlgorithm)
        .forEach(Pointer::deallocate);
  }

  /** Null where oneDNN has no such layout. */
  @Nullable TensorHandle pack(Tensor w) {
    ScalarType type = w.scalar_type().intern();
    if (w.is_cuda() || !(type == ScalarType.Float || (type == ScalarType.BFloat16 && bf16))) {
      return null;
    }
    try (PointerScope s = new PointerScope()) {
      IValueVector stack = new IValueVector(new IValue(w.detach()), none);
      reorder.callBoxed(stack);
      return Handle.keep(new Tensor(stack.get(0).toTensor()));
    }
  }

  /** {@code x w^T}, in the caller's pointer scope. */
  Tensor linear(Tensor x, Tensor packed) {
    IValueVector stack =
        new IValueVector(
            new IValue(x), new IValue(packed), none, noPointwise, noScalars, noAlgorithm);
    product.callBoxed(stack);
    return new Tensor(stack.get(0).toTensor());
  }
}

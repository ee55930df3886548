package org.tune4j.adapters;

import org.jspecify.annotations.Nullable;
import org.tune4j.checkpoint.PeftAdapter;
import org.tune4j.models.layers.BaseLinear;
import org.tune4j.models.layers.Linear;
import org.tune4j.models.layers.LinearAdapter;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;

/** A linear of {@link ModulesToSave}: a trained copy takes its place. */
final class CopiedLinear extends LinearAdapter {
  private final TrainedCopy copy;

  /** With a weight of its own, or that of a tied embedding's copy. */
  CopiedLinear(Linear linear, @Nullable Parameter tied) {
    copy =
        add(TrainedCopy.NAME, new TrainedCopy(linear.ownParameters(), linear.adapterDtype(), tied));
  }

  @Override
  public Tensor forward(Pass pass, Tensor x, BaseLinear base) {
    Tensor product =
        pass.engine().operations().linear(x, pass.value(copy.parameter("weight"), x.dtype()));
    return base.bias() == null
        ? product
        : product.add(pass.value(copy.parameter("bias"), x.dtype()));
  }

  @Override
  public void initialise(Engine engine, String path, long seed) {
    copy.initialise();
  }

  @Override
  public boolean changes(String parameter) {
    return copy.ownParameters().containsKey(parameter);
  }

  @Override
  public Tensor merge(String parameter, Tensor value) {
    return Merge.wide(copy.parameter(parameter).tensor());
  }

  /** The copy's product needs no more than its input. */
  @Override
  public long keptPerToken() {
    return 0;
  }

  @Override
  public String savedName(String path, String parameter) {
    return PeftAdapter.PREFIX + TrainedCopy.original(path + "." + parameter);
  }
}

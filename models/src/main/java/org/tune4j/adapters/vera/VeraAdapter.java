package org.tune4j.adapters.vera;

import org.tune4j.adapters.Merge;
import org.tune4j.models.layers.BaseLinear;
import org.tune4j.models.layers.Linear;
import org.tune4j.models.layers.LinearAdapter;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Operations;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/**
 * VeRA: {@code x W^T + b (B (d (A dropout(x))))} with frozen {@code A} and {@code B} that all
 * linears share, and trained vectors {@code vera_lambda_d}, {@code [rank]}, and {@code
 * vera_lambda_b}, {@code [out]} (Kopiczko et al. 2024).
 */
final class VeraAdapter extends LinearAdapter {
  static final String D = "vera_lambda_d";
  static final String B = "vera_lambda_b";

  private final Linear linear;
  private final VeraConfig config;
  private final VeraProjections shared;
  private final Parameter d;
  private final Parameter b;

  VeraAdapter(Linear linear, VeraConfig config, VeraProjections shared) {
    this.linear = linear;
    this.config = config;
    this.shared = shared;
    add(shared.a());
    add(shared.b());
    d = add(new Parameter(D, Shape.of(config.rank()), linear.adapterDtype(), true));
    b = add(new Parameter(B, Shape.of(linear.out()), linear.adapterDtype(), true));
  }

  @Override
  public Tensor forward(Pass pass, Tensor x, BaseLinear base) {
    Operations ops = pass.engine().operations();
    Tensor product = base.product(pass, x);
    boolean drops = pass.training() && config.dropout() > 0;
    Tensor in = drops ? ops.dropout(x, config.dropout(), pass.nextDropoutSeed()) : x;
    Tensor low = ops.linear(in, down(pass.value(shared.a(), x.dtype())));
    Tensor scaled = low.mul(pass.value(d, x.dtype()));
    Tensor update = ops.linear(scaled, up(pass.value(shared.b(), x.dtype())));
    return base.biased(pass, product.add(update.mul(pass.value(b, x.dtype()))));
  }

  private Tensor down(Tensor a) {
    return a.size(1) == linear.in() ? a : a.narrow(1, 0, linear.in()).contiguous();
  }

  private Tensor up(Tensor all) {
    return all.narrow(0, 0, linear.out());
  }

  @Override
  public void initialise(Engine engine, String path, long seed) {
    shared.initialise(engine, seed);
    d.set(engine.zeros(d.dtype(), d.shape()).add(config.dInitial()));
    b.set(engine.zeros(b.dtype(), b.shape()));
  }

  @Override
  public Tensor merge(String parameter, Tensor value) {
    Tensor low =
        down(Merge.wide(shared.a().tensor())).mul(Merge.wide(d.tensor()).reshape(config.rank(), 1));
    Tensor high =
        up(Merge.wide(shared.b().tensor())).mul(Merge.wide(b.tensor()).reshape(linear.out(), 1));
    return value.add(value.engine().operations().linear(high, low.transpose(0, 1)));
  }

  /** Both products, what the second is made of and, where elements are dropped, mask and input. */
  @Override
  public long keptPerToken() {
    return 2L * config.rank() + linear.out() + (config.dropout() > 0 ? 2 * linear.in() : 0);
  }

  /** The projections stand above all modules. */
  @Override
  public String savedName(String path, String parameter) {
    return parameter.equals(VeraProjections.A) || parameter.equals(VeraProjections.B)
        ? VeraType.SHARED + parameter
        : super.savedName(path, parameter);
  }

  @Override
  protected String details() {
    return "rank=%d".formatted(config.rank());
  }
}

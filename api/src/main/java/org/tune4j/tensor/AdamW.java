package org.tune4j.tensor;

import org.tune4j.spi.Kernels;

/** The step of {@link Operations#adamW}: the backend's kernel where it has one, else primitives. */
final class AdamW {
  private AdamW() {}

  static void step(
      Engine engine,
      Kernels kernels,
      Tensor parameter,
      Tensor gradient,
      Tensor m,
      Tensor v,
      long step,
      double lr,
      double beta1,
      double beta2,
      double eps,
      double weightDecay) {
    Operations.fits(
        parameter.shape().equals(gradient.shape())
            && parameter.shape().equals(m.shape())
            && parameter.shape().equals(v.shape()),
        "adamW",
        parameter,
        gradient,
        m,
        v);
    if (kernels.adamW(
        parameter.handle(),
        gradient.handle(),
        m.handle(),
        v.handle(),
        step,
        lr,
        beta1,
        beta2,
        eps,
        weightDecay)) {
      return;
    }
    try (TensorScope s = engine.openScope();
        Engine.NoGradient off = engine.noGradient()) {
      Tensor g = Casts.widen(gradient);
      Tensor mean = Casts.widen(m).mul(beta1).add(g.mul(1 - beta1));
      Tensor square = Casts.widen(v).mul(beta2).add(g.mul(g).mul(1 - beta2));
      m.copyFrom(mean);
      v.copyFrom(square);
      Tensor denominator =
          square.sqrt().div(Math.sqrt(1 - Math.pow(beta2, (double) step))).add(eps);
      Tensor update = mean.div(denominator).mul(lr / (1 - Math.pow(beta1, (double) step)));
      parameter.copyFrom(Casts.widen(parameter).mul(1 - lr * weightDecay).sub(update));
    }
  }
}

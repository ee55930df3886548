package org.tune4j.models;

import org.tune4j.nn.LoadBalance;
import org.tune4j.nn.Objective;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.TensorScope;

/** Evaluates an objective over rows: a pass without adapters where it needs one, then its own. */
final class ObjectiveEvaluation {
  private final Decoder model;
  private final Pass pass;
  private final Objective objective;
  private final double loadBalance;

  /** With this times the routers' load balance. */
  ObjectiveEvaluation(Decoder model, Pass pass, Objective objective, double loadBalance) {
    if (objective.chunkTokens() <= 0) {
      throw new IllegalArgumentException(
          "chunkTokens of the loss is %d, expected 1 or more".formatted(objective.chunkTokens()));
    }
    this.model = model;
    this.pass = pass;
    this.objective = objective;
    this.loadBalance = loadBalance;
  }

  /** The sums over the rows; their gradients are added to the pass's. */
  Objective.Sums run(LabelledRows rows) {
    if (rows.isEmpty()) {
      idle();
      return Objective.Sums.ZERO;
    }
    Engine engine = pass.engine();
    try (TensorScope scope = engine.openScope()) {
      if (model.head().isPacked() && engine.recording()) {
        throw new IllegalStateException("prepacked weights record no gradients");
      }
      if (model.residents().canBeAway() && !model.checkpointLayers() && engine.recording()) {
        throw new IllegalStateException("a residency needs checkpointed layers");
      }
      boolean known = rows.rows().facts().reference().length > 0;
      ReferenceRows reference =
          objective.needsReference() && !known ? reference(rows, scope) : null;
      LoadBalance balance = loadBalance == 0 ? null : balance(rows);
      pass.setLoadBalance(balance);
      Traversal.AtHead evaluated =
          (selected, wantsGradient) -> {
            HeadRows all =
                new HeadRows(model, pass, selected, rows, objective, reference, wantsGradient);
            Objective.Sums sums = objective.evaluate(all);
            if (balance != null) {
              sums = sums.plus(Objective.Sums.of(balance.sum()));
            }
            return new Traversal.Evaluated(sums, all.gradient());
          };
      return traversal().run(rows, evaluated);
    }
  }

  /** Each row counts as much as its labels do in the objective. */
  private LoadBalance balance(LabelledRows rows) {
    long[] labels = rows.labelsOfRows();
    double[] weights = new double[labels.length];
    int together = objective.rowsTogether();
    for (int row = 0; row < weights.length; row++) {
      long count = objective.count(together, together * labels[row]);
      weights[row] = loadBalance * count / together;
    }
    return new LoadBalance(rows.rows().rowEnds(), weights);
  }

  private Traversal traversal() {
    if (!pass.engine().recording()) {
      return new AllAtOnce(model, pass);
    }
    if (model.checkpointLayers()) {
      return new Checkpointed(model, pass);
    }
    return pass.streamsGradients() ? new LayerByLayer(model, pass) : new AllAtOnce(model, pass);
  }

  /** The rows in the model that they are compared with, up to its head. */
  private ReferenceRows reference(LabelledRows rows, TensorScope scope) {
    Decoder other = model.reference();
    rows.rows().check(other.config());
    Pass base = Pass.baseOnly(pass.engine(), scope);
    try (Engine.NoGradient off = pass.engine().noGradient()) {
      return new ReferenceRows(other, base, new AllAtOnce(other, base).selected(rows));
    }
  }

  /** Enters, leaves and streams all that {@link #run} would, without a token. */
  void idle() {
    Idle idle = new Idle(model, pass);
    if (objective.needsReference() && model.reference() == model) {
      idle.upTo(model.residents().last());
    }
    if (pass.engine().recording()) {
      idle.forwardBackward();
    } else {
      idle.forward();
    }
  }
}

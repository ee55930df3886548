package org.tune4j.models;

import org.tune4j.nn.Objective;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Evaluates an objective over rows: a pass without adapters where it needs one, then its own. */
final class ObjectiveEvaluation {
  private final Decoder model;
  private final Pass pass;
  private final Objective objective;

  ObjectiveEvaluation(Decoder model, Pass pass, Objective objective) {
    if (objective.chunkTokens() <= 0) {
      throw new IllegalArgumentException(
          "chunkTokens of the loss is %d, expected 1 or more".formatted(objective.chunkTokens()));
    }
    this.model = model;
    this.pass = pass;
    this.objective = objective;
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
      double[] reference = objective.needsReference() ? reference(rows) : null;
      Traversal.AtHead evaluated =
          (selected, wantsGradient) -> {
            HeadRows all =
                new HeadRows(model, pass, selected, rows, objective, reference, wantsGradient);
            Objective.Sums sums = objective.evaluate(all);
            return new Traversal.Evaluated(sums, all.gradient());
          };
      return traversal().run(rows, evaluated);
    }
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

  /** The sums of each row's log-probabilities by the base model alone. */
  private double[] reference(LabelledRows rows) {
    Engine engine = pass.engine();
    DecoderParts parts = model.residents();
    try (TensorScope scope = engine.openScope();
        Engine.NoGradient off = engine.noGradient()) {
      Pass base = Pass.baseOnly(engine, scope);
      Tensor selected = new AllAtOnce(model, base).selected(rows);
      parts.enter(parts.last());
      double[] sums =
          new HeadRows(model, base, selected, rows, objective, null, false).logProbabilities();
      parts.leave(base, parts.last());
      return sums;
    }
  }

  /** Enters, leaves and streams all that {@link #run} would, without a token. */
  void idle() {
    Idle idle = new Idle(model, pass);
    if (objective.needsReference()) {
      idle.forward();
    }
    if (pass.engine().recording()) {
      idle.forwardBackward();
    } else {
      idle.forward();
    }
  }
}

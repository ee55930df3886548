package org.tune4j.models;

import java.util.List;
import org.tune4j.nn.Pass;

/** Enters and leaves a decoder's parts as {@link Checkpointed} does, without a token. */
final class Idle {
  private final Decoder model;
  private final Pass pass;

  Idle(Decoder model, Pass pass) {
    this.model = model;
    this.pass = pass;
  }

  /** A forward of which nothing is recorded. */
  void forward() {
    for (int part = 0; part <= model.last(); part++) {
      model.enter(part);
      model.leave(pass, part);
    }
  }

  /** A forward and its backward, in which no parameter has a gradient. */
  void forwardBackward() {
    for (int part = 0; part < model.last(); part++) {
      model.enter(part);
      model.leave(pass, part);
    }
    model.enter(model.last());
    pass.gradientsWhole(model.above());
    model.leave(pass, model.last());
    int lowest = model.lowestTrained();
    for (int i = model.layers().size() - 1; i >= lowest; i--) {
      model.enter(1 + i);
      pass.gradientsWhole(model.layers().get(i).parameters().values());
      model.leave(pass, 1 + i);
    }
    if (model.embedding().weight().trainable()) {
      model.enter(0);
      pass.gradientsWhole(List.of(model.embedding().weight()));
      model.leave(pass, 0);
    }
  }
}

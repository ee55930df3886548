package org.tune4j.models;

import org.tune4j.nn.Pass;

/** Enters and leaves a decoder's parts as {@link Checkpointed} does, without a token. */
final class Idle {
  private final Decoder model;
  private final DecoderParts parts;
  private final Pass pass;

  Idle(Decoder model, Pass pass) {
    this.model = model;
    this.parts = model.residents();
    this.pass = pass;
  }

  /** A forward of which nothing is recorded. */
  void forward() {
    upTo(parts.last());
    parts.enter(parts.last());
    parts.leave(pass, parts.last());
  }

  /** Enters and leaves the parts below one. */
  void upTo(int end) {
    for (int part = 0; part < end; part++) {
      parts.enter(part);
      parts.leave(pass, part);
    }
  }

  /** A forward and its backward, in which no parameter has a gradient. */
  void forwardBackward() {
    upTo(parts.last());
    parts.enter(parts.last());
    pass.gradientsWhole(parts.above());
    parts.leave(pass, parts.last());
    int lowest = model.lowestTrained();
    for (int i = model.layers().size() - 1; i >= lowest; i--) {
      parts.enter(1 + i);
      pass.gradientsWhole(model.layers().get(i).parameters().values());
      parts.leave(pass, 1 + i);
    }
    if (parts.trainsBelow()) {
      parts.enter(0);
      pass.gradientsWhole(parts.below());
      parts.leave(pass, 0);
    }
  }
}

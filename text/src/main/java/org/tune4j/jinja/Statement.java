package org.tune4j.jinja;

import java.util.List;

/** Text, an expression's output or a tag with its body. */
@FunctionalInterface
interface Statement {
  /** What comes after a statement. */
  enum Flow {
    NEXT,
    BREAK,
    CONTINUE
  }

  Flow run(Frame frame, Output out);

  /** These, one after the other, until a loop is left. */
  static Flow runAll(List<Statement> body, Frame frame, Output out) {
    for (Statement s : body) {
      frame.step();
      Flow flow = s.run(frame, out);
      if (flow != Flow.NEXT) {
        return flow;
      }
    }
    return Flow.NEXT;
  }
}

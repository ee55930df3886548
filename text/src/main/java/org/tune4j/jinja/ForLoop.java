package org.tune4j.jinja;

import java.util.ArrayList;
import java.util.List;

/** {@code for}, with what {@code loop} says about each turn. */
record ForLoop(
    Parser.Target target,
    Expression items,
    Expression keep,
    List<Statement> body,
    List<Statement> otherwise)
    implements Statement {
  /** What a body sees as {@code loop}. */
  record Turn(List<Object> items, int index, List<Object> changed) {
    Object attribute(String name) {
      int n = items.size();
      return switch (name) {
        case "index" -> (long) index + 1;
        case "index0" -> (long) index;
        case "revindex" -> (long) n - index;
        case "revindex0" -> (long) n - index - 1;
        case "first" -> index == 0;
        case "last" -> index == n - 1;
        case "length" -> (long) n;
        case "depth" -> 1L;
        case "depth0" -> 0L;
        case "previtem" ->
            index > 0 ? items.get(index - 1) : new Undefined("there is no previous item");
        case "nextitem" ->
            index + 1 < n ? items.get(index + 1) : new Undefined("there is no next item");
        case "cycle" -> (Callable) (a, named) -> a.get(a.isEmpty() ? 0 : index % a.size());
        case "changed" ->
            (Callable)
                (a, named) -> {
                  boolean differs = changed.isEmpty() || !Values.equal(changed.get(0), a);
                  changed.clear();
                  changed.add(a);
                  return differs;
                };
        default -> Undefined.attribute(this, name);
      };
    }
  }

  @Override
  public Flow run(Frame frame, Output out) {
    List<Object> kept = new ArrayList<>();
    for (Object item : Values.items(items.evaluate(frame))) {
      frame.step();
      Frame inner = frame.inner();
      target.assign(inner, item);
      if (Values.truth(keep.evaluate(inner))) {
        kept.add(item);
      }
    }
    List<Object> changed = new ArrayList<>();
    for (int i = 0; i < kept.size(); i++) {
      frame.step();
      Frame inner = frame.inner();
      inner.set("loop", new Turn(kept, i, changed));
      target.assign(inner, kept.get(i));
      int from = out.length();
      Flow flow = Statement.runAll(body, inner, out);
      out.printed(kept.get(i), from);
      if (flow == Flow.BREAK) {
        return Flow.NEXT;
      }
    }
    return kept.isEmpty() ? Statement.runAll(otherwise, frame.inner(), out) : Flow.NEXT;
  }
}

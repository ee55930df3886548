package org.tune4j.reference;

import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.tune4j.spi.Backend.Binary;

/** Reverse-mode differentiation: what an operation leaves behind, and the walk back. */
final class Tape {
  private static final AtomicLong NEXT = new AtomicLong();

  private Tape() {}

  /** From the gradient of a result to those of the arguments, in order. */
  interface Rule {
    List<Strided> back(Strided g);
  }

  /** A result that requires a gradient; without a rule, a leaf. */
  static final class Node {
    /** Later results have higher numbers, so descending order is a topological one. */
    final long number = NEXT.getAndIncrement();

    @Nullable Rule rule;
    List<@Nullable Node> arguments;
    @Nullable Strided collected;

    Node(@Nullable Rule rule, List<@Nullable Node> arguments) {
      this.rule = rule;
      this.arguments = arguments;
    }

    synchronized void collect(Strided g) {
      Strided before = collected;
      if (before == null) {
        collected = g.copy();
      } else {
        before.fill(Maths.binary(Binary.ADD, before, g));
      }
    }
  }

  /** Sends {@code gradient} from {@code output} to every leaf; forgets the rules on the way. */
  static void backward(Node output, Strided gradient) {
    Map<Node, Strided> gradients = new IdentityHashMap<>();
    PriorityQueue<Node> ready = new PriorityQueue<>((a, b) -> Long.compare(b.number, a.number));
    gradients.put(output, gradient);
    ready.add(output);
    while (!ready.isEmpty()) {
      Node node = ready.remove();
      Strided g = gradients.remove(node);
      Rule rule = node.rule;
      if (rule == null) {
        node.collect(g);
        continue;
      }
      List<Strided> back = rule.back(g);
      for (int i = 0; i < back.size(); i++) {
        Node argument = node.arguments.get(i);
        if (argument == null) {
          continue;
        }
        Strided before = gradients.get(argument);
        if (before == null) {
          ready.add(argument);
        }
        gradients.put(
            argument, before == null ? back.get(i) : Maths.binary(Binary.ADD, before, back.get(i)));
      }
      node.rule = SPENT;
      node.arguments = List.of();
    }
  }

  private static final Rule SPENT =
      g -> {
        throw new IllegalStateException("the graph was freed by an earlier backward");
      };
}

package org.tune4j.training;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.collective.Work;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.optim.Chunks;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * Adds the gradients of an update's last micro-batch to this rank's sums, and the ranks' sums to
 * each other: a bucket sets out as soon as all of it is there, while backward goes on. Buckets set
 * out in their own order on every rank, and groups of rows are added in theirs, whoever is first.
 */
final class BucketExchange {
  private final ProcessGroup ranks;
  private final Gradients sums;
  private final TensorScope home;
  private final Map<Parameter, Integer> positions = new HashMap<>();
  private final List<Work> under = new ArrayList<>();
  private final List<Map<Integer, Optional<Tensor>>> early = new ArrayList<>();
  private final int[] turn;
  private int groups;

  /**
   * Of one update.
   *
   * @param sums of what is trained, which hold the micro-batches before
   * @param home what a group's gradients belong to that wait for another's
   */
  BucketExchange(ProcessGroup ranks, Gradients sums, TensorScope home) {
    this.ranks = ranks;
    this.sums = sums;
    this.home = home;
    this.turn = new int[sums.parameters().size()];
    for (int i = 0; i < turn.length; i++) {
      positions.put(sums.parameters().get(i), i);
      early.add(new HashMap<>());
    }
  }

  /** So many groups of rows will hand on their gradients; none, where this is not called. */
  synchronized void expect(int groups) {
    this.groups = groups;
  }

  /** Takes one group's gradients, on any thread. */
  Pass.GradientSink of(int group) {
    return new Pass.GradientSink() {
      @Override
      public void loss(double sum) {}

      @Override
      public void take(Parameter parameter, Tensor gradient) {
        arrived(group, parameter, gradient);
      }

      @Override
      public void without(Parameter parameter) {
        arrived(group, parameter, null);
      }
    };
  }

  private synchronized void arrived(int group, Parameter parameter, @Nullable Tensor gradient) {
    Integer i = positions.get(parameter);
    if (i == null) {
      throw new IllegalStateException("parameter %s is not trained".formatted(parameter));
    }
    Map<Integer, Optional<Tensor>> waiting = early.get(i);
    if (turn[i] != group) {
      waiting.put(group, Optional.ofNullable(gradient).map(g -> Chunks.copy(g).moveTo(home)));
      return;
    }
    add(i, Optional.ofNullable(gradient));
    for (Optional<Tensor> next = waiting.remove(turn[i]);
        next != null;
        next = waiting.remove(turn[i])) {
      add(i, next);
      next.ifPresent(Tensor::close);
    }
    setOut(groups);
  }

  private void add(int i, Optional<Tensor> gradient) {
    gradient.ifPresent(g -> sums.add(i, g));
    turn[i]++;
  }

  private void setOut(int expected) {
    while (under.size() < sums.buckets().size()) {
      Gradients.Bucket next = sums.buckets().get(under.size());
      for (int i = next.first(); i < next.end(); i++) {
        if (turn[i] < expected) {
          return;
        }
      }
      under.add(ranks.allReduce(next.sums()));
    }
  }

  /** Waits until all ranks have the sums of all; called when this rank's groups have ended. */
  synchronized void finish() {
    setOut(0);
    under.forEach(Work::await);
  }
}

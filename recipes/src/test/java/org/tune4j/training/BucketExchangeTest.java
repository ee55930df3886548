package org.tune4j.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.tune4j.collective.Collectives;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.collective.Work;
import org.tune4j.models.TestBackend;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** When buckets set out, and what they hold then. */
class BucketExchangeTest {
  private final Engine engine = TestBackend.engine();
  private final TensorScope scope = engine.openScope();
  private final List<Parameter> parameters =
      IntStream.range(0, 5)
          .mapToObj(i -> new Parameter("p" + i, Shape.of(2), DType.FP32, true))
          .toList();
  private final Gradients sums = new Gradients(engine, parameters, 4);
  private final Two two = new Two();
  private final BucketExchange exchange =
      new BucketExchange(new ProcessGroup(engine, Optional.of(two), false), sums, scope);

  @AfterEach
  void close() {
    scope.close();
  }

  /** Another rank that has the same sums; remembers what this one sent and waited for. */
  private static final class Two implements Collectives {
    final List<List<Float>> sent = new ArrayList<>();
    int awaited;

    @Override
    public String name() {
      return "two";
    }

    @Override
    public int rank() {
      return 0;
    }

    @Override
    public int worldSize() {
      return 2;
    }

    @Override
    public Work allReduce(Tensor tensor) {
      List<Float> values = new ArrayList<>();
      for (float v : tensor.toFloats()) {
        values.add(v);
      }
      sent.add(values);
      return () -> {
        awaited++;
        try (TensorScope s = tensor.engine().openScope()) {
          tensor.copyFrom(tensor.add(tensor));
        }
      };
    }

    @Override
    public Work allGather(Tensor part, Tensor whole) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Work reduceScatter(Tensor whole, Tensor part) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Work broadcast(Tensor tensor, int from) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Work send(Tensor tensor, int to) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Work receive(Tensor tensor, int from) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Work barrier() {
      return Work.DONE;
    }

    @Override
    public void close() {}
  }

  private void take(Pass.GradientSink sink, int parameter, float value) {
    try (TensorScope passing = engine.openScope()) {
      sink.take(
          parameters.get(parameter), engine.zeros(DType.FP32, Shape.of(2)).add((double) value));
    }
  }

  @Test
  void bucket_setsOutWithItsLastGradient_beforeThoseBelowAreThere() {
    exchange.expect(1);
    Pass.GradientSink sink = exchange.of(0);
    take(sink, 3, 3);
    assertEquals(List.of(), two.sent);
    take(sink, 4, 4);
    assertEquals(List.of(List.of(3f, 3f, 4f, 4f)), two.sent);
    take(sink, 1, 1);
    sink.without(parameters.get(2));
    assertEquals(List.of(1f, 1f, 0f, 0f), two.sent.get(1));
    take(sink, 0, 7);
    assertEquals(List.of(7f, 7f), two.sent.get(2));
    assertEquals(0, two.awaited);
    exchange.finish();
    assertEquals(3, two.awaited);
    assertEquals(List.of(2), sums.missing());
    Gradients.Mean mean = sums.mean(1, Double.POSITIVE_INFINITY);
    assertArrayEquals(new float[] {6, 6}, mean.gradients().get(3).toFloats());
    assertArrayEquals(new float[] {14, 14}, mean.gradients().get(0).toFloats());
  }

  /** All ranks' buckets must meet; which is whole first depends on timing where groups race. */
  @Test
  void buckets_setOutInTheirOrder() {
    exchange.expect(1);
    Pass.GradientSink sink = exchange.of(0);
    IntStream.range(0, 4).forEach(i -> take(sink, i, i));
    assertEquals(List.of(), two.sent);
    take(sink, 4, 4);
    assertEquals(3, two.sent.size());
  }

  /** In fp32 (1 + 2^-24) + 2^-24 is 1 and (2^-24 + 2^-24) + 1 is not. */
  @Test
  void groups_areAddedInTheirOrder_whoeverIsFirst() {
    float small = 0x1p-24f;
    exchange.expect(3);
    take(exchange.of(2), 4, small);
    take(exchange.of(1), 4, small);
    take(exchange.of(0), 4, 1);
    for (int group = 0; group < 3; group++) {
      exchange.of(group).without(parameters.get(3));
      assertEquals(group < 2 ? 0 : 1, two.sent.size());
    }
    assertEquals(List.of(0f, 0f, 1f, 1f), two.sent.get(0));
  }

  /**
   * What earlier micro-batches have added goes with the last one's; a rank without one sends it
   * too.
   */
  @Test
  void finish_withoutALastMicroBatch_sendsTheSums() {
    sums.add(0, engine.zeros(DType.FP32, Shape.of(2)).add(5));
    exchange.finish();
    assertEquals(
        List.of(List.of(0f, 0f, 0f, 0f), List.of(0f, 0f, 0f, 0f), List.of(5f, 5f)), two.sent);
  }
}

package org.tune4j.kit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Chapter 3: what is recorded, and where gradients go. */
abstract class AutogradRules extends PrimitiveRules {
  private float[] gradient(Tensor leaf) {
    return leaf.gradient().orElseThrow(() -> new AssertionError("no gradient")).toFloats();
  }

  @Test
  void rule3_01_requiresGradient_followsFromLeaves() {
    Tensor x = counting(3);
    assertFalse(x.requiresGradient(), "a new tensor");
    assertFalse(x.add(1.0).requiresGradient(), "of no leaf");
    Tensor leaf = x.leaf();
    assertTrue(leaf.requiresGradient(), "a leaf");
    assertFalse(x.requiresGradient(), "what the leaf was made from");
    assertTrue(leaf.add(x).requiresGradient(), "of a leaf");
    assertTrue(leaf.reshape(3, 1).requiresGradient(), "a view of a leaf");
    assertFalse(leaf.add(x).detach().requiresGradient(), "detached");
  }

  @Test
  void rule3_02_gradient_beforeBackward_isAbsent() {
    assertTrue(counting(3).leaf().gradient().isEmpty(), "a gradient before backward");
  }

  @Test
  void rule3_03_backward_twice_adds() {
    Tensor x = counting(3).leaf();
    x.mul(2.0).sum().backward();
    x.mul(3.0).sum().backward();
    assertArrayEquals(new float[] {5, 5, 5}, gradient(x));
  }

  @Test
  void rule3_04_clearGradient_forgets() {
    Tensor x = counting(3).leaf();
    x.mul(2.0).sum().backward();
    x.clearGradient();
    assertTrue(x.gradient().isEmpty(), "a gradient after clearGradient");
    x.mul(3.0).sum().backward();
    assertArrayEquals(new float[] {3, 3, 3}, gradient(x));
  }

  @Test
  void rule3_05_gradient_sharesStorage() {
    Tensor x = counting(3).leaf();
    x.mul(2.0).sum().backward();
    Tensor g = x.gradient().orElseThrow();
    g.copyFrom(g.mul(0.5));
    assertArrayEquals(new float[] {1, 1, 1}, gradient(x));
  }

  @Test
  void rule3_06_graph_outlivesItsHandles() {
    Tensor x = counting(4).leaf();
    Tensor loss;
    try (TensorScope s = engine.openScope()) {
      Tensor y = x.mul(x).narrow(0, 1, 3);
      loss = s.moveOut(y.mul(y).sum());
    }
    loss.backward();
    assertArrayEquals(new float[] {0, 4, 32, 108}, gradient(x));
  }

  @Test
  void rule3_07_noGradient_recordsNothingUntilClosed() {
    Tensor x = counting(3).leaf();
    try (Engine.NoGradient off = engine.noGradient()) {
      assertFalse(x.mul(2.0).requiresGradient(), "recorded while recording was off");
      try (Engine.NoGradient again = engine.noGradient()) {
        assertFalse(x.mul(2.0).requiresGradient(), "recorded while recording was off");
      }
      assertFalse(x.mul(2.0).requiresGradient(), "recorded after an inner block");
    }
    assertTrue(x.mul(2.0).requiresGradient(), "not recorded after the block");
  }

  @Test
  void rule3_08_gradientMode_belongsToAThreadAndIsOnInANewOne() {
    Tensor x = counting(3).leaf();
    AtomicReference<Object> recorded = new AtomicReference<>();
    try (Engine.NoGradient off = engine.noGradient()) {
      inThread(
          () -> {
            try (TensorScope s = engine.openScope()) {
              recorded.set(x.mul(2.0).requiresGradient());
              engine.backend().setGradientMode(false);
            }
          });
      assertEquals(true, recorded.get(), "recording in a new thread");
    }
    inThread(() -> engine.backend().setGradientMode(false));
    assertTrue(x.mul(2.0).requiresGradient(), "another thread turned recording off here");
  }

  /** Runs and waits; a failure there fails here. */
  static void inThread(Runnable work) {
    AtomicReference<Throwable> failure = new AtomicReference<>();
    Thread t = new Thread(work, "conformance-kit");
    t.setUncaughtExceptionHandler((thread, e) -> failure.set(e));
    t.start();
    try {
      t.join();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
    if (failure.get() != null) {
      throw new AssertionError("in another thread: " + failure.get(), failure.get());
    }
  }

  @Test
  void rule3_09_backward_sharedPaths_addUp() {
    Tensor x = counting(3).leaf();
    Tensor y = x.mul(x);
    y.add(y).add(y.mul(x)).add(x).sum().backward();
    assertArrayEquals(new float[] {1, 8, 21}, gradient(x));
  }

  @Test
  void rule3_10_backward_reachesOnlyLeaves() {
    Tensor frozen = counting(3);
    Tensor x = counting(3).leaf();
    Tensor other = counting(3).leaf();
    x.mul(frozen).sum().backward();
    assertTrue(frozen.gradient().isEmpty(), "a gradient of a frozen tensor");
    assertTrue(other.gradient().isEmpty(), "a gradient of a leaf not involved");
    assertArrayEquals(new float[] {0, 1, 2}, gradient(x));
  }

  @Test
  void rule3_11_backward_fromALeaf_addsToIt() {
    Tensor x = counting(3).leaf();
    x.backward(counting(3));
    assertArrayEquals(new float[] {0, 1, 2}, gradient(x));
  }

  @Test
  void rule3_12_max_ofTies_sendsToOne() {
    Tensor x = engine.tensor(new float[] {3, 3, 1, 3}, DType.FP32, Shape.of(1, 4)).leaf();
    x.max(1).sum().backward();
    float[] g = gradient(x);
    assertEquals(1f, g[0] + g[1] + g[3], "the gradients of the tied together");
    assertEquals(1f, Math.max(g[0], Math.max(g[1], g[3])), "the gradient of one of the tied");
    assertEquals(0f, g[2], "the gradient of the smallest");
  }

  @Test
  void rule3_13_leaves_ofOneStorage_collectApart() {
    Tensor base = counting(3);
    Tensor a = base.leaf();
    Tensor b = a.leaf();
    a.mul(2.0).sum().backward();
    assertTrue(b.gradient().isEmpty(), "a gradient of the other leaf");
    b.mul(5.0).sum().backward();
    assertArrayEquals(new float[] {2, 2, 2}, gradient(a));
    assertArrayEquals(new float[] {5, 5, 5}, gradient(b));
    base.copyFrom(base.add(1.0));
    assertArrayEquals(new float[] {1, 2, 3}, b.toFloats(), "leaves share the storage");
  }

  @Test
  void rule3_14_copyInto_isNotRecorded() {
    Tensor x = counting(3).leaf();
    Tensor target = engine.zeros(DType.FP32, Shape.of(3));
    try (Engine.NoGradient off = engine.noGradient()) {
      target.copyFrom(x.mul(2.0));
    }
    target.copyFrom(x);
    assertFalse(target.requiresGradient(), "the target after a copy from a leaf");
    assertArrayEquals(new float[] {0, 1, 2}, target.toFloats());
  }

  @Test
  void rule3_15_copyInto_ofALeaf_isSeenByTheNextForward() {
    Tensor x = counting(3).leaf();
    x.mul(x).sum().backward();
    try (Engine.NoGradient off = engine.noGradient()) {
      x.copyFrom(x.sub(x.gradient().orElseThrow().mul(0.25)));
    }
    assertTrue(x.requiresGradient(), "still a leaf");
    x.clearGradient();
    x.mul(x).sum().backward();
    assertArrayEquals(new float[] {0, 1, 2}, gradient(x));
  }

  @Test
  void rule3_16_gradient_ofATransposedLeaf_hasItsOrder() {
    Tensor x = counting(2, 3).transpose(0, 1).leaf();
    x.mul(counting(3, 2)).sum().backward();
    assertArrayEquals(new float[] {0, 1, 2, 3, 4, 5}, gradient(x));
  }

  @Test
  void rule3_17_leaf_withoutItsValues_collects() {
    Tensor x = counting(2, 3).leaf();
    Tensor view = x.reshape(3, 2);
    Tensor loss = view.mul(view).sum();
    x.dropValues();
    assertArrayEquals(new float[] {0, 1, 2, 3, 4, 5}, view.toFloats(), "a view of it");
    loss.backward();
    assertArrayEquals(new float[] {0, 2, 4, 6, 8, 10}, gradient(x));
  }

  @Test
  void rule3_18_gradientEdge_sendsBackWhatItsTensorWould() {
    for (int rows : new int[] {1, 3}) {
      Tensor x = counting(rows, 3).leaf();
      Tensor y = x.mul(x);
      Tensor edge = y.gradientEdge();
      y.close();
      edge.backward(counting(rows, 3));
      assertArrayEquals(counting(rows, 3).mul(x).mul(2.0).toFloats(), gradient(x));
    }
  }
}

package org.tune4j.kit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/** Chapter 4: ownership, and the texts of wrong calls. */
abstract class ScopeRules extends AutogradRules {
  @Test
  void rule4_01_use_afterClose_isRefused() {
    Tensor x;
    try (TensorScope s = engine.openScope()) {
      x = counting(2, 3);
    }
    String text =
        "fp32 [2, 3] is used after its scope was closed; move it out with scope.moveOut(tensor)";
    throwsWith(IllegalStateException.class, text, () -> x.add(1.0));
    throwsWith(IllegalStateException.class, text, x::toFloats);
  }

  @Test
  void rule4_02_close_twice_isHarmless() {
    TensorScope s = engine.openScope();
    Tensor x = counting(3);
    x.close();
    x.close();
    s.close();
    assertDoesNotThrow(s::close);
    assertDoesNotThrow(x::close);
  }

  @Test
  void rule4_03_moveOut_outlivesTheScope() {
    Tensor x;
    try (TensorScope s = engine.openScope()) {
      x = s.moveOut(counting(3).narrow(0, 1, 2));
      assertEquals(1, s.size(), "the base stays");
    }
    assertArrayEquals(new float[] {1, 2}, x.toFloats());
  }

  @Test
  void rule4_04_moveTo_handsToAnotherThread() {
    Tensor[] made = new Tensor[1];
    TensorScope here = engine.openScope();
    inThread(
        () -> {
          try (TensorScope s = engine.openScope()) {
            made[0] = counting(3).mul(2.0).moveTo(here);
          }
        });
    assertArrayEquals(new float[] {0, 2, 4}, made[0].toFloats());
    here.close();
  }

  @Test
  void rule4_05_leaks_listWhatOpenScopesOwn() {
    int before = engine.leaks().size();
    try (TensorScope s = engine.openScope()) {
      Tensor kept = engine.zeros(DType.FP32, Shape.of(7, 9));
      assertEquals(before + 1, engine.leaks().size());
      String line = kept.dtype() + " [7, 9] on " + kept.device();
      assertTrue(
          engine.leaks().stream().anyMatch(l -> l.startsWith(line)), () -> "no line " + line);
    }
    assertEquals(before, engine.leaks().size());
  }

  @Test
  void rule4_06_wrongShapes_areRefusedInWords() {
    Tensor x = counting(2, 3);
    refused("shapes [2, 3] and [2] do not broadcast", () -> x.add(counting(2)));
    refused("matmul: shapes [2, 3] and [2, 3] do not fit", () -> x.matmul(x));
    refused("reshape [2, 3]: 6 elements do not fill [4]", () -> x.reshape(4));
    refused("narrow [2, 3]: 2..4 lies outside dimension 1", () -> x.narrow(1, 2, 2));
    refused("dimension 2 of shape [2, 3] does not exist", () -> x.sum(2));
    refused("expand [2, 3]: does not fit [1, 3]", () -> x.expand(1, 3));
    refused("copy: [3] does not fit [2, 3]", () -> x.copyFrom(counting(3)));
    refused("item: [2, 3] has 6 elements", x::item);
    refused("backward: [2, 3] is not a scalar; give a gradient", x::backward);
    refused(
        "max [2, 0]: dimension 1 is empty", () -> engine.zeros(DType.FP32, Shape.of(2, 0)).max(1));
  }

  @Test
  void rule4_07_wrongTypes_areRefusedInWords() {
    Tensor x = counting(2, 2);
    Tensor i = engine.tensor(new long[4], Shape.of(2, 2));
    refused("add: dtypes fp32 and int64 differ; cast one", () -> x.add(i));
    refused("exp: dtype is int64, expected a floating one", i::exp);
    refused("div: dtype is int64, expected a floating one", () -> i.div(i));
    refused(
        "gather: indices are fp32 [2, 2], expected int64 of rank 2",
        () -> x.gather(counting(2, 2)));
    refused(
        "indexSelect: indices are int64 [2, 2], expected int64 of rank 1", () -> x.indexSelect(i));
    refused("toLongs: dtype is fp32, expected int64", x::toLongs);
    refused("leaf: dtype is int64, expected a floating one", i::leaf);
  }

  @Test
  void rule4_08_backward_ofNoLeaf_isRefused() {
    throwsWith(
        IllegalStateException.class,
        "backward: fp32 [] depends on no leaf",
        () -> counting(3).sum().backward());
  }

  @Test
  void rule4_09_noScope_isRefusedInWords() {
    inThread(
        () ->
            throwsWith(
                IllegalStateException.class,
                "no scope is open in thread 'conformance-kit'; wrap the code in"
                    + " try (TensorScope scope = engine.openScope())",
                () -> engine.zeros(DType.FP32, Shape.of(1))));
  }

  @Test
  void rule4_10_close_outOfOrderOrFromAnotherThread_isRefusedAndHarmless() {
    TensorScope outer = engine.openScope();
    Tensor x = counting(3);
    TensorScope inner = engine.openScope();
    throwsWith(
        IllegalStateException.class,
        "a scope opened later in this thread is still open; close that first",
        outer::close);
    String here = Thread.currentThread().getName();
    inThread(
        () ->
            throwsWith(
                IllegalStateException.class,
                "the scope belongs to thread '%s' and cannot be closed by 'conformance-kit'"
                    .formatted(here),
                inner::close));
    assertArrayEquals(new float[] {0, 1, 2}, x.toFloats());
    inner.close();
    outer.close();
  }

  @Test
  void rule4_11_moveOut_ofTheOutermost_isRefused() {
    inThread(
        () -> {
          try (TensorScope s = engine.openScope()) {
            throwsWith(
                IllegalStateException.class,
                "the scope is this thread's outermost; use tensor.moveTo(scope) with a scope of"
                    + " another thread",
                () -> s.moveOut(counting(1)));
          }
        });
  }

  @Test
  void rule4_12_leaks_whenTracked_nameTheLine() {
    String before = System.getProperty("tune4j.debug.leaks");
    System.setProperty("tune4j.debug.leaks", "true");
    try {
      Engine tracking = twin(options());
      TensorScope closed = tracking.openScope();
      Tensor used = tracking.zeros(DType.FP32, Shape.of(2));
      String usedAt = "ScopeRules.java:%d)".formatted(lineAbove());
      closed.close();
      TensorScope forgotten = tracking.openScope();
      Tensor leaked = tracking.zeros(DType.FP32, Shape.of(7, 9));
      String leakedAt = "ScopeRules.java:%d)".formatted(lineAbove());
      String text = assertThrows(IllegalStateException.class, () -> used.add(1.0)).getMessage();
      assertTrue(text.endsWith(usedAt), text + " does not name " + usedAt);
      String leak = tracking.leaks().get(0);
      assertTrue(leak.startsWith("fp32 [7, 9] on " + leaked.device() + " made at "), leak);
      assertTrue(leak.endsWith(leakedAt), leak + " does not name " + leakedAt);
      throwsWith(
          IllegalStateException.class,
          "backend '%s' closes while open scopes own tensors: 1, the first %s"
              .formatted(engine.backend().name(), leak),
          tracking::close);
      forgotten.close();
    } finally {
      if (before == null) {
        System.clearProperty("tune4j.debug.leaks");
      } else {
        System.setProperty("tune4j.debug.leaks", before);
      }
    }
  }

  /** The line before the caller's. */
  private static int lineAbove() {
    return new Throwable().getStackTrace()[1].getLineNumber() - 1;
  }

  @Test
  void rule4_13_use_ofAClosedEngine_isRefused() {
    Engine twin = twin(options());
    TensorScope s = twin.openScope();
    Tensor x = twin.zeros(DType.FP32, Shape.of(2));
    assertThrows(IllegalStateException.class, twin::close);
    assertDoesNotThrow(twin::close, "closing twice");
    String text = "backend '%s' is closed".formatted(engine.backend().name());
    throwsWith(IllegalStateException.class, text, twin::openScope);
    throwsWith(IllegalStateException.class, text, () -> twin.zeros(DType.FP32, Shape.of(1)));
    throwsWith(IllegalStateException.class, text, () -> x.add(1.0));
    throwsWith(IllegalStateException.class, text, x::toFloats);
    assertDoesNotThrow(s::close, "a scope after its engine");
  }

  private static void refused(String text, Runnable call) {
    throwsWith(IllegalArgumentException.class, text, call);
  }
}

package org.tune4j.spi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.tune4j.reference.ReferenceBackendProvider;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

final class AttentionSpecTest {
  private static String refused(Runnable call) {
    return assertThrows(IllegalArgumentException.class, call::run).getMessage();
  }

  @Test
  void numbers_thatMeanNothing_areRefused() {
    assertEquals(
        "attention: scale is NaN, expected a finite number",
        refused(() -> AttentionSpec.of(Double.NaN, 0)));
    assertEquals(
        "attention: window is -1, expected 0 (none) or more",
        refused(() -> AttentionSpec.of(1, -1)));
    assertEquals(
        "attention: softCap is -2.0, expected 0 (none) or more",
        refused(() -> new AttentionSpec<String>(1, 0, -2, null)));
  }

  @Test
  void isPlain_withoutSoftCapAndSinks() {
    assertTrue(AttentionSpec.of(1, 5).isPlain());
    assertFalse(new AttentionSpec<>(1, 0, 50, null).isPlain());
    assertFalse(new AttentionSpec<>(1, 0, 0, "sinks").isPlain());
  }

  @Test
  void sinks_ofAnotherShapeOrType_areRefused() {
    try (Engine engine = Engine.open(new ReferenceBackendProvider(), BackendOptions.DEFAULT);
        TensorScope scope = engine.openScope()) {
      Tensor q = engine.zeros(DType.FP32, Shape.of(3, 4, 2));
      Tensor sinks = engine.zeros(DType.FP32, Shape.of(2));
      assertEquals(
          "attention's sinks: fp32 [2], fp32 [3, 4, 2] do not fit",
          refused(
              () ->
                  engine
                      .operations()
                      .attention(
                          q, q, q, new int[] {3}, new AttentionSpec<Tensor>(1, 0, 0, sinks))));
    }
  }
}

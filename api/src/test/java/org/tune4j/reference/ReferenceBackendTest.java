package org.tune4j.reference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

final class ReferenceBackendTest {
  @Test
  void installed_onTheTestClassPath_findsReference() {
    try (Engine engine = Backends.installed().open("reference", BackendOptions.DEFAULT);
        TensorScope scope = engine.openScope()) {
      Tensor x = engine.tensor(new double[] {1, 2, 3, 4}, DType.FP64, Shape.of(2, 2)).leaf();
      x.mul(x).sum().backward();
      assertArrayEquals(new double[] {2, 4, 6, 8}, x.gradient().orElseThrow().toDoubles());
    }
  }

  @Test
  void matmul_handWrittenExample_givesKnownValuesAndGradients() {
    try (Engine engine = Engine.open(new ReferenceBackendProvider(), BackendOptions.DEFAULT);
        TensorScope scope = engine.openScope()) {
      Tensor a = engine.tensor(new double[] {1, 2, 3, 4}, DType.FP64, Shape.of(2, 2)).leaf();
      Tensor b = engine.tensor(new double[] {5, 6, 7, 8}, DType.FP64, Shape.of(2, 2)).leaf();
      Tensor c = a.matmul(b);
      assertArrayEquals(new double[] {19, 22, 43, 50}, c.toDoubles());
      c.sum().backward();
      assertArrayEquals(new double[] {11, 15, 11, 15}, a.gradient().orElseThrow().toDoubles());
      assertArrayEquals(new double[] {4, 4, 6, 6}, b.gradient().orElseThrow().toDoubles());
    }
  }

  @Test
  void fp32_everyOperation_roundsToFloat() {
    try (Engine engine = Engine.open(new ReferenceBackendProvider(), BackendOptions.DEFAULT);
        TensorScope scope = engine.openScope()) {
      Tensor x = engine.tensor(new float[] {1, 0.1f}, DType.FP32, Shape.of(2));
      double[] third = x.div(3.0).toDoubles();
      assertEquals(1f / 3f, third[0]);
      assertEquals((float) (0.1f / 3.0), third[1]);
    }
  }
}

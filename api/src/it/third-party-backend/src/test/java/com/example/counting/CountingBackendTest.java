package com.example.counting;

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

/** Found by its service file, opened by its name. */
final class CountingBackendTest {
  @Test
  void backend_byName_computesAndCounts() {
    CountingBackendProvider provider =
        (CountingBackendProvider) Backends.installed().find("counting");
    try (Engine engine = Engine.open(provider, BackendOptions.DEFAULT);
        TensorScope scope = engine.openScope()) {
      Tensor x = engine.tensor(new float[] {1, 2, 3, 4}, DType.FP32, Shape.of(2, 2));
      assertArrayEquals(new float[] {7, 10, 15, 22}, x.matmul(x).toFloats());
      assertEquals(1, provider.calls("matmul"));
      assertEquals(0, provider.calls("exp"));
    }
  }
}

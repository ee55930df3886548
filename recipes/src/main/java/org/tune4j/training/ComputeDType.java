package org.tune4j.training;

import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.platform.Processor;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Operations;
import org.tune4j.tensor.Precision;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * What a {@code dtype} of two bytes is computed in: itself where that is fast, otherwise fp32. A
 * CPU without instructions for it emulates its products, many times slower than fp32's.
 */
public final class ComputeDType {
  /** Overrides the choice: {@code fp32}, or {@code bf16} for the stored type itself. */
  public static final String VARIABLE = "TUNE_COMPUTE";

  private static final int ROWS = 128;
  private static final int WIDTH = 1024;
  private static final int TIMES = 3;

  /**
   * How much longer a product may take than fp32's: more where the processor says that it has
   * instructions for it, as a busy machine must not decide what a run computes.
   */
  private static final double WITH_INSTRUCTIONS = 1.5;

  private static final double WITHOUT_INSTRUCTIONS = 0.8;

  private final @Nullable String asked;
  private final Set<String> instructions;

  /**
   * A choice.
   *
   * @param asked the variable's value; null or empty to choose
   * @param instructions of the CPU, as {@link Processor#instructions} names them
   * @throws UsageException when another value is asked for
   */
  ComputeDType(@Nullable String asked, Set<String> instructions) {
    this.asked = asked == null || asked.isEmpty() ? null : asked;
    this.instructions = instructions;
    if (this.asked != null && !this.asked.equals("fp32") && !this.asked.equals("bf16")) {
      throw new UsageException(
          "%s is '%s', expected fp32 or bf16; unset it to have the faster one chosen"
              .formatted(VARIABLE, asked));
    }
  }

  /** {@return this process's, with the environment's {@code TUNE_COMPUTE}} */
  public static ComputeDType ofThisMachine() {
    return new ComputeDType(System.getenv(VARIABLE), Processor.here().instructions());
  }

  /**
   * {@return what a run would use, as the processor's instructions suggest; nothing native is
   * loaded}
   *
   * @param dtype of stored weights
   * @param device that computes
   */
  public Precision expected(DType dtype, Device device) {
    boolean itself =
        chosen(dtype, device)
            ? !Objects.equals(asked, "fp32") || dtype.bytes() >= DType.FP32.bytes()
            : multiplies(dtype);
    return itself ? Precision.of(dtype) : new Precision(dtype, DType.FP32);
  }

  /**
   * {@return what a run uses: products of both types are timed where nothing else decides}
   *
   * @param dtype of stored weights
   * @param engine that computes
   */
  public Precision precision(DType dtype, Engine engine) {
    if (chosen(dtype, engine.device())) {
      return expected(dtype, engine.device());
    }
    double most = multiplies(dtype) ? WITH_INSTRUCTIONS : WITHOUT_INSTRUCTIONS;
    return seconds(engine, dtype) <= most * seconds(engine, DType.FP32)
        ? Precision.of(dtype)
        : new Precision(dtype, DType.FP32);
  }

  /** Whether the answer depends on no processor. */
  private boolean chosen(DType dtype, Device device) {
    return asked != null || dtype.bytes() >= DType.FP32.bytes() || device.type() != Device.Type.CPU;
  }

  /** Whether the CPU says that it has instructions for a type's products. */
  private boolean multiplies(DType dtype) {
    List<String> any =
        switch (dtype) {
          case BF16 -> List.of("avx512_bf16", "amx_bf16", "bf16", "feat_bf16");
          case FP16 -> List.of("avx512_fp16", "amx_fp16", "asimdhp", "feat_fp16");
          default -> List.of();
        };
    return any.stream().anyMatch(instructions::contains);
  }

  /** The shortest of some products, after one that prepares. */
  private static double seconds(Engine engine, DType dtype) {
    try (TensorScope scope = engine.openScope();
        Engine.NoGradient off = engine.noGradient()) {
      Operations ops = engine.operations();
      Tensor x = ops.uniform(1, -1, 1, dtype, Shape.of(ROWS, WIDTH));
      Tensor w = ops.uniform(2, -1, 1, dtype, Shape.of(WIDTH, WIDTH));
      double least = Double.POSITIVE_INFINITY;
      for (int i = 0; i <= TIMES; i++) {
        long start = System.nanoTime();
        ops.linear(x, w).close();
        if (i > 0) {
          least = Math.min(least, (System.nanoTime() - start) * 1e-9);
        }
      }
      return least;
    }
  }
}

package org.tune4j.reference;

import java.util.List;
import java.util.function.Supplier;
import org.tune4j.spi.AttentionSpec;
import org.tune4j.spi.Backend;
import org.tune4j.spi.Kernels;
import org.tune4j.spi.TensorHandle;
import org.tune4j.tensor.Shape;

/** Wrong kernels over right primitives. */
enum KernelFault implements Fault {
  RMS_NORM_KERNEL_WITHOUT_EPS(
      () ->
          new Broken() {
            @Override
            public Kernels kernels() {
              return new Kernels() {
                @Override
                public TensorHandle rmsNorm(TensorHandle x, TensorHandle w, double eps) {
                  return fused(
                      t -> {
                        int last = value(x).sizes.length - 1;
                        TensorHandle square = t.keep(binary(Binary.MUL, x, x));
                        TensorHandle sum = t.keep(sum(square, last));
                        TensorHandle mean =
                            t.keep(binary(Binary.DIV, sum, (double) value(x).sizes[last]));
                        TensorHandle rms = t.keep(unary(Unary.SQRT, mean));
                        return binary(Binary.MUL, t.keep(binary(Binary.DIV, x, rms)), w);
                      });
                }
              };
            }
          },
      "6_03",
      "6_09",
      "6_10",
      "6_11"),

  ATTENTION_KERNEL_IGNORES_ROW_ENDS(
      () ->
          new Broken() {
            @Override
            public Kernels kernels() {
              return new Kernels() {
                @Override
                public TensorHandle attention(
                    TensorHandle q,
                    TensorHandle k,
                    TensorHandle v,
                    int[] ends,
                    AttentionSpec<TensorHandle> spec) {
                  return spec.window() > 0 || !spec.isPlain()
                      ? null
                      : fused(t -> causal(t, q, k, v, spec.scale()));
                }
              };
            }
          },
      "6_05",
      "6_09",
      "6_10",
      "6_11"),

  ATTENTION_KERNEL_IGNORES_SOFT_CAP_AND_SINKS(
      () ->
          new Broken() {
            @Override
            public Kernels kernels() {
              return new Kernels() {
                @Override
                public TensorHandle attention(
                    TensorHandle q,
                    TensorHandle k,
                    TensorHandle v,
                    int[] ends,
                    AttentionSpec<TensorHandle> spec) {
                  return ends.length > 1 || spec.window() > 0
                      ? null
                      : fused(t -> causal(t, q, k, v, spec.scale()));
                }
              };
            }
          },
      "6_05"),

  CACHED_ATTENTION_KERNEL_FORGETS_TO_WRITE(
      () ->
          new Broken() {
            @Override
            public Kernels kernels() {
              return new Kernels() {
                @Override
                public TensorHandle cachedAttention(
                    TensorHandle q,
                    TensorHandle k,
                    TensorHandle v,
                    TensorHandle cos,
                    TensorHandle sin,
                    TensorHandle keys,
                    TensorHandle values,
                    int at,
                    TensorHandle mask,
                    AttentionSpec<TensorHandle> spec) {
                  int[] sizes = value(q).sizes;
                  return reshape(q, Shape.of(sizes[0], (long) sizes[1] * sizes[2]));
                }
              };
            }
          },
      "6_12"),

  PACKED_WEIGHT_IS_NO_COPY(
      () ->
          new Broken() {
            @Override
            public Kernels kernels() {
              return new Kernels() {
                @Override
                public TensorHandle pack(TensorHandle w) {
                  return transpose(w, 0, 1);
                }

                @Override
                public TensorHandle packedLinear(TensorHandle x, TensorHandle packed) {
                  return matmul(x, packed);
                }
              };
            }
          },
      "6_13"),

  WIDENED_LINEAR_KERNEL_LEAVES_OUT_ITS_LAST_TILE(
      () ->
          new Broken() {
            @Override
            public Kernels kernels() {
              return new Kernels() {
                @Override
                public TensorHandle widenedLinearInput(TensorHandle g, TensorHandle w) {
                  return fused(
                      t -> {
                        long rows = value(w).sizes[0] / 16 * 16;
                        TensorHandle part = t.keep(narrow(w, 0, 0, rows));
                        TensorHandle wide = t.keep(cast(part, value(g).dtype));
                        return matmul(t.keep(narrow(g, 1, 0, rows)), wide);
                      });
                }
              };
            }
          },
      "6_14",
      "6_16",
      "6_17"),

  SWI_GLU_KERNEL_IS_NOT_RECORDED(
      () ->
          new Broken() {
            @Override
            public Kernels kernels() {
              return new Kernels() {
                @Override
                public TensorHandle swiGlu(TensorHandle gate, TensorHandle up) {
                  return fused(
                      t -> {
                        TensorHandle s = t.keep(unary(Unary.SIGMOID, gate));
                        TensorHandle silu = t.keep(detach(t.keep(binary(Binary.MUL, gate, s))));
                        return binary(Binary.MUL, silu, up);
                      });
                }
              };
            }
          },
      "6_06",
      "6_09",
      "6_10",
      "6_11"),

  ADAM_W_KERNEL_CORRECTS_BIAS_WRONGLY(
      () ->
          new Broken() {
            @Override
            public Kernels kernels() {
              return new Kernels() {
                @Override
                public boolean adamW(
                    TensorHandle parameter,
                    TensorHandle gradient,
                    TensorHandle m,
                    TensorHandle v,
                    long step,
                    double lr,
                    double beta1,
                    double beta2,
                    double eps,
                    double weightDecay) {
                  double[] p = value(parameter).doubles();
                  double[] g = value(gradient).doubles();
                  double[] mean = value(m).doubles();
                  double[] square = value(v).doubles();
                  for (int i = 0; i < p.length; i++) {
                    mean[i] = beta1 * mean[i] + (1 - beta1) * g[i];
                    square[i] = beta2 * square[i] + (1 - beta2) * g[i] * g[i];
                    double root = Math.sqrt(square[i] / (1 - Math.pow(beta2, step + 1.0)));
                    double update = mean[i] / (1 - Math.pow(beta1, (double) step)) / (root + eps);
                    p[i] = p[i] * (1 - lr * weightDecay) - lr * update;
                  }
                  return true;
                }
              };
            }
          },
      "6_08"),

  SWI_GLU_KERNEL_OVERWRITES_ITS_ARGUMENT(
      () ->
          new Broken() {
            @Override
            public Kernels kernels() {
              return new Kernels() {
                @Override
                public TensorHandle swiGlu(TensorHandle gate, TensorHandle up) {
                  return fused(
                      t -> {
                        TensorHandle s = t.keep(unary(Unary.SIGMOID, gate));
                        TensorHandle silu = t.keep(binary(Binary.MUL, gate, s));
                        TensorHandle out = binary(Binary.MUL, silu, up);
                        copyInto(up, out);
                        return out;
                      });
                }
              };
            }
          },
      "6_06",
      "6_09",
      "6_10",
      "6_11"),

  LINEAR_KERNEL_FORGETS_X_WHERE_W_IS_FROZEN(
      () ->
          new Broken() {
            @Override
            public Kernels kernels() {
              return new Kernels() {
                @Override
                public TensorHandle linear(TensorHandle x, TensorHandle w) {
                  return fused(
                      t ->
                          matmul(
                              requiresGradient(w) ? x : t.keep(detach(x)),
                              t.keep(transpose(w, 0, 1))));
                }
              };
            }
          },
      "6_09"),

  SOLVE_UNIT_LOWER_KERNEL_SUBSTITUTES_ONCE(
      () ->
          new Broken() {
            @Override
            public Kernels kernels() {
              return new Kernels() {
                @Override
                public TensorHandle solveUnitLower(TensorHandle a, TensorHandle b) {
                  return fused(t -> binary(Binary.SUB, b, t.keep(matmul(a, b))));
                }
              };
            }
          },
      "6_09",
      "6_10",
      "6_11",
      "6_15"),

  RMS_NORM_KERNEL_IS_WRONG_FOR_MANY_ROWS(
      () ->
          new Broken() {
            @Override
            public Kernels kernels() {
              return new Kernels() {
                @Override
                public TensorHandle rmsNorm(TensorHandle x, TensorHandle w, double eps) {
                  return value(x).sizes[0] > 64 ? binary(Binary.MUL, x, w) : null;
                }
              };
            }
          },
      "6_11");

  private final Supplier<Backend> open;
  private final List<String> rules;

  KernelFault(Supplier<Backend> open, String... rules) {
    this.open = open;
    this.rules = List.of(rules);
  }

  @Override
  public Backend open() {
    return open.get();
  }

  @Override
  public List<String> rules() {
    return rules;
  }
}

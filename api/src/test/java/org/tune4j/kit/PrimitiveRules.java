package org.tune4j.kit;

import static org.tune4j.kit.Case.distinct;
import static org.tune4j.kit.Case.uniform;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/** Chapter 2: every primitive, forward against the reference, backward also by differences. */
abstract class PrimitiveRules extends StorageRules {

  private static Case[] negCases() {
    return new Case[] {Case.of("neg", (e, x) -> x[0].neg(), uniform(1, -2, 2, 3, 4))};
  }

  @Test
  void rule2_01_neg_forward_matchesReference() {
    forward(negCases());
  }

  @Test
  void rule2_01_neg_backward_matchesFiniteDifferences() {
    backward(negCases());
  }

  private static Case[] expCases() {
    return new Case[] {Case.of("exp", (e, x) -> x[0].exp(), uniform(1, -2, 2, 3, 4))};
  }

  @Test
  void rule2_02_exp_forward_matchesReference() {
    forward(expCases());
  }

  @Test
  void rule2_02_exp_backward_matchesFiniteDifferences() {
    backward(expCases());
  }

  private static Case[] logCases() {
    return new Case[] {Case.of("log", (e, x) -> x[0].log(), uniform(2, 0.5, 2, 3, 4))};
  }

  @Test
  void rule2_03_log_forward_matchesReference() {
    forward(logCases());
  }

  @Test
  void rule2_03_log_backward_matchesFiniteDifferences() {
    backward(logCases());
  }

  private static Case[] sqrtCases() {
    return new Case[] {Case.of("sqrt", (e, x) -> x[0].sqrt(), uniform(2, 0.5, 2, 3, 4))};
  }

  @Test
  void rule2_04_sqrt_forward_matchesReference() {
    forward(sqrtCases());
  }

  @Test
  void rule2_04_sqrt_backward_matchesFiniteDifferences() {
    backward(sqrtCases());
  }

  private static Case[] sigmoidCases() {
    return new Case[] {Case.of("sigmoid", (e, x) -> x[0].sigmoid(), uniform(1, -2, 2, 3, 4))};
  }

  @Test
  void rule2_05_sigmoid_forward_matchesReference() {
    forward(sigmoidCases());
  }

  @Test
  void rule2_05_sigmoid_backward_matchesFiniteDifferences() {
    backward(sigmoidCases());
  }

  private static Case[] tanhCases() {
    return new Case[] {Case.of("tanh", (e, x) -> x[0].tanh(), uniform(1, -2, 2, 3, 4))};
  }

  @Test
  void rule2_06_tanh_forward_matchesReference() {
    forward(tanhCases());
  }

  @Test
  void rule2_06_tanh_backward_matchesFiniteDifferences() {
    backward(tanhCases());
  }

  private static Case[] addCases() {
    return new Case[] {
      Case.of(
          "add of one shape",
          (e, x) -> x[0].add(x[1]),
          uniform(3, -2, 2, 3, 4),
          uniform(4, -2, 2, 3, 4)),
      Case.of(
          "add of a row", (e, x) -> x[0].add(x[1]), uniform(3, -2, 2, 3, 4), uniform(4, -2, 2, 4)),
      Case.of(
          "add of a column",
          (e, x) -> x[0].add(x[1]),
          uniform(3, -2, 2, 3, 1),
          uniform(4, -2, 2, 2, 1, 4)),
      Case.of(
          "add of a scalar",
          (e, x) -> x[0].add(x[1]),
          uniform(3, -2, 2, 2, 3, 2),
          uniform(4, -2, 2)),
      Case.of("add with itself", (e, x) -> x[0].add(x[0]), uniform(5, 0.5, 2, 3, 2))
    };
  }

  @Test
  void rule2_07_add_forward_matchesReference() {
    forward(addCases());
  }

  @Test
  void rule2_07_add_backward_matchesFiniteDifferences() {
    backward(addCases());
  }

  private static Case[] subCases() {
    return new Case[] {
      Case.of(
          "sub of one shape",
          (e, x) -> x[0].sub(x[1]),
          uniform(3, -2, 2, 3, 4),
          uniform(4, -2, 2, 3, 4)),
      Case.of(
          "sub of a row", (e, x) -> x[0].sub(x[1]), uniform(3, -2, 2, 3, 4), uniform(4, -2, 2, 4)),
      Case.of(
          "sub of a column",
          (e, x) -> x[0].sub(x[1]),
          uniform(3, -2, 2, 3, 1),
          uniform(4, -2, 2, 2, 1, 4)),
      Case.of(
          "sub of a scalar",
          (e, x) -> x[0].sub(x[1]),
          uniform(3, -2, 2, 2, 3, 2),
          uniform(4, -2, 2)),
      Case.of("sub with itself", (e, x) -> x[0].sub(x[0]), uniform(5, 0.5, 2, 3, 2))
    };
  }

  @Test
  void rule2_08_sub_forward_matchesReference() {
    forward(subCases());
  }

  @Test
  void rule2_08_sub_backward_matchesFiniteDifferences() {
    backward(subCases());
  }

  private static Case[] mulCases() {
    return new Case[] {
      Case.of(
          "mul of one shape",
          (e, x) -> x[0].mul(x[1]),
          uniform(3, -2, 2, 3, 4),
          uniform(4, -2, 2, 3, 4)),
      Case.of(
          "mul of a row", (e, x) -> x[0].mul(x[1]), uniform(3, -2, 2, 3, 4), uniform(4, -2, 2, 4)),
      Case.of(
          "mul of a column",
          (e, x) -> x[0].mul(x[1]),
          uniform(3, -2, 2, 3, 1),
          uniform(4, -2, 2, 2, 1, 4)),
      Case.of(
          "mul of a scalar",
          (e, x) -> x[0].mul(x[1]),
          uniform(3, -2, 2, 2, 3, 2),
          uniform(4, -2, 2)),
      Case.of("mul with itself", (e, x) -> x[0].mul(x[0]), uniform(5, 0.5, 2, 3, 2))
    };
  }

  @Test
  void rule2_09_mul_forward_matchesReference() {
    forward(mulCases());
  }

  @Test
  void rule2_09_mul_backward_matchesFiniteDifferences() {
    backward(mulCases());
  }

  private static Case[] divCases() {
    return new Case[] {
      Case.of(
          "div of one shape",
          (e, x) -> x[0].div(x[1]),
          uniform(3, -2, 2, 3, 4),
          uniform(4, 0.5, 2, 3, 4)),
      Case.of(
          "div of a row", (e, x) -> x[0].div(x[1]), uniform(3, -2, 2, 3, 4), uniform(4, 0.5, 2, 4)),
      Case.of(
          "div of a column",
          (e, x) -> x[0].div(x[1]),
          uniform(3, -2, 2, 3, 1),
          uniform(4, 0.5, 2, 2, 1, 4)),
      Case.of(
          "div of a scalar",
          (e, x) -> x[0].div(x[1]),
          uniform(3, -2, 2, 2, 3, 2),
          uniform(4, 0.5, 2)),
      Case.of("div with itself", (e, x) -> x[0].div(x[0]), uniform(5, 0.5, 2, 3, 2))
    };
  }

  @Test
  void rule2_10_div_forward_matchesReference() {
    forward(divCases());
  }

  @Test
  void rule2_10_div_backward_matchesFiniteDifferences() {
    backward(divCases());
  }

  private static Case[] addScalarCases() {
    return new Case[] {Case.of("add a scalar", (e, x) -> x[0].add(-1.75), uniform(1, -2, 2, 3, 4))};
  }

  @Test
  void rule2_11_addScalar_forward_matchesReference() {
    forward(addScalarCases());
  }

  @Test
  void rule2_11_addScalar_backward_matchesFiniteDifferences() {
    backward(addScalarCases());
  }

  private static Case[] mulScalarCases() {
    return new Case[] {Case.of("mul a scalar", (e, x) -> x[0].mul(-1.75), uniform(1, -2, 2, 3, 4))};
  }

  @Test
  void rule2_12_mulScalar_forward_matchesReference() {
    forward(mulScalarCases());
  }

  @Test
  void rule2_12_mulScalar_backward_matchesFiniteDifferences() {
    backward(mulScalarCases());
  }

  private static Case[] divScalarCases() {
    return new Case[] {Case.of("div a scalar", (e, x) -> x[0].div(-1.75), uniform(1, -2, 2, 3, 4))};
  }

  @Test
  void rule2_13_divScalar_forward_matchesReference() {
    forward(divScalarCases());
  }

  @Test
  void rule2_13_divScalar_backward_matchesFiniteDifferences() {
    backward(divScalarCases());
  }

  private static Case[] sumCases() {
    return new Case[] {
      Case.of("sum over 0", (e, x) -> x[0].sum(0), uniform(6, -2, 2, 2, 3, 4)),
      Case.of("sum over 1", (e, x) -> x[0].sum(1), uniform(6, -2, 2, 2, 3, 4)),
      Case.of("sum over 2", (e, x) -> x[0].sum(2), uniform(6, -2, 2, 2, 3, 4)),
      Case.of("sum of all", (e, x) -> x[0].sum(), uniform(1, -2, 2, 3, 4))
    };
  }

  @Test
  void rule2_14_sum_forward_matchesReference() {
    forward(sumCases());
  }

  @Test
  void rule2_14_sum_backward_matchesFiniteDifferences() {
    backward(sumCases());
  }

  private static Case[] maxCases() {
    return new Case[] {
      Case.of("max over 0", (e, x) -> x[0].max(0), distinct(2, 3, 5)),
      Case.of("max over 1", (e, x) -> x[0].max(1), distinct(2, 3, 5)),
      Case.of("max over 2", (e, x) -> x[0].max(2), distinct(2, 3, 5))
    };
  }

  @Test
  void rule2_15_max_forward_matchesReference() {
    forward(maxCases());
  }

  @Test
  void rule2_15_max_backward_matchesFiniteDifferences() {
    backward(maxCases());
  }

  private static Case[] matmulCases() {
    return new Case[] {
      Case.of(
          "matmul [3,4]x[4,5]",
          (e, x) -> x[0].matmul(x[1]),
          uniform(7, -2, 2, 3, 4),
          uniform(8, -2, 2, 4, 5)),
      Case.of(
          "matmul [2,3,4]x[2,4,2]",
          (e, x) -> x[0].matmul(x[1]),
          uniform(7, -2, 2, 2, 3, 4),
          uniform(8, -2, 2, 2, 4, 2)),
      Case.of(
          "matmul of a transposed",
          (e, x) -> x[0].matmul(x[1].transpose(0, 1)),
          uniform(7, -2, 2, 3, 4),
          uniform(8, -2, 2, 5, 4)),
      Case.of(
          "matmul of expanded",
          (e, x) -> x[0].expand(2, 3, 4).matmul(x[1].expand(2, 4, 3)),
          uniform(7, -2, 2, 1, 3, 4),
          uniform(8, -2, 2, 2, 4, 1))
    };
  }

  @Test
  void rule2_16_matmul_forward_matchesReference() {
    forward(matmulCases());
  }

  @Test
  void rule2_16_matmul_backward_matchesFiniteDifferences() {
    backward(matmulCases());
  }

  private static Case[] indexSelectCases() {
    return new Case[] {
      Case.of(
          "indexSelect with repeats",
          (e, x) -> x[0].indexSelect(e.indices(3, 0, 3, 1)),
          uniform(9, -2, 2, 4, 3)),
      Case.of(
          "indexSelect of rank 3",
          (e, x) -> x[0].indexSelect(e.indices(1, 1)),
          uniform(9, -2, 2, 2, 2, 3))
    };
  }

  @Test
  void rule2_17_indexSelect_forward_matchesReference() {
    forward(indexSelectCases());
  }

  @Test
  void rule2_17_indexSelect_backward_matchesFiniteDifferences() {
    backward(indexSelectCases());
  }

  private static Case[] gatherCases() {
    return new Case[] {
      Case.of(
          "gather",
          (e, x) -> x[0].gather(e.tensor(new long[] {2, 0, 1}, Shape.of(3, 1))),
          uniform(10, -2, 2, 3, 4))
    };
  }

  @Test
  void rule2_18_gather_forward_matchesReference() {
    forward(gatherCases());
  }

  @Test
  void rule2_18_gather_backward_matchesFiniteDifferences() {
    backward(gatherCases());
  }

  private static Case[] reshapeCases() {
    return new Case[] {
      Case.of("reshape", (e, x) -> x[0].reshape(2, 6), uniform(1, -2, 2, 3, 4)),
      Case.of(
          "reshape of a transposed",
          (e, x) -> x[0].transpose(0, 1).reshape(2, 6),
          uniform(1, -2, 2, 3, 4)),
      Case.of("reshape to a scalar", (e, x) -> x[0].reshape(), uniform(1, -2, 2, 1, 1))
    };
  }

  @Test
  void rule2_19_reshape_forward_matchesReference() {
    forward(reshapeCases());
  }

  @Test
  void rule2_19_reshape_backward_matchesFiniteDifferences() {
    backward(reshapeCases());
  }

  private static Case[] transposeCases() {
    return new Case[] {
      Case.of("transpose 0 and 2", (e, x) -> x[0].transpose(0, 2), uniform(11, -2, 2, 2, 3, 4))
    };
  }

  @Test
  void rule2_20_transpose_forward_matchesReference() {
    forward(transposeCases());
  }

  @Test
  void rule2_20_transpose_backward_matchesFiniteDifferences() {
    backward(transposeCases());
  }

  private static Case[] narrowCases() {
    return new Case[] {
      Case.of("narrow of dimension 0", (e, x) -> x[0].narrow(0, 1, 2), uniform(1, -2, 2, 3, 4)),
      Case.of("narrow of dimension 1", (e, x) -> x[0].narrow(1, 1, 2), uniform(1, -2, 2, 3, 4)),
      Case.of(
          "narrow that overlaps",
          (e, x) -> x[0].narrow(1, 0, 3).sub(x[0].narrow(1, 1, 3)),
          uniform(1, -2, 2, 3, 4))
    };
  }

  @Test
  void rule2_21_narrow_forward_matchesReference() {
    forward(narrowCases());
  }

  @Test
  void rule2_21_narrow_backward_matchesFiniteDifferences() {
    backward(narrowCases());
  }

  private static Case[] expandCases() {
    return new Case[] {
      Case.of("expand", (e, x) -> x[0].expand(2, 3, 4), uniform(12, -2, 2, 2, 1, 4)),
      Case.of("expand of two", (e, x) -> x[0].expand(2, 3, 2), uniform(12, -2, 2, 1, 3, 1))
    };
  }

  @Test
  void rule2_22_expand_forward_matchesReference() {
    forward(expandCases());
  }

  @Test
  void rule2_22_expand_backward_matchesFiniteDifferences() {
    backward(expandCases());
  }

  private static Case[] contiguousCases() {
    return new Case[] {
      Case.of("contiguous", (e, x) -> x[0].transpose(0, 1).contiguous(), uniform(1, -2, 2, 3, 4))
    };
  }

  @Test
  void rule2_23_contiguous_forward_matchesReference() {
    forward(contiguousCases());
  }

  @Test
  void rule2_23_contiguous_backward_matchesFiniteDifferences() {
    backward(contiguousCases());
  }

  private static Case[] catCases() {
    return new Case[] {
      Case.of(
          "cat along 0",
          (e, x) -> Tensor.cat(List.of(x[0], x[1], x[0]), 0),
          uniform(13, -2, 2, 2, 3),
          uniform(14, -2, 2, 1, 3)),
      Case.of(
          "cat along 1",
          (e, x) -> Tensor.cat(List.of(x[0], x[1], x[0]), 1),
          uniform(13, -2, 2, 2, 3),
          uniform(14, -2, 2, 2, 2))
    };
  }

  @Test
  void rule2_24_cat_forward_matchesReference() {
    forward(catCases());
  }

  @Test
  void rule2_24_cat_backward_matchesFiniteDifferences() {
    backward(catCases());
  }

  private static Case[] copyToCases() {
    return new Case[] {
      Case.of("copyTo", (e, x) -> x[0].copyTo(e.device()), uniform(1, -2, 2, 3, 4))
    };
  }

  @Test
  void rule2_25_copyTo_forward_matchesReference() {
    forward(copyToCases());
  }

  @Test
  void rule2_25_copyTo_backward_matchesFiniteDifferences() {
    backward(copyToCases());
  }

  private static Case[] castCases() {
    return new Case[] {
      Case.of("cast to the same", (e, x) -> x[0].cast(x[0].dtype()), uniform(1, -2, 2, 3, 4))
    };
  }

  @Test
  void rule2_26_cast_forward_matchesReference() {
    forward(castCases());
  }

  @Test
  void rule2_26_cast_backward_matchesFiniteDifferences() {
    backward(castCases());
  }

  @Test
  void rule2_27_castToOtherTypes_backward_castsTheGradientBack() {
    for (DType from : floating()) {
      for (DType to : floating()) {
        Tensor x = engine.tensor(new float[] {1, 2, 3}, from, Shape.of(3)).leaf();
        x.cast(to).backward(engine.tensor(new float[] {0.5f, -1, 2}, to, Shape.of(3)));
        Tensor g = x.gradient().orElseThrow();
        close("from " + from + " to " + to, new double[] {0.5, -1, 2}, values(g), 0);
      }
    }
  }
}

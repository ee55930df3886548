package org.tune4j.kit;

import static org.tune4j.kit.Case.distinct;
import static org.tune4j.kit.Case.uniform;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;

/** The rest of chapter 2: sums, products, indices, views and copies. */
abstract class PrimitiveRules extends ElementRules {
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

package org.tune4j.kit;

import static org.tune4j.kit.Case.uniform;

import org.junit.jupiter.api.Test;

/** Chapter 2: primitives of each element by itself, and of two that broadcast. */
abstract class ElementRules extends StorageRules {

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
}

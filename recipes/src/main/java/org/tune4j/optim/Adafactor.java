package org.tune4j.optim;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.nn.Parameter;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * Adafactor (Shazeer and Stern 2018), as {@code transformers.optimization.Adafactor} has it: of a
 * matrix's second moment the means of rows and columns are kept. State and arithmetic are fp32 or
 * wider.
 */
public final class Adafactor implements Optimizer.Spec {
  private static final double LARGEST_RELATIVE_STEP = 1e-2;
  private static final double WARMUP = 1e-6;

  private final @Nullable Double lr;
  private final List<Double> eps;
  private final double clipThreshold;
  private final double decayRate;
  private final @Nullable Double beta1;
  private final double weightDecay;
  private final boolean scaleParameter;
  private final boolean warmupInit;

  /**
   * Checks the numbers.
   *
   * @param lr from 0 to 10; null with {@code relativeStep}
   * @param eps two numbers above 0: added to squares, and the least scale of a parameter
   * @param clipThreshold above 0
   * @param decayRate below 0
   * @param beta1 from 0 to below 1; null to keep no first moment
   * @param weightDecay from 0 to 10
   * @param scaleParameter whether rates are times the parameter's root mean square
   * @param relativeStep whether the rate is a function of the step
   * @param warmupInit takes {@code relativeStep}
   * @throws org.tune4j.UsageException with all that are out of bounds
   */
  @Component(
      value = "adafactor",
      aliases = {"transformers.optimization.Adafactor", "transformers.Adafactor"})
  public Adafactor(
      @Doc("learning rate before the schedule's factor; only without relative_step")
          @Nullable Double lr,
      @Doc("added to squares, and the least scale of a parameter") @Default("[1e-30, 1e-3]")
          List<Double> eps,
      @Doc("root mean square of an update above which it is scaled down") @Default("1.0")
          double clipThreshold,
      @Doc("power of the step's number in the decay of the second moment") @Default("-0.8")
          double decayRate,
      @Doc("decay of the first moment; null to keep none") @Nullable Double beta1,
      @Doc("decoupled weight decay") @Default("0.0") double weightDecay,
      @Doc("learning rate times the parameter's root mean square") @Default("true")
          boolean scaleParameter,
      @Doc("learning rate of min(1e-2, 1 / sqrt(step)) in place of lr") @Default("true")
          boolean relativeStep,
      @Doc("with relative_step: at most 1e-6 times the step") @Default("false")
          boolean warmupInit) {
    Hyperparameters.of("adafactor")
        .that(
            (lr == null) == relativeStep,
            "lr is %s and relative_step is %s; give lr with relative_step=false, or neither"
                .formatted(lr, relativeStep))
        .that(
            lr == null || (lr >= 0 && lr <= 10),
            "lr is %s, expected between 0 and 10".formatted(lr))
        .that(
            eps.size() == 2 && eps.stream().allMatch(e -> e > 0),
            "eps is %s, expected two numbers above 0".formatted(eps))
        .that(clipThreshold > 0, "clip_threshold is %s, expected above 0".formatted(clipThreshold))
        .that(decayRate < 0, "decay_rate is %s, expected below 0".formatted(decayRate))
        .that(
            beta1 == null || (beta1 >= 0 && beta1 < 1),
            "beta1 is %s, expected in [0, 1) or null".formatted(beta1))
        .weightDecay(weightDecay, 10)
        .that(relativeStep || !warmupInit, "warmup_init takes relative_step=true")
        .check();
    this.lr = lr;
    this.eps = List.copyOf(eps);
    this.clipThreshold = clipThreshold;
    this.decayRate = decayRate;
    this.beta1 = beta1;
    this.weightDecay = weightDecay;
    this.scaleParameter = scaleParameter;
    this.warmupInit = warmupInit;
  }

  @Override
  public double lr() {
    return lr == null ? LARGEST_RELATIVE_STEP : lr;
  }

  @Override
  public double lr(long step) {
    if (lr != null) {
      return lr;
    }
    double most = warmupInit ? WARMUP * (step + 1) : LARGEST_RELATIVE_STEP;
    return Math.min(most, 1 / Math.sqrt(step + 1.0));
  }

  @Override
  public Map<String, Kept> kept(Parameter parameter) {
    DType dtype = CountedOptimizer.wide(parameter.dtype());
    Map<String, Kept> all = new TreeMap<>();
    if (beta1 != null) {
      all.put("exp_avg", new Kept(dtype, parameter.shape()));
    }
    if (parameter.shape().rank() < 2) {
      all.put("exp_avg_sq", new Kept(dtype, parameter.shape()));
    } else {
      Matrices m = Matrices.of(parameter.shape());
      all.put("exp_avg_sq_row", new Kept(dtype, Shape.of(m.count, m.rows, 1)));
      all.put("exp_avg_sq_col", new Kept(dtype, Shape.of(m.count, 1, m.columns)));
    }
    return all;
  }

  /** The mean of rows and the clipping need whole parameters. */
  @Override
  public boolean elementwise() {
    return false;
  }

  @Override
  public Optimizer create(List<Parameter> parameters) {
    return new State(parameters);
  }

  /** A parameter as the matrices of its last two dimensions; a vector as one row. */
  private record Matrices(long count, long rows, long columns) {
    static Matrices of(Shape shape) {
      int rank = shape.rank();
      long columns = rank == 0 ? 1 : shape.size(rank - 1);
      long rows = rank < 2 ? 1 : shape.size(rank - 2);
      return new Matrices(shape.elements() / (rows * columns), rows, columns);
    }
  }

  private final class State extends CountedOptimizer {
    State(List<Parameter> parameters) {
      super(Adafactor.this, parameters);
    }

    @Override
    public void update(int parameter, Tensor gradient, double lr) {
      Engine engine = gradient.engine();
      try (TensorScope scope = engine.openScope();
          Engine.NoGradient off = engine.noGradient()) {
        Tensor value = value(parameter);
        double decay = 1 - Math.pow((double) updates(), decayRate);
        List<Piece> pieces =
            value.shape().rank() < 2
                ? whole(parameter, gradient, decay)
                : factored(parameter, gradient, decay);
        double n = value.shape().elements();
        double size = scaleParameter ? Math.sqrt(squares(Chunks.of(value, Chunks.SIZE)) / n) : 1;
        double rate = lr * (scaleParameter ? Math.max(eps.get(1), size) : 1);
        double squares = 0;
        for (Piece p : pieces) {
          try (TensorScope chunk = engine.openScope()) {
            squares += square(p.direction());
          }
        }
        double factor = rate / Math.max(1, Math.sqrt(squares / n) / clipThreshold);
        for (Piece p : pieces) {
          try (TensorScope chunk = engine.openScope()) {
            move(p, p.direction().mul(factor), rate);
          }
        }
      }
    }

    /** Of a vector, each element's second moment. */
    private List<Piece> whole(int parameter, Tensor gradient, double decay) {
      Tensor second = state(parameter, "exp_avg_sq");
      Tensor g = wide(gradient);
      second.copyFrom(second.mul(decay).add(g.mul(g).add(eps.get(0)).mul(1 - decay)));
      Tensor all = second.sqrt();
      return List.of(new Piece(value(parameter), gradient, all, null, mean(parameter)));
    }

    /** Of each matrix, means of rows and columns, then as many rows at a time as a chunk has. */
    private List<Piece> factored(int parameter, Tensor gradient, double decay) {
      Matrices m = Matrices.of(gradient.shape());
      long[] sizes = {m.count, m.rows, m.columns};
      Tensor value = value(parameter).reshape(sizes);
      Tensor grad = gradient.reshape(sizes);
      Tensor mean = mean(parameter);
      Tensor means = mean == null ? null : mean.reshape(sizes);
      long most = Math.max(1, Chunks.SIZE / m.columns);
      List<Piece> pieces = new ArrayList<>();
      for (long i = 0; i < m.count; i++) {
        Tensor row = state(parameter, "exp_avg_sq_row").narrow(0, i, 1).reshape(m.rows, 1);
        Tensor column = state(parameter, "exp_avg_sq_col").narrow(0, i, 1).reshape(1, m.columns);
        Tensor sums = column.mul(0);
        for (long at = 0; at < m.rows; at += most) {
          long length = Math.min(most, m.rows - at);
          Tensor g = matrix(grad, i, at, length);
          Tensor rows = row.narrow(0, at, length);
          squared(g, rows, sums, decay);
        }
        column.copyFrom(column.mul(decay).add(sums.mul((1 - decay) / m.rows)));
        Tensor rowRoots = row.div(row.sum(0).div((double) m.rows)).sqrt();
        Tensor columnRoots = column.sqrt();
        for (long at = 0; at < m.rows; at += most) {
          long length = Math.min(most, m.rows - at);
          pieces.add(
              new Piece(
                  matrix(value, i, at, length),
                  matrix(grad, i, at, length),
                  rowRoots.narrow(0, at, length),
                  columnRoots,
                  means == null ? null : matrix(means, i, at, length)));
        }
      }
      return pieces;
    }

    private void squared(Tensor gradient, Tensor rows, Tensor sums, double decay) {
      try (TensorScope chunk = gradient.engine().openScope()) {
        Tensor g = wide(gradient);
        Tensor square = g.mul(g).add(eps.get(0));
        Tensor mean = square.sum(1).div((double) gradient.size(1));
        rows.copyFrom(rows.mul(decay).add(mean.mul(1 - decay)));
        sums.copyFrom(sums.add(square.sum(0)));
      }
    }

    private static Tensor matrix(Tensor all, long i, long at, long length) {
      return all.narrow(0, i, 1).narrow(1, at, length).reshape(length, all.size(2));
    }

    private void move(Piece p, Tensor update, double rate) {
      Tensor step = update;
      if (p.mean != null && beta1 != null) {
        step = p.mean.mul(beta1).add(update.mul(1 - beta1));
        p.mean.copyFrom(step);
      }
      p.value.copyFrom(wide(p.value).mul(1 - weightDecay * rate).sub(step));
    }

    private @Nullable Tensor mean(int parameter) {
      return beta1 == null ? null : state(parameter, "exp_avg");
    }
  }

  private static double squares(List<Tensor> chunks) {
    double sum = 0;
    for (Tensor t : chunks) {
      try (TensorScope scope = t.engine().openScope()) {
        sum += square(CountedOptimizer.wide(t));
      }
    }
    return sum;
  }

  private static double square(Tensor t) {
    return t.mul(t).sum().item();
  }

  /**
   * Some rows of a matrix, or a vector.
   *
   * @param value a view of the parameter
   * @param gradient as many elements
   * @param roots of the second moment, or of the rows' part in it
   * @param columnRoots of the columns' part
   * @param mean a view of the first moment
   */
  private record Piece(
      Tensor value,
      Tensor gradient,
      Tensor roots,
      @Nullable Tensor columnRoots,
      @Nullable Tensor mean) {
    /** The gradient over the root of the second moment. */
    Tensor direction() {
      Tensor g = CountedOptimizer.wide(gradient).div(roots);
      return columnRoots == null ? g : g.div(columnRoots);
    }
  }
}

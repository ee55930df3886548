package org.tune4j.adapters.lora;

import java.util.Arrays;
import org.tune4j.UsageException;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.RandomBits;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * Parts of a weight as factors. Products with the weight are the engine's, in fp64; matrices as
 * narrow as the rank are worked on here.
 */
final class Decompositions {
  /** Vectors beyond those that are wanted: the iteration converges by the first one left out. */
  private static final int BEYOND = 32;

  /** Of a singular vector's residual, relative to the largest squared singular value. */
  private static final double ENOUGH = 1e-12;

  /** Length of a row beside the others' directions, as a part of its own, that is none. */
  private static final double DEPENDENT = 1e-14;

  private static final int MOST = 500;

  private Decompositions() {}

  /**
   * The part of {@code W} that its largest singular values make, divided between both factors: they
   * are {@code sqrt(s / scale)} times the singular vectors (PEFT's {@code pissa_init}). Found by
   * iterating a subspace (Halko et al. 2011, algorithm 4.4) until its vectors stand still.
   */
  static Factors largest(Engine engine, Tensor weight, int rank, double scale) {
    requireRank(weight, rank);
    int in = Math.toIntExact(weight.size(1));
    int width = (int) Math.min(rank + (long) BEYOND, Math.min(weight.size(0), in));
    Tensor w = weight.cast(DType.FP64);
    double[][] basis = new double[width][in];
    for (int i = 0; i < width; i++) {
      for (int j = 0; j < in; j++) {
        basis[i][j] = (RandomBits.bits(i, j) >> 11) * 0x1p-52;
      }
    }
    for (int round = 0; ; round++) {
      orthonormalise(basis);
      // Rows of x W^T, then of x W^T W.
      double[][] images = product(engine, basis, w, true);
      double[][] next = product(engine, images, w, false);
      Ritz ritz = Ritz.of(images);
      double[][] vectors = ritz.combine(basis);
      double[][] moved = ritz.combine(next);
      boolean whole = width == Math.min(weight.size(0), in) && round > 0;
      if (whole || round == MOST || settled(vectors, moved, ritz.values, rank)) {
        double[][] left = ritz.combine(images);
        double[][] down = new double[rank][];
        double[][] up = new double[rank][];
        for (int i = 0; i < rank; i++) {
          double s = Math.sqrt(ritz.values[i]);
          down[i] = times(vectors[i], Math.sqrt(s / scale));
          up[i] = times(left[i], s == 0 ? 0 : Math.sqrt(s / scale) / s);
        }
        return factors(engine, down, up);
      }
      basis = moved;
    }
  }

  /**
   * The part of {@code up down} that its largest singular values make; they are in {@code up}'s
   * columns. Fewer than {@code rank} where the product has fewer.
   */
  static Factors largest(Engine engine, Tensor down, Tensor up, int rank) {
    Tensor a = down.cast(DType.FP64);
    double[][] basis = rows(a.toDoubles(), Math.toIntExact(a.size(0)));
    orthonormalise(basis);
    Tensor within = tensor(engine, basis, DType.FP64).matmul(a.transpose(0, 1));
    double[][] images =
        rows(within.matmul(up.cast(DType.FP64).transpose(0, 1)).toDoubles(), basis.length);
    Ritz ritz = Ritz.of(images);
    int some = Math.min(rank, basis.length);
    return factors(
        engine,
        Arrays.copyOf(ritz.combine(basis), some),
        Arrays.copyOf(ritz.combine(images), some));
  }

  /** The product of the first columns of {@code Q} and the first rows of {@code R}, of W = Q R. */
  static Factors firstColumns(Engine engine, Tensor weight, int rank) {
    requireRank(weight, rank);
    Tensor w = weight.cast(DType.FP64);
    double[][] columns = rows(w.narrow(1, 0, rank).transpose(0, 1).contiguous().toDoubles(), rank);
    orthonormalise(columns);
    return factors(engine, product(engine, columns, w, false), columns);
  }

  private static void requireRank(Tensor weight, int rank) {
    long most = Math.min(weight.size(0), weight.size(1));
    if (rank > most) {
      throw new UsageException(
          "init_lora_weights takes rank %d from a weight %s, which has %d; lower lora_rank"
              .formatted(rank, weight.shape(), most));
    }
  }

  /** Whether the first vectors are eigenvectors of {@code W^T W}: moved to multiples of theirs. */
  private static boolean settled(double[][] vectors, double[][] moved, double[] values, int rank) {
    for (int i = 0; i < rank; i++) {
      double square = 0;
      for (int j = 0; j < vectors[i].length; j++) {
        double d = moved[i][j] - values[i] * vectors[i][j];
        square += d * d;
      }
      if (Math.sqrt(square) > ENOUGH * values[0]) {
        return false;
      }
    }
    return true;
  }

  /** Rows times {@code W^T}, or times {@code W}. */
  private static double[][] product(Engine engine, double[][] rows, Tensor w, boolean transposed) {
    try (TensorScope scope = engine.openScope()) {
      Tensor x = tensor(engine, rows, DType.FP64);
      return rows(x.matmul(transposed ? w.transpose(0, 1) : w).toDoubles(), rows.length);
    }
  }

  private static Factors factors(Engine engine, double[][] down, double[][] columns) {
    return new Factors(
        tensor(engine, down, DType.FP32),
        tensor(engine, columns, DType.FP32).transpose(0, 1).contiguous());
  }

  private static Tensor tensor(Engine engine, double[][] rows, DType dtype) {
    int n = rows[0].length;
    double[] flat = new double[rows.length * n];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(rows[i], 0, flat, i * n, n);
    }
    return engine.tensor(flat, dtype, Shape.of(rows.length, n));
  }

  private static double[][] rows(double[] flat, int count) {
    int n = flat.length / count;
    double[][] rows = new double[count][n];
    for (int i = 0; i < count; i++) {
      System.arraycopy(flat, i * n, rows[i], 0, n);
    }
    return rows;
  }

  /** Gram and Schmidt's, each row twice, since once leaves what rounding left. */
  private static void orthonormalise(double[][] rows) {
    for (int i = 0; i < rows.length; i++) {
      double before = Math.sqrt(dot(rows[i], rows[i]));
      for (int again = 0; again < 2; again++) {
        for (int j = 0; j < i; j++) {
          subtract(rows[i], rows[j], dot(rows[i], rows[j]));
        }
      }
      double length = Math.sqrt(dot(rows[i], rows[i]));
      // What rounding leaves of a sum of the rows before it has no direction.
      rows[i] = times(rows[i], length <= DEPENDENT * before ? 0 : 1 / length);
    }
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  private static void subtract(double[] from, double[] what, double factor) {
    for (int i = 0; i < from.length; i++) {
      from[i] -= factor * what[i];
    }
  }

  private static double[] times(double[] row, double factor) {
    double[] all = new double[row.length];
    for (int i = 0; i < all.length; i++) {
      all[i] = factor * row[i];
    }
    return all;
  }

  /**
   * Eigenvalues of the Gram matrix of some rows, the largest first, and their vectors as rows;
   * Jacobi's rotations (Golub and Van Loan, section 8.5).
   */
  private static final class Ritz {
    private final double[] values;
    private final double[][] vectors;

    private Ritz(double[] values, double[][] vectors) {
      this.values = values;
      this.vectors = vectors;
    }

    static Ritz of(double[][] images) {
      int n = images.length;
      double[][] gram = new double[n][n];
      double[][] vectors = new double[n][n];
      for (int i = 0; i < n; i++) {
        vectors[i][i] = 1;
        for (int j = 0; j < n; j++) {
          gram[i][j] = dot(images[i], images[j]);
        }
      }
      for (int sweep = 0; sweep < 60 && rotate(gram, vectors); sweep++) {}
      Integer[] order = new Integer[n];
      for (int i = 0; i < n; i++) {
        order[i] = i;
      }
      Arrays.sort(order, (i, j) -> Double.compare(gram[j][j], gram[i][i]));
      double[] values = new double[n];
      double[][] sorted = new double[n][];
      for (int i = 0; i < n; i++) {
        values[i] = Math.max(0, gram[order[i]][order[i]]);
        sorted[i] = vectors[order[i]];
      }
      return new Ritz(values, sorted);
    }

    /** One sweep; false where nothing was left to do. */
    private static boolean rotate(double[][] gram, double[][] vectors) {
      boolean rotated = false;
      for (int p = 0; p < gram.length; p++) {
        for (int q = p + 1; q < gram.length; q++) {
          double off = gram[p][q];
          if (Math.abs(off) <= 1e-16 * Math.sqrt(Math.abs(gram[p][p] * gram[q][q]))) {
            continue;
          }
          rotated = true;
          double theta = (gram[q][q] - gram[p][p]) / (2 * off);
          double t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
          double c = 1 / Math.sqrt(t * t + 1);
          turn(gram, p, q, c, t * c);
          for (double[] row : gram) {
            turn(row, p, q, c, t * c);
          }
          turn(vectors, p, q, c, t * c);
        }
      }
      return rotated;
    }

    private static void turn(double[][] rows, int p, int q, double c, double s) {
      for (int i = 0; i < rows[p].length; i++) {
        double a = rows[p][i];
        double b = rows[q][i];
        rows[p][i] = c * a - s * b;
        rows[q][i] = s * a + c * b;
      }
    }

    private static void turn(double[] row, int p, int q, double c, double s) {
      double a = row[p];
      double b = row[q];
      row[p] = c * a - s * b;
      row[q] = s * a + c * b;
    }

    /** The vectors as sums of rows. */
    double[][] combine(double[][] rows) {
      double[][] all = new double[vectors.length][rows[0].length];
      for (int i = 0; i < vectors.length; i++) {
        for (int j = 0; j < rows.length; j++) {
          subtract(all[i], rows[j], -vectors[i][j]);
        }
      }
      return all;
    }
  }
}

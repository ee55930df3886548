package org.tune4j.kit;

/** The operations as loops over fp64, as their papers write them. */
final class WrittenOut {
  private WrittenOut() {}

  /** {@code x [n, in]}, {@code w [out, in]}. */
  static double[] linear(double[] x, double[] w, int n, int in, int out) {
    double[] y = new double[n * out];
    for (int i = 0; i < n; i++) {
      for (int o = 0; o < out; o++) {
        for (int j = 0; j < in; j++) {
          y[i * out + o] += x[i * in + j] * w[o * in + j];
        }
      }
    }
    return y;
  }

  static double[] rmsNorm(double[] x, double[] w, double eps) {
    int d = w.length;
    double[] y = new double[x.length];
    for (int r = 0; r < x.length / d; r++) {
      double square = 0;
      for (int i = 0; i < d; i++) {
        square += x[r * d + i] * x[r * d + i];
      }
      for (int i = 0; i < d; i++) {
        y[r * d + i] = x[r * d + i] / Math.sqrt(square / d + eps) * w[i];
      }
    }
    return y;
  }

  /** {@code x [n, heads, dim]}, {@code cos} and {@code sin [n, dim / 2]}. */
  static double[] rope(double[] x, double[] cos, double[] sin, int n, int heads, int dim) {
    double[] y = new double[x.length];
    int half = dim / 2;
    for (int t = 0; t < n; t++) {
      for (int h = 0; h < heads; h++) {
        for (int i = 0; i < half; i++) {
          int at = (t * heads + h) * dim + i;
          double c = cos[t * half + i];
          double s = sin[t * half + i];
          y[at] = x[at] * c - x[at + half] * s;
          y[at + half] = x[at + half] * c + x[at] * s;
        }
      }
    }
    return y;
  }

  static double[] softmax(double[] x) {
    double[] y = new double[x.length];
    double sum = 0;
    for (double v : x) {
      sum += Math.exp(v);
    }
    for (int i = 0; i < x.length; i++) {
      y[i] = Math.exp(x[i]) / sum;
    }
    return y;
  }

  static double[] swiGlu(double[] gate, double[] up) {
    double[] y = new double[gate.length];
    for (int i = 0; i < y.length; i++) {
      y[i] = gate[i] / (1 + Math.exp(-gate[i])) * up[i];
    }
    return y;
  }

  /** {@code a [batch, n, n]}, {@code b [batch, n, m]}; row by row. */
  static double[] solveUnitLower(double[] a, double[] b, int batch, int n, int m) {
    double[] x = b.clone();
    for (int s = 0; s < batch; s++) {
      for (int i = 0; i < n; i++) {
        for (int j = 0; j < i; j++) {
          for (int c = 0; c < m; c++) {
            x[(s * n + i) * m + c] -= a[(s * n + i) * n + j] * x[(s * n + j) * m + c];
          }
        }
      }
    }
    return x;
  }

  static double[] crossEntropy(double[] logits, long[] labels) {
    int vocab = logits.length / labels.length;
    double loss = 0;
    for (int r = 0; r < labels.length; r++) {
      double sum = 0;
      for (int i = 0; i < vocab; i++) {
        sum += Math.exp(logits[r * vocab + i]);
      }
      loss += Math.log(sum) - logits[r * vocab + (int) labels[r]];
    }
    return new double[] {loss};
  }

  /** In place of {@code p}, {@code m} and {@code v}. */
  static void adamW(double[] p, double[] g, double[] m, double[] v, int step, double[] settings) {
    double lr = settings[0];
    double beta1 = settings[1];
    double beta2 = settings[2];
    for (int i = 0; i < p.length; i++) {
      p[i] -= lr * settings[4] * p[i];
      m[i] = beta1 * m[i] + (1 - beta1) * g[i];
      v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
      double mean = m[i] / (1 - Math.pow(beta1, step));
      double square = v[i] / (1 - Math.pow(beta2, step));
      p[i] -= lr * mean / (Math.sqrt(square) + settings[3]);
    }
  }
}

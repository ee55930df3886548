package org.tune4j.kit;

import org.jspecify.annotations.Nullable;
import org.tune4j.spi.AttentionSpec;

/**
 * Attention as loops over fp64, with its derivatives by hand: a query, a head and a key at a time.
 *
 * @param heads of the queries
 * @param kvHeads of keys and values
 * @param dim of a head
 * @param rowEnds where each row ends
 * @param spec what is computed
 */
record AttentionFormula(
    int heads, int kvHeads, int dim, int[] rowEnds, AttentionSpec<double[]> spec) {
  /** What is sent back to each argument; no sinks where there are none. */
  record Gradients(double[] q, double[] k, double[] v, double @Nullable [] sinks) {}

  /** Called for each query and head with the first key that it sees. */
  private interface Step {
    void at(int query, int head, int kvHead, int first);
  }

  private void each(Step step) {
    int start = 0;
    for (int end : rowEnds) {
      for (int i = start; i < end; i++) {
        int first = spec.window() == 0 ? start : Math.max(start, i - spec.window() + 1);
        for (int h = 0; h < heads; h++) {
          step.at(i, h, h / (heads / kvHeads), first);
        }
      }
      start = end;
    }
  }

  private int at(int query, int head) {
    return (query * heads + head) * dim;
  }

  private int keyAt(int key, int kvHead) {
    return (key * kvHeads + kvHead) * dim;
  }

  private double dot(double[] a, int from, double[] b, int fromB) {
    double sum = 0;
    for (int d = 0; d < dim; d++) {
      sum += a[from + d] * b[fromB + d];
    }
    return sum;
  }

  private void add(double[] to, int at, double factor, double[] from, int fromAt) {
    for (int d = 0; d < dim; d++) {
      to[at + d] += factor * from[fromAt + d];
    }
  }

  /** The scores of the keys {@code first..i}. */
  private double[] scores(double[] q, double[] k, int i, int h, int g, int first) {
    double[] scores = new double[i - first + 1];
    double cap = spec.softCap();
    for (int j = first; j <= i; j++) {
      double s = spec.scale() * dot(q, at(i, h), k, keyAt(j, g));
      scores[j - first] = cap > 0 ? cap * Math.tanh(s / cap) : s;
    }
    return scores;
  }

  /** The shares of the scores, which are 1 together with the sink's. */
  private double[] shares(double[] scores, int head) {
    double[] sinks = spec.sinks();
    double sum = sinks == null ? 0 : Math.exp(sinks[head]);
    for (double s : scores) {
      sum += Math.exp(s);
    }
    double[] shares = new double[scores.length];
    for (int j = 0; j < shares.length; j++) {
      shares[j] = Math.exp(scores[j]) / sum;
    }
    return shares;
  }

  /** {@code q [n, heads, dim]}, {@code k} and {@code v [n, kvHeads, dim]}. */
  double[] forward(double[] q, double[] k, double[] v) {
    double[] y = new double[q.length];
    each(
        (i, h, g, first) -> {
          double[] shares = shares(scores(q, k, i, h, g, first), h);
          for (int j = first; j <= i; j++) {
            add(y, at(i, h), shares[j - first], v, keyAt(j, g));
          }
        });
    return y;
  }

  /** Of the gradient {@code dy} of what {@link #forward} gives. */
  Gradients backward(double[] q, double[] k, double[] v, double[] dy) {
    double[] sinks = spec.sinks();
    double[] dSinks = sinks == null ? null : new double[heads];
    Gradients d =
        new Gradients(new double[q.length], new double[k.length], new double[v.length], dSinks);
    double cap = spec.softCap();
    each(
        (i, h, g, first) -> {
          double[] scores = scores(q, k, i, h, g, first);
          double[] shares = shares(scores, h);
          double mean = 0;
          double left = 1;
          for (int j = first; j <= i; j++) {
            mean += shares[j - first] * dot(dy, at(i, h), v, keyAt(j, g));
            left -= shares[j - first];
          }
          for (int j = first; j <= i; j++) {
            double share = shares[j - first];
            double score = share * (dot(dy, at(i, h), v, keyAt(j, g)) - mean);
            double slope = cap > 0 ? 1 - Math.pow(scores[j - first] / cap, 2) : 1;
            add(d.q, at(i, h), score * slope * spec.scale(), k, keyAt(j, g));
            add(d.k, keyAt(j, g), score * slope * spec.scale(), q, at(i, h));
            add(d.v, keyAt(j, g), share, dy, at(i, h));
          }
          if (dSinks != null) {
            dSinks[h] -= left * mean;
          }
        });
    return d;
  }
}

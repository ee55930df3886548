package org.tune4j.curves;

import static java.util.stream.Collectors.toList;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Several runs' curves over one x axis, in so many points that a screen shows no more.
 *
 * <p>Where there are more points than asked for, the axis is cut into buckets, the same for all
 * runs, and a run keeps the least and the greatest value of each: no spike is lost, and none is
 * moved by more than a bucket.
 *
 * @param x ascending, without repetition
 * @param raw for each run its values as they are, as long as {@code x}; NaN where it has no point
 * @param smooth the same, smoothed before points are left out
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record Curves(double[] x, List<double[]> raw, List<double[]> smooth) {
  /**
   * What is asked for.
   *
   * @param metric its name in {@code metrics.jsonl}
   * @param axis what it is drawn over
   * @param from the least x; the points just outside are kept, so that lines reach the edges
   * @param to the greatest x
   * @param points how many buckets fit, at most, from 1
   */
  public record View(String metric, XAxis axis, double from, double to, int points) {
    /**
     * {@return a view of a metric's whole axis}
     *
     * @param metric its name in {@code metrics.jsonl}
     * @param axis what it is drawn over
     * @param points how many buckets fit, at most, from 1
     */
    public static View all(String metric, XAxis axis, int points) {
      return new View(metric, axis, Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY, points);
    }
  }

  /**
   * {@return the runs' curves, each run in its place in {@code runs}}
   *
   * @param runs as far as they were refreshed; one without the metric has no points
   * @param view what is asked for
   * @param weight of what was before in the smoothed values, from 0, where they are the raw ones,
   *     to below 1
   */
  public static Curves of(List<Run> runs, View view, double weight) {
    List<Series> series =
        runs.stream().map(r -> r.series(view.metric(), view.axis())).collect(toList());
    if (weight > 0) {
      runs.forEach(r -> series.add(series.get(series.size() - runs.size()).smoothed(weight)));
    }
    Curves all = of(series, view);
    return weight > 0
        ? new Curves(
            all.x, all.raw.subList(0, runs.size()), all.raw.subList(runs.size(), 2 * runs.size()))
        : all;
  }

  private static Curves of(List<Series> series, View view) {
    List<Part> parts = series.stream().map(s -> Part.of(s, view)).toList();
    List<Points> each = List.of();
    double[] x = {};
    boolean fits = parts.stream().allMatch(p -> p.end - p.first <= 2 * view.points());
    if (fits) {
      each = parts.stream().map(Points::all).toList();
      x = union(each);
    }
    if (!fits || x.length > 2 * view.points()) {
      Buckets buckets = Buckets.over(parts, view);
      each = parts.stream().map(buckets::reduce).toList();
      x = union(each);
    }
    List<double[]> values = new ArrayList<>();
    for (Points p : each) {
      double[] row = new double[x.length];
      Arrays.fill(row, Double.NaN);
      int at = 0;
      for (int i = 0; i < p.size; i++) {
        while (x[at] != p.x[i]) {
          at++;
        }
        row[at] = p.y[i];
      }
      values.add(row);
    }
    return new Curves(x, values, values);
  }

  private static double[] union(List<Points> each) {
    double[] all = new double[each.stream().mapToInt(p -> p.size).sum()];
    int n = 0;
    for (Points p : each) {
      System.arraycopy(p.x, 0, all, n, p.size);
      n += p.size;
    }
    Arrays.sort(all);
    int kept = 0;
    for (int i = 0; i < n; i++) {
      if (kept == 0 || all[i] != all[kept - 1]) {
        all[kept++] = all[i];
      }
    }
    return Arrays.copyOf(all, kept);
  }

  /** The rows of a series that a view shows, and one that is drawn beside them on each side. */
  private record Part(Series series, int first, int end) {
    static Part of(Series s, View view) {
      int first = s.firstFrom(view.from());
      int end = s.firstFrom(Math.nextUp(view.to()));
      for (int i = first - 1; i >= 0; i--) {
        if (s.drawn(i)) {
          first = i;
          break;
        }
      }
      for (int i = end; i < s.size(); i++) {
        if (s.drawn(i)) {
          end = i + 1;
          break;
        }
      }
      return new Part(s, first, Math.max(first, end));
    }

    double x(int i) {
      return series.x()[i];
    }
  }

  /** Pairs of x and y; x ascends. */
  private static final class Points {
    private final double[] x;
    private final double[] y;
    private int size;

    Points(int most) {
      x = new double[most];
      y = new double[most];
    }

    static Points all(Part p) {
      Points points = new Points(p.end - p.first);
      for (int i = p.first; i < p.end; i++) {
        if (p.series.drawn(i)) {
          points.add(p.x(i), p.series.y()[i]);
        }
      }
      return points;
    }

    void add(double px, double py) {
      // Steps without tokens or seconds share an x, of which the last one is drawn.
      if (size > 0 && x[size - 1] == px) {
        size--;
      }
      x[size] = px;
      y[size++] = py;
    }
  }

  /** Equal parts of an x axis; two points lie in each, at its quarters. */
  private record Buckets(double low, double high, int count) {
    static Buckets over(List<Part> parts, View view) {
      double low = Double.POSITIVE_INFINITY;
      double high = Double.NEGATIVE_INFINITY;
      for (Part p : parts) {
        if (p.end > p.first) {
          low = Math.min(low, Math.max(view.from(), p.x(p.first)));
          high = Math.max(high, Math.min(view.to(), p.x(p.end - 1)));
        }
      }
      return new Buckets(low, high, view.points());
    }

    Points reduce(Part p) {
      double[] y = p.series.y();
      Points few = new Points(Math.min(p.end - p.first, 2 * count + 2));
      int i = p.first;
      while (i < p.end) {
        int least = -1;
        int greatest = -1;
        int bucket = bucket(p.x(i));
        for (; i < p.end && bucket(p.x(i)) == bucket; i++) {
          if (p.series.drawn(i)) {
            least = least < 0 || y[i] < y[least] ? i : least;
            greatest = greatest < 0 || y[i] > y[greatest] ? i : greatest;
          }
        }
        if (least >= 0) {
          int earlier = Math.min(least, greatest);
          int later = Math.max(least, greatest);
          few.add(place(bucket, 0.25, p.x(earlier)), y[earlier]);
          if (earlier != later) {
            few.add(place(bucket, 0.75, p.x(later)), y[later]);
          }
        }
      }
      return few;
    }

    /** From 0 to {@code count - 1}; -1 and {@code count} for the points beside the view. */
    private int bucket(double x) {
      return x < low ? -1 : x > high ? count : Math.min(count - 1, (int) ((x - low) / width()));
    }

    private double place(int bucket, double part, double x) {
      return bucket < 0 || bucket == count ? x : low + (bucket + part) * width();
    }

    private double width() {
      return (high - low) / count;
    }
  }
}

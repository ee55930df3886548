package org.tune4j.curves;

import java.awt.BasicStroke;
import java.awt.Color;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.text.DecimalFormat;
import java.text.DecimalFormatSymbols;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import javax.imageio.ImageIO;
import javax.imageio.stream.ImageOutputStream;
import javax.imageio.stream.MemoryCacheImageOutputStream;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;
import org.tune4j.EnvironmentException;
import org.tune4j.InputException;
import org.tune4j.TuneException;

/**
 * Runs compared in a PNG file: the metric as it is, faint, and smoothed; with {@code loss}, the
 * validation loss where it was taken.
 *
 * @param metric its name in {@code metrics.jsonl}
 * @param axis what it is drawn over
 * @param smoothing the weight of what was before, from 0 to below 1
 * @param logarithmic whether the y axis is
 */
public record CurvePicture(String metric, XAxis axis, double smoothing, boolean logarithmic) {
  private static final int WIDTH = 1200;
  private static final int HEIGHT = 675;

  /** Okabe and Ito's colours, which colour-blind readers tell apart; then dashed, then dotted. */
  private static final List<Color> COLOURS =
      List.of(
          new Color(0x0072B2),
          new Color(0xD55E00),
          new Color(0x009E73),
          new Color(0xCC79A7),
          new Color(0xE69F00),
          new Color(0x56B4E9));

  private static final float[][] DASHES = {null, {8, 5}, {2, 4}};

  /**
   * Draws runs that were read.
   *
   * @param runs to compare, as far as they were refreshed; those without the metric are left out
   * @param file written whole or not at all
   * @throws InputException when no run has the metric
   * @throws EnvironmentException when it cannot be drawn or written, as where Java has no fonts
   */
  public void draw(List<Run> runs, Path file) {
    List<Run> drawn = runs.stream().filter(r -> r.metricNames().contains(metric)).toList();
    if (drawn.isEmpty()) {
      List<String> names = runs.stream().flatMap(r -> r.metricNames().stream()).distinct().toList();
      throw new InputException(
          names.isEmpty()
              ? "no run has a step yet"
              : "no run has the metric '%s'; there are %s"
                  .formatted(metric, String.join(", ", names)));
    }
    Path aside = file.resolveSibling("." + file.getFileName() + "." + UUID.randomUUID() + ".tmp");
    try {
      XYChart chart = chart(drawn);
      // Not ImageIO's default, a file in java.io.tmpdir: that disk may be the full one.
      try (OutputStream out = Files.newOutputStream(aside);
          ImageOutputStream png = new MemoryCacheImageOutputStream(out)) {
        ImageIO.write(BitmapEncoder.getBufferedImage(chart), "png", png);
      }
      Files.move(aside, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new EnvironmentException(
          "%s cannot be written: %s".formatted(file, TuneException.reason(e)), e);
    } catch (LinkageError | InternalError e) {
      throw new EnvironmentException("%s cannot be drawn: %s".formatted(file, e), e);
    } finally {
      boolean unused = aside.toFile().delete(); // there after a failure alone
    }
  }

  private XYChart chart(List<Run> runs) {
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .xAxisTitle(axis.toString())
            .yAxisTitle(metric)
            .build();
    chart
        .getStyler()
        .setYAxisLogarithmic(logarithmic)
        .setChartBackgroundColor(Color.WHITE)
        .setLegendBorderColor(Color.WHITE)
        .setLegendPosition(Styler.LegendPosition.OutsideS)
        .setLegendLayout(Styler.LegendLayout.Horizontal);
    chart.getStyler().setxAxisTickLabelsFormattingFunction(CurvePicture::brief);
    chart.getStyler().setDefaultSeriesRenderStyle(XYSeries.XYSeriesRenderStyle.Line);
    Curves.View all = Curves.View.all(metric, axis, WIDTH);
    Curves curves = Curves.of(runs, all, smoothing);
    Curves tested = Curves.of(runs, Curves.View.all("val_loss", axis, WIDTH), 0);
    for (int r = 0; r < runs.size() && smoothing > 0; r++) {
      line(chart, runs.get(r).name() + " as it is", curves.x(), curves.raw().get(r), r, Look.RAW);
    }
    for (int r = 0; r < runs.size(); r++) {
      line(chart, runs.get(r).name(), curves.x(), curves.smooth().get(r), r, Look.SMOOTH);
    }
    for (int r = 0; r < runs.size() && metric.equals("loss"); r++) {
      String name = runs.get(r).name() + ", validation";
      line(chart, name, tested.x(), tested.raw().get(r), r, Look.VALIDATION);
    }
    return chart;
  }

  private static String brief(double x) {
    DecimalFormat format =
        new DecimalFormat("#.###", DecimalFormatSymbols.getInstance(Locale.ROOT));
    return Math.abs(x) >= 1e6
        ? format.format(x / 1e6) + "M"
        : Math.abs(x) >= 1e4 ? format.format(x / 1e3) + "k" : format.format(x);
  }

  /** A run's points as one line, over what it lacks. */
  private void line(XYChart chart, String name, double[] xs, double[] values, int run, Look look) {
    List<Double> x = new ArrayList<>();
    List<Double> y = new ArrayList<>();
    for (int i = 0; i < values.length; i++) {
      if (!Double.isNaN(values[i]) && (!logarithmic || values[i] > 0)) {
        x.add(xs[i]);
        y.add(values[i]);
      }
    }
    if (x.isEmpty()) {
      return;
    }
    if (x.size() > 1 && look != Look.VALIDATION) {
      // Over equally spaced values XChart's ticks are some of them, 1, 4, 7, in place of round
      // numbers; one more point, on the line between the first two, is seen by no one.
      double first = y.get(0);
      double second = y.get(1);
      x.add(1, (x.get(0) + x.get(1)) / 2);
      y.add(1, logarithmic ? Math.sqrt(first * second) : (first + second) / 2);
    }
    Color c = COLOURS.get(run % COLOURS.size());
    float[] dashes = DASHES[run / COLOURS.size() % DASHES.length];
    chart
        .addSeries(name, x, y)
        .setMarker(look == Look.VALIDATION ? SeriesMarkers.CIRCLE : SeriesMarkers.NONE)
        .setMarkerColor(c)
        .setLineColor(new Color(c.getRed(), c.getGreen(), c.getBlue(), look.opacity))
        .setLineStyle(
            new BasicStroke(look.width, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 1, dashes, 0))
        .setShowInLegend(look == Look.SMOOTH);
  }

  private enum Look {
    RAW(60, 1),
    SMOOTH(255, 2),
    VALIDATION(255, 1);

    private final int opacity;
    private final float width;

    Look(int opacity, float width) {
      this.opacity = opacity;
      this.width = width;
    }
  }
}

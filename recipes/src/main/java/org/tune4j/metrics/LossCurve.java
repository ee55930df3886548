package org.tune4j.metrics;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.markers.SeriesMarkers;
import org.tune4j.EnvironmentException;

/** A picture of a run's loss, drawn from its {@code metrics.jsonl}. */
public final class LossCurve {
  private static final int WIDTH = 900;
  private static final int HEIGHT = 500;

  private LossCurve() {}

  /**
   * Draws the loss, and the validation loss where there is one, over the steps.
   *
   * @param picture a PNG file to write
   * @throws EnvironmentException when it cannot be drawn or written, as where Java has no fonts
   */
  public static void draw(Path metrics, Path picture) {
    try {
      XYChart chart = chart(metrics);
      Path aside = picture.resolveSibling("." + picture.getFileName() + ".tmp");
      BitmapEncoder.saveBitmap(chart, Files.newOutputStream(aside), BitmapEncoder.BitmapFormat.PNG);
      Files.move(aside, picture, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException | LinkageError | InternalError e) {
      throw new EnvironmentException("%s cannot be drawn: %s".formatted(picture, e), e);
    }
  }

  private static XYChart chart(Path metrics) throws IOException {
    List<Double> steps = new ArrayList<>();
    List<Double> losses = new ArrayList<>();
    List<Double> tested = new ArrayList<>();
    List<Double> valLosses = new ArrayList<>();
    ObjectMapper json = new ObjectMapper();
    for (String line : Files.readAllLines(metrics)) {
      JsonNode m = json.readTree(line);
      steps.add(m.get("step").asDouble());
      losses.add(m.get("loss").asDouble());
      if (m.has("val_loss")) {
        tested.add(m.get("step").asDouble());
        valLosses.add(m.get("val_loss").asDouble());
      }
    }
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .xAxisTitle("step")
            .yAxisTitle("loss")
            .build();
    chart.getStyler().setChartBackgroundColor(Color.WHITE).setLegendVisible(!tested.isEmpty());
    chart.getStyler().setDefaultSeriesRenderStyle(XYSeries.XYSeriesRenderStyle.Line);
    if (!steps.isEmpty()) {
      chart.addSeries("loss", steps, losses).setMarker(SeriesMarkers.NONE);
    }
    if (!tested.isEmpty()) {
      chart.addSeries("validation loss", tested, valLosses).setMarker(SeriesMarkers.CIRCLE);
    }
    return chart;
  }
}

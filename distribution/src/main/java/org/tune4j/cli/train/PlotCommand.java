package org.tune4j.cli.train;

import jakarta.inject.Inject;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.cli.terminal.Terminal;
import org.tune4j.curves.CurvePicture;
import org.tune4j.curves.Run;
import org.tune4j.curves.RunFolders;
import org.tune4j.curves.XAxis;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tune plot}. */
@Command(
    name = "plot",
    description = "Plots the smoothed curves of runs to an image.",
    sortOptions = false)
public final class PlotCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "RUNS",
      arity = "1..*",
      description = "Run folders or their parent folders.")
  private List<Path> folders = new ArrayList<>();

  @Option(
      names = {"-o", "--output"},
      required = true,
      paramLabel = "FILE",
      description = "A PNG file; the dashboard exports SVG.")
  private Path output;

  @Option(
      names = "--metric",
      defaultValue = "loss",
      paramLabel = "NAME",
      description = "The metric's name in metrics.jsonl (default: ${DEFAULT-VALUE}).")
  private String metric;

  @Option(
      names = "--x",
      defaultValue = "step",
      paramLabel = "AXIS",
      description = "The x axis: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
  private XAxis axis;

  @Option(
      names = "--smoothing",
      defaultValue = "0.9",
      paramLabel = "W",
      description = {
        "The weight of earlier values in a moving average, from 0 to below 1 (default: "
            + "${DEFAULT-VALUE})."
      })
  private double smoothing;

  @Option(names = "--log", description = "Uses a logarithmic y axis.")
  private boolean logarithmic;

  private final Terminal terminal;

  @Inject
  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  PlotCommand(Terminal terminal) {
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    if (!(smoothing >= 0 && smoothing < 1)) {
      throw new UsageException("--smoothing is %s, expected 0 to below 1".formatted(smoothing));
    }
    if (!output.toString().toLowerCase(Locale.ROOT).endsWith(".png")) {
      throw new UsageException(
          "-o is %s, expected a name that ends in .png; SVG is exported by tune dashboard"
              .formatted(output));
    }
    RunFolders found = RunFolders.open(folders);
    if (!found.withoutRuns().isEmpty()) {
      throw new InputException(
          "there is no run in %s: no logs/metrics.jsonl in it or beneath it"
              .formatted(found.withoutRuns().get(0)));
    }
    List<Run> runs = found.runs();
    runs.forEach(Run::refresh);
    new CurvePicture(metric, axis, smoothing, logarithmic).draw(runs, output);
    for (Run run : runs) {
      terminal.out().println(line(run));
    }
    terminal.out().println("drew " + output);
    return 0;
  }

  private String line(Run run) {
    String notes = run.notes().isEmpty() ? "" : "; " + String.join("; ", run.notes());
    String drawn =
        run.metricNames().contains(metric)
            ? "step %d, %s %s"
                .formatted(
                    run.lastStep(), metric, String.format(Locale.ROOT, "%.6g", run.last(metric)))
            : "has no " + metric;
    return run.name() + ": " + drawn + notes;
  }
}

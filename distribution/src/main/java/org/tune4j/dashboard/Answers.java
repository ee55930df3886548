package org.tune4j.dashboard;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Semaphore;
import java.util.function.Supplier;
import org.tune4j.curves.Curves;
import org.tune4j.curves.Run;
import org.tune4j.curves.RunFolders;
import org.tune4j.curves.XAxis;

/** What the page asks for, as JSON and CSV; a request never names a file, only runs by name. */
final class Answers {
  static final Set<String> OF_CURVES =
      Set.of("run", "metric", "x", "smoothing", "from", "to", "points");
  static final Set<String> OF_CSV = Set.of("run", "metric");

  private static final int MOST_POINTS = 5000;
  private static final double FARTHEST = 1e18;

  /** Folders are searched anew at most so often. */
  private static final long SEARCH_NANOS = 5_000_000_000L;

  private static final JsonFactory JSON = new JsonFactory();

  private final RunFolders folders;
  private final Semaphore computing = new Semaphore(4, true);
  private long searched = System.nanoTime();

  Answers(RunFolders folders) {
    this.folders = folders;
  }

  /** The runs and what is new about them. */
  byte[] runs() {
    List<Run> runs = current();
    runs.parallelStream().forEach(Run::refresh);
    return json(
        g -> {
          g.writeStartObject();
          g.writeArrayFieldStart("runs");
          for (Run run : runs) {
            g.writeStartObject();
            g.writeStringField("name", run.name());
            g.writeNumberField("version", run.version());
            g.writeNumberField("rows", run.rows());
            g.writeNumberField("step", run.lastStep());
            g.writeFieldName("loss");
            number(g, run.last("loss"), true);
            strings(g, "metrics", run.metricNames());
            strings(g, "notes", run.notes());
            g.writeEndObject();
          }
          g.writeEndArray();
          g.writeEndObject();
        });
  }

  /** One metric of the chosen runs over one axis. */
  byte[] curves(Query query) {
    List<Run> chosen = chosen(query);
    double from = query.number("from", Double.NEGATIVE_INFINITY, -FARTHEST, FARTHEST);
    double to = query.number("to", Double.POSITIVE_INFINITY, -FARTHEST, FARTHEST);
    int points = (int) query.number("points", 1000, 1, MOST_POINTS);
    double smoothing = query.number("smoothing", 0, 0, 0.9999);
    Curves.View view =
        new Curves.View(
            query.required("metric"),
            query.choice("x", XAxis.STEP),
            Math.min(from, to),
            Math.max(from, to),
            points);
    Curves curves = computed(() -> Curves.of(chosen, view, smoothing));
    return json(
        g -> {
          g.writeStartObject();
          g.writeArrayFieldStart("x");
          for (double x : curves.x()) {
            number(g, Math.rint(x * 1000) / 1000, false);
          }
          g.writeEndArray();
          columns(g, "raw", curves.raw());
          if (smoothing > 0) {
            columns(g, "smooth", curves.smooth());
          }
          g.writeEndObject();
        });
  }

  /** A few at a time: long runs take megabytes each. */
  private Curves computed(Supplier<Curves> curves) {
    computing.acquireUninterruptibly();
    try {
      return curves.get();
    } finally {
      computing.release();
    }
  }

  /** All keys of the runs' configs, and the runs' values in the runs' order. */
  byte[] configs() {
    List<Run> runs = folders.runs();
    List<Map<String, String>> configs = runs.stream().map(Run::config).toList();
    Set<String> keys = new TreeSet<>();
    configs.forEach(c -> keys.addAll(c.keySet()));
    return json(
        g -> {
          g.writeStartObject();
          strings(g, "runs", runs.stream().map(Run::name).toList());
          g.writeArrayFieldStart("keys");
          for (String key : keys) {
            g.writeStartObject();
            g.writeStringField("key", key);
            g.writeArrayFieldStart("values");
            for (Map<String, String> config : configs) {
              g.writeString(config.get(key));
            }
            g.writeEndArray();
            g.writeEndObject();
          }
          g.writeEndArray();
          g.writeEndObject();
        });
  }

  /** Every point of a metric, a line for each run and step. */
  Csv csv(Query query) {
    List<Run> chosen = chosen(query);
    String metric = query.required("metric");
    return body -> {
      Writer out = new OutputStreamWriter(body, StandardCharsets.UTF_8);
      out.write("run,step,tokens,seconds," + cell(metric) + "\r\n");
      for (Run run : chosen) {
        String name = cell(run.name());
        run.forEach(
            metric,
            (step, tokens, seconds, value) ->
                out.write(name + "," + step + "," + tokens + "," + seconds + "," + value + "\r\n"));
      }
      out.flush();
    };
  }

  /** A body that is written after the status is sent. */
  interface Csv {
    void write(OutputStream body) throws IOException;
  }

  /** As RFC 4180 has it, and so that no spreadsheet takes a name for a formula. */
  private static String cell(String text) {
    boolean formula = !text.isEmpty() && "=+-@\t\r\n".indexOf(text.charAt(0)) >= 0;
    String plain = formula ? "'" + text : text;
    return plain.matches("[\\w ./'-]*") ? plain : "\"" + plain.replace("\"", "\"\"") + "\"";
  }

  private synchronized List<Run> current() {
    if (System.nanoTime() - searched > SEARCH_NANOS) {
      folders.search();
      searched = System.nanoTime();
    }
    return folders.runs();
  }

  /** The runs that {@code run=} names, in that order; all where there is none. */
  private List<Run> chosen(Query query) {
    List<Run> all = folders.runs();
    Set<String> names = new LinkedHashSet<>(query.all("run"));
    if (names.isEmpty()) {
      return all;
    }
    List<Run> chosen = new ArrayList<>();
    for (String name : names) {
      chosen.add(
          all.stream()
              .filter(r -> r.name().equals(name))
              .findFirst()
              .orElseThrow(() -> new Refusal(404, "there is no run '%s'".formatted(name))));
    }
    return chosen;
  }

  private interface Body {
    void write(JsonGenerator g) throws IOException;
  }

  private static byte[] json(Body body) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator g = JSON.createGenerator(bytes)) {
      body.write(g);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    return bytes.toByteArray();
  }

  static byte[] error(String text) {
    return json(
        g -> {
          g.writeStartObject();
          g.writeStringField("error", text);
          g.writeEndObject();
        });
  }

  private static void strings(JsonGenerator g, String name, Iterable<String> all)
      throws IOException {
    g.writeArrayFieldStart(name);
    for (String s : all) {
      g.writeString(s);
    }
    g.writeEndArray();
  }

  private static void columns(JsonGenerator g, String name, List<double[]> curves)
      throws IOException {
    g.writeArrayFieldStart(name);
    for (double[] values : curves) {
      g.writeStartArray();
      for (double v : values) {
        number(g, v, true);
      }
      g.writeEndArray();
    }
    g.writeEndArray();
  }

  /**
   * Whole numbers without a fraction, as steps are; what is not finite as null.
   *
   * @param brief whether a float's seven digits do, which are more than a screen shows
   */
  private static void number(JsonGenerator g, double value, boolean brief) throws IOException {
    if (!Double.isFinite(value)) {
      g.writeNull();
    } else if (value == Math.rint(value) && Math.abs(value) < 1L << 53) {
      g.writeNumber((long) value);
    } else if (brief && Math.abs(value) < Float.MAX_VALUE) {
      g.writeNumber((float) value);
    } else {
      g.writeNumber(value);
    }
  }
}

package org.tune4j.dashboard;

import java.io.IOException;
import java.io.InputStream;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.jspecify.annotations.Nullable;

/**
 * The page's own files, all of them inside the jars and read before the first request: what is not
 * in this table is not served, whatever its address.
 */
final class Page {
  private static final String CHARTS = "/META-INF/resources/webjars/uplot/%s/dist/";

  /** A file as it is sent. */
  @SuppressWarnings("ArrayRecordComponent") // handed on, never compared
  record File(String type, byte[] bytes) {}

  private final Map<String, File> files = new HashMap<>();

  Page() {
    String html = "text/html; charset=utf-8";
    String css = "text/css; charset=utf-8";
    String script = "text/javascript; charset=utf-8";
    add("/", html, "index.html");
    add("/dashboard.css", css, "dashboard.css");
    for (String name : new String[] {"dashboard", "chart", "picture", "palette"}) {
      add("/" + name + ".js", script, name + ".js");
    }
    add("/icon.svg", "image/svg+xml", "icon.svg");
    add("/openapi.json", "application/json", "openapi.json");
    String charts = CHARTS.formatted(chartsVersion());
    add("/uplot.js", script, charts + "uPlot.esm.js");
    add("/uplot.css", css, charts + "uPlot.min.css");
  }

  /** The file at an address's path, null where there is none. */
  @Nullable File at(String path) {
    return files.get(path);
  }

  private void add(String path, String type, String resource) {
    files.put(path, new File(type, read(resource)));
  }

  /** A WebJar's version is part of its paths; its jar says which one it is. */
  private static String chartsVersion() {
    Properties pom = new Properties();
    try (InputStream in =
        Page.class.getResourceAsStream("/META-INF/maven/org.webjars.npm/uplot/pom.properties")) {
      if (in == null) {
        throw new IllegalStateException("the WebJar of uPlot is not on the class path");
      }
      pom.load(in);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    return pom.getProperty("version");
  }

  private static byte[] read(String resource) {
    try (InputStream in = Page.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IllegalStateException(resource + " is not on the class path");
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}

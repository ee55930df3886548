package org.tune4j.cli.model;

import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.Engine;
import picocli.CommandLine.Option;

/** What computes. */
final class BackendOption {
  @Option(
      names = "--backend",
      paramLabel = "NAME",
      defaultValue = "",
      description = "javacpp or djl; without it TUNE_BACKEND, else the first available.")
  private String backend = "";

  Engine open(Backends backends, BackendOptions options) {
    return backends.open(backend, options);
  }
}

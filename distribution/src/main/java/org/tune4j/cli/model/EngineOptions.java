package org.tune4j.cli.model;

import org.tune4j.UsageException;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Engine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What computes, where, and in which type. */
final class EngineOptions {
  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      defaultValue = "bf16",
      description = "fp32, bf16 or fp16 (default: ${DEFAULT-VALUE}).")
  private String dtype = "bf16";

  @Mixin private BackendOption backend;

  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      defaultValue = "cpu",
      description = "cpu, cuda or cuda:INDEX (default: ${DEFAULT-VALUE}).")
  private String device = "cpu";

  @Option(
      names = "--threads",
      paramLabel = "N",
      defaultValue = "0",
      description = "Threads on the CPU; 0 for all cores (default: ${DEFAULT-VALUE}).")
  private int threads;

  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  EngineOptions() {}

  Engine open(Backends backends) {
    if (threads < 0) {
      throw new UsageException("--threads is %d, expected 0 or more".formatted(threads));
    }
    DType.parse(dtype);
    return backend.open(backends, new BackendOptions(Device.parse(device), threads));
  }

  DType dtype() {
    return DType.parse(dtype);
  }
}

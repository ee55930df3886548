package org.tune4j.training;

import org.tune4j.collective.ProcessGroup;
import org.tune4j.collective.Ranks;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.Backends;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Engine;

/** Keys of every recipe: what computes, where, and in which type. */
public record ComputeOptions(
    @Doc("javacpp or djl; empty for TUNE_BACKEND or the first available") @Default("''")
        String backend,
    @Doc("cpu, cuda or cuda:INDEX") @Default("cpu") String device,
    @Doc("fp32, bf16 or fp16: of weights, adapters and optimiser state") @Default("bf16")
        String dtype,
    @Doc("threads that share the rows; 0 for all cores") @Default("0") int threads,
    @Doc("keep only layer inputs and compute layers again in backward") @Default("false")
        boolean enableActivationCheckpointing,
    @Doc("frozen weights stay in their files' pages; false reads them into memory") @Default("true")
        boolean mmap) {
  public ComputeOptions {
    Requirements requirements = new Requirements();
    requirements.of(() -> Device.parse(device));
    requirements.of(() -> DType.parse(dtype));
    requirements.atLeast(0, "threads", threads).check();
  }

  /** Opens the backend on the device. */
  public Engine open(Backends backends) {
    return backends.open(backend, new BackendOptions(Device.parse(device), threads));
  }

  /**
   * Opens the backend and meets the other ranks; the machine's cores are divided among its ranks.
   */
  public ProcessGroup join(Ranks ranks) {
    return ranks.join(backend, new BackendOptions(Device.parse(device), rowThreads(ranks)));
  }

  /** How many groups of rows a rank runs at once. */
  public int rowThreads(Ranks ranks) {
    return rowThreads(ranks.localWorldSize());
  }

  private int rowThreads(int localRanks) {
    return threads == 0 ? Math.max(1, rowThreads() / localRanks) : threads;
  }

  /** The same with layers checkpointed and their rows in one group, as sharding needs them. */
  ComputeOptions inOneGroup() {
    return new ComputeOptions(backend, device, dtype, 1, true, mmap);
  }

  /** With the threads of so many of this machine's ranks. */
  ComputeOptions times(int ranks, int localRanks) {
    int all = Math.multiplyExact(rowThreads(localRanks), ranks);
    return new ComputeOptions(backend, device, dtype, all, enableActivationCheckpointing, mmap);
  }

  /** The type of weights, adapters and optimiser state. */
  public DType type() {
    return DType.parse(dtype);
  }

  /** How many groups of rows run at once. */
  public int rowThreads() {
    return threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
  }

  /** The backend, its version, the device and the threads, for people. */
  public static String describe(Engine engine) {
    return "backend %s (%s), device %s, %d threads"
        .formatted(
            engine.backend().name(),
            engine.backend().version(),
            engine.device(),
            engine.backend().threads());
  }
}

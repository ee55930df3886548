package org.tune4j.training;

import org.jspecify.annotations.Nullable;
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
import org.tune4j.tensor.Precision;

/**
 * Keys of every recipe: what computes, where, and in which type.
 *
 * @param backend a provider's name; empty for {@code TUNE_BACKEND} or the first available
 * @param device {@code cpu}, {@code cuda} or {@code cuda:INDEX}
 * @param dtype of stored weights, as {@link DType#parse} has it; what computes is {@link
 *     #precision}
 * @param adapterDtype of adapters, their gradients and optimiser state; null for fp32, or what
 *     computes where it is wider
 * @param threads that divide the rows; 0 for all cores
 * @param enableActivationCheckpointing whether layers keep their inputs alone and are computed
 *     again in backward
 * @param mmap whether frozen weights stay in their files' pages; else they are read into memory
 */
public record ComputeOptions(
    @Doc("javacpp or djl; empty for TUNE_BACKEND or the first available") @Default("''")
        String backend,
    @Doc("cpu, cuda or cuda:INDEX") @Default("cpu") String device,
    @Doc("fp32, bf16 or fp16, for stored weights; computed in fp32 where that is faster")
        @Default("bf16")
        String dtype,
    @Doc("type of adapters, their gradients and optimiser state; null for fp32")
        @Nullable String adapterDtype,
    @Doc("threads that divide the rows; 0 for all cores") @Default("0") int threads,
    @Doc("keep only layer inputs and recompute layers in backward") @Default("false")
        boolean enableActivationCheckpointing,
    @Doc("frozen weights stay in their files' pages; false reads them into memory") @Default("true")
        boolean mmap) {
  /**
   * Checks device, type and threads.
   *
   * @throws org.tune4j.UsageException with all that is wrong
   */
  public ComputeOptions {
    Requirements requirements = new Requirements();
    requirements.of(() -> Device.parse(device));
    requirements.of(() -> DType.parse(dtype));
    requirements.of(() -> adapterDtype == null ? null : DType.parse(adapterDtype));
    requirements.atLeast(0, "threads", threads).check();
  }

  /**
   * Opens the backend on the device.
   *
   * @param backends to choose from
   * @return open; the caller closes it
   * @throws org.tune4j.UsageException when there is no such backend
   * @throws org.tune4j.EnvironmentException when it is there but cannot be opened
   */
  public Engine open(Backends backends) {
    return backends.open(backend, new BackendOptions(Device.parse(device), threads));
  }

  /**
   * Opens the backend and meets the other ranks; the machine's cores are divided among its ranks.
   *
   * @param ranks how they meet
   * @return open, with an engine of its own; the caller closes it
   * @throws org.tune4j.UsageException when there is no such backend, or it knows no ranks
   * @throws org.tune4j.CollectiveException when the ranks do not meet in time
   */
  public ProcessGroup join(Ranks ranks) {
    return ranks.join(backend, new BackendOptions(Device.parse(device), rowThreads(ranks)));
  }

  /**
   * {@return how many groups of rows a rank runs at once, from 1: {@code threads}, or its part of
   * the machine's cores}
   *
   * @param ranks of which those on this machine share its cores
   */
  public int rowThreads(Ranks ranks) {
    return rowThreads(ranks.localWorldSize());
  }

  private int rowThreads(int localRanks) {
    return threads == 0 ? Math.max(1, rowThreads() / localRanks) : threads;
  }

  /** {@return the same with layers checkpointed and rows in one group, as sharding needs them} */
  public ComputeOptions inOneGroup() {
    return new ComputeOptions(backend, device, dtype, adapterDtype, 1, true, mmap);
  }

  /**
   * {@return the same with the threads of several ranks}
   *
   * @param ranks whose threads are counted
   * @param localRanks how many share this machine's cores
   */
  public ComputeOptions times(int ranks, int localRanks) {
    int all = Math.multiplyExact(rowThreads(localRanks), ranks);
    return new ComputeOptions(
        backend, device, dtype, adapterDtype, all, enableActivationCheckpointing, mmap);
  }

  /** {@return the type of stored weights} */
  public DType type() {
    return DType.parse(dtype);
  }

  /**
   * {@return the run's types as the processor's instructions suggest, before anything is opened}
   */
  public Precision expected() {
    return withAdapters(ComputeDType.ofThisMachine().expected(type(), Device.parse(device)));
  }

  /**
   * {@return the run's types, the same on all ranks}
   *
   * @param ranks all of which ask this
   */
  public Precision precision(ProcessGroup ranks) {
    Precision own = ComputeDType.ofThisMachine().precision(type(), ranks.engine());
    return withAdapters(ranks.any(own.widens()) ? new Precision(type(), DType.FP32) : own);
  }

  private Precision withAdapters(Precision types) {
    DType wide = types.compute().bytes() < DType.FP32.bytes() ? DType.FP32 : types.compute();
    return new Precision(
        types.stored(), types.compute(), adapterDtype == null ? wide : DType.parse(adapterDtype));
  }

  /**
   * {@return how many groups of rows run at once, from 1: {@code threads}, or the machine's cores}
   */
  public int rowThreads() {
    return threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
  }

  /**
   * {@return the same as {@link #describe(Engine)}, and the types}
   *
   * @param engine open
   * @param precision that it computes with
   */
  public static String describe(Engine engine, Precision precision) {
    return "%s, dtype %s".formatted(describe(engine), precision);
  }

  /**
   * {@return the backend, its version, the device and the threads, for people}
   *
   * @param engine open
   */
  public static String describe(Engine engine) {
    return "backend %s (%s), device %s, %d threads"
        .formatted(
            engine.backend().name(),
            engine.backend().version(),
            engine.device(),
            engine.backend().threads());
  }
}

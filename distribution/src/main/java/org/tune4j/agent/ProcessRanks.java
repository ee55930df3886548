package org.tune4j.agent;

import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;
import org.tune4j.collective.Collectives;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.collective.Ranks;
import org.tune4j.collective.Rendezvous;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.BackendProvider;
import org.tune4j.spi.Backends;
import org.tune4j.spi.Capability;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Engine;

/** This process as one rank of several, as its launcher's environment says. */
public final class ProcessRanks implements Ranks {
  /** In a rank's environment: how many ranks there are when all machines are there. */
  static final String FULL_SIZE = "TUNE_FULL_WORLD_SIZE";

  static final Duration DEFAULT_TIMEOUT = Duration.ofMinutes(10);

  private final Backends backends;
  private final Rendezvous where;
  private final int localWorldSize;
  private final int fullSize;
  private final IntConsumer joined;

  private ProcessRanks(
      Backends backends, Rendezvous where, int localWorldSize, int fullSize, IntConsumer joined) {
    this.backends = backends;
    this.where = where;
    this.localWorldSize = localWorldSize;
    this.fullSize = fullSize;
    this.joined = joined;
  }

  /**
   * What the environment says, or empty where it names no other rank, and none that may come.
   *
   * @param environment as torchrun sets it
   * @param backends one of them joins
   * @param joined called with this rank's number when all ranks are there
   * @return this process's rank
   * @throws UsageException when it says half of it
   */
  public static Optional<Ranks> of(
      Map<String, String> environment, Backends backends, IntConsumer joined) {
    int worldSize = number(environment, "WORLD_SIZE", 1);
    int fullSize = number(environment, FULL_SIZE, worldSize);
    if (worldSize == 1 && fullSize == 1) {
      return Optional.empty();
    }
    Rendezvous where =
        new Rendezvous(
            text(environment, "MASTER_ADDR"),
            number(environment, "MASTER_PORT", null),
            number(environment, "RANK", null),
            worldSize,
            number(environment, "LOCAL_RANK", 0),
            "True".equals(environment.get("TORCHELASTIC_USE_AGENT_STORE")),
            timeout(environment));
    return Optional.of(
        new ProcessRanks(
            backends, where, number(environment, "LOCAL_WORLD_SIZE", 1), fullSize, joined));
  }

  /**
   * How long ranks wait for each other: {@code TUNE_RANK_TIMEOUT} in seconds.
   *
   * @param environment the process's
   * @return ten minutes where it says nothing
   */
  public static Duration timeout(Map<String, String> environment) {
    return Duration.ofSeconds(
        number(environment, "TUNE_RANK_TIMEOUT", (int) DEFAULT_TIMEOUT.toSeconds()));
  }

  private static String text(Map<String, String> environment, String name) {
    String value = environment.get(name);
    if (value == null || value.isEmpty()) {
      throw new UsageException(
          "WORLD_SIZE is %s, but %s is not set; set MASTER_ADDR, MASTER_PORT, WORLD_SIZE and RANK, or start with tune run --nproc_per_node N"
              .formatted(environment.get("WORLD_SIZE"), name));
    }
    return value;
  }

  private static int number(
      Map<String, String> environment, String name, @Nullable Integer otherwise) {
    if (otherwise != null && environment.getOrDefault(name, "").isEmpty()) {
      return otherwise;
    }
    String value = text(environment, name);
    try {
      return Integer.parseInt(value);
    } catch (NumberFormatException e) {
      throw new UsageException("%s is '%s', expected a number".formatted(name, value));
    }
  }

  @Override
  public int rank() {
    return where.rank();
  }

  @Override
  public int worldSize() {
    return where.worldSize();
  }

  @Override
  public int localWorldSize() {
    return localWorldSize;
  }

  @Override
  public ProcessGroup join(String backend, BackendOptions options) {
    BackendProvider provider = backends.find(backend);
    if (!provider.capabilities().contains(Capability.PROCESSES)) {
      throw new UsageException(
          "backend '%s' has no %s; use backend=javacpp, or on one machine --ranks threads"
              .formatted(provider.name(), Capability.PROCESSES));
    }
    Device device =
        where.worldSize() == 1
            ? options.device()
            : Ranks.device(options.device(), where.localRank());
    Engine engine = Engine.open(provider, new BackendOptions(device, options.threads()));
    try {
      Optional<Collectives> others =
          where.worldSize() == 1 ? Optional.empty() : Optional.of(where.join(engine));
      joined.accept(rank());
      return new ProcessGroup(engine, others, true, fullSize);
    } catch (RuntimeException e) {
      engine.close();
      throw e;
    }
  }
}

package org.tune4j.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.tune4j.EnvironmentException;
import org.tune4j.TuneException;
import org.tune4j.collective.Ranks;
import org.tune4j.spi.Availability;
import org.tune4j.spi.Backend;
import org.tune4j.spi.BackendOptions;
import org.tune4j.spi.BackendProvider;
import org.tune4j.spi.Backends;
import org.tune4j.spi.Capability;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;

/** Which device a rank asks its backend for; the GPUs themselves are not needed. */
class ProcessRanksTest {
  /** Says what it was asked for, and is not to be had. */
  private record Asked(String name) implements BackendProvider {
    @Override
    public String version() {
      return "1";
    }

    @Override
    public Availability availability() {
      return Availability.yes(List.of(Device.CPU));
    }

    @Override
    public Set<Capability> capabilities() {
      return EnumSet.of(Capability.PROCESSES);
    }

    @Override
    public Set<DType> dtypes() {
      return Set.of(DType.FP32);
    }

    @Override
    public Backend open(BackendOptions options) {
      throw new EnvironmentException("asked for " + options.device());
    }
  }

  private static String error(String device, Map<String, String> more) {
    Map<String, String> environment = new HashMap<>();
    environment.put("MASTER_ADDR", "127.0.0.1");
    environment.put("MASTER_PORT", "29500");
    environment.put("WORLD_SIZE", "4");
    environment.put("RANK", "3");
    environment.putAll(more);
    Backends backends = new Backends(List.of(new Asked("there")));
    Ranks ranks = ProcessRanks.of(environment, backends, rank -> {}).orElseThrow();
    BackendOptions options = new BackendOptions(Device.parse(device), 1);
    Throwable e = assertThrows(TuneException.class, () -> ranks.join("there", options));
    return String.valueOf(e.getMessage());
  }

  @Test
  void join_onCuda_takesTheGpuOfItsLocalRank() {
    assertEquals("asked for cuda:1", error("cuda", Map.of("LOCAL_RANK", "1")));
    assertEquals("asked for cuda:0", error("cuda", Map.of()));
    assertEquals("asked for cpu", error("cpu", Map.of("LOCAL_RANK", "1")));
  }

  @Test
  void join_onOneGpuForAll_isRefused() {
    assertEquals(
        "device is cuda:2, but each of several ranks needs its own GPU; use device=cuda, and CUDA_VISIBLE_DEVICES to choose among them",
        error("cuda:2", Map.of("LOCAL_RANK", "1")));
  }

  @Test
  void join_aloneOfMoreThatMayCome_keepsItsDevice() {
    assertEquals(
        "asked for cuda:2",
        error("cuda:2", Map.of("WORLD_SIZE", "1", "RANK", "0", ProcessRanks.FULL_SIZE, "2")));
  }
}

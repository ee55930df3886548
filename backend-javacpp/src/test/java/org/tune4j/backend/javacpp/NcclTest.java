package org.tune4j.backend.javacpp;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.time.Duration;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Store;
import org.junit.jupiter.api.Test;
import org.tune4j.EnvironmentException;
import org.tune4j.collective.Rendezvous;
import org.tune4j.spi.Capability;
import org.tune4j.tensor.Device;

class NcclTest {
  @Test
  void group_withoutTheGpuNatives_saysWhatToBuild() {
    assumeFalse(
        new JavacppBackendProvider().capabilities().contains(Capability.CUDA), "they are here");
    Rendezvous where = new Rendezvous("127.0.0.1", 1, 0, 2, 0, false, Duration.ofSeconds(1));
    Throwable e =
        assertThrows(
            EnvironmentException.class,
            () -> Nccl.group(new Store((Pointer) null), where, new Device(Device.Type.CUDA, 0)));
    String message = String.valueOf(e.getMessage());
    assertTrue(
        message.startsWith("ranks on cuda:0 meet by NCCL, whose native libraries do not load (")
            && message.endsWith("); build with Maven's profile gpu"),
        message);
  }
}

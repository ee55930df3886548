package org.tune4j.backend.javacpp;

import org.bytedeco.pytorch.Backend;
import org.bytedeco.pytorch.DeviceOptional;
import org.bytedeco.pytorch.Store;
import org.bytedeco.pytorch.global.torch_cuda;
import org.bytedeco.pytorch.nccl.ProcessGroupNCCL;
import org.tune4j.EnvironmentException;
import org.tune4j.collective.Rendezvous;
import org.tune4j.tensor.Device;

/**
 * NVIDIA's collectives between CUDA devices, one a rank. In a class of its own, since its natives
 * are in the GPU artefacts alone.
 *
 * <p>A rank that is gone or late ends the others as it does under PyTorch: NCCL's watchdog says so
 * and aborts the process, whose launcher starts it again. (An exception instead would cost a host
 * that waits for every call.)
 */
final class Nccl {
  private Nccl() {}

  /** In the caller's pointer scope. */
  static Backend group(Store store, Rendezvous where, Device device) {
    try {
      torch_cuda.set_device((byte) device.index());
      ProcessGroupNCCL.Options options = ProcessGroupNCCL.Options.create();
      options.timeout(C10d.millis(where.timeout()));
      ProcessGroupNCCL group =
          new ProcessGroupNCCL(store, where.rank(), where.worldSize(), options);
      // Which device a barrier uses, and a link that is down shows here and not in the first step.
      group.setBoundDeviceId(new DeviceOptional(Types.device(device)));
      group.eagerConnectSingleDevice(Types.device(device));
      return group;
    } catch (LinkageError e) {
      throw new EnvironmentException(
          "ranks on %s meet by NCCL, whose native libraries do not load (%s); build with Maven's profile gpu"
              .formatted(device, e),
          e);
    }
  }
}

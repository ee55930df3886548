package org.tune4j.backend.javacpp;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.DeviceOptional;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;

/** libtorch's words for element types and devices. */
final class Types {
  private record Place(ScalarType type, Device device) {}

  /** Never freed: as many as types times devices. */
  private final Map<Place, TensorOptions> options = new ConcurrentHashMap<>();

  static ScalarType scalar(DType dtype) {
    return switch (dtype) {
      case FP64 -> ScalarType.Double;
      case FP32 -> ScalarType.Float;
      case BF16 -> ScalarType.BFloat16;
      case FP16 -> ScalarType.Half;
      case INT64 -> ScalarType.Long;
      case UINT8 -> ScalarType.Byte;
      case NF4, INT8 -> throw new IllegalArgumentException(dtype + " is no primitive's");
    };
  }

  static org.bytedeco.pytorch.Device device(Device device) {
    return device.type() == Device.Type.CPU
        ? new org.bytedeco.pytorch.Device(torch.DeviceType.CPU)
        : new org.bytedeco.pytorch.Device(torch.DeviceType.CUDA, (byte) device.index());
  }

  TensorOptions options(DType dtype, Device device) {
    return options.computeIfAbsent(new Place(scalar(dtype), device), Types::make);
  }

  private static TensorOptions make(Place place) {
    try (PointerScope s = new PointerScope()) {
      TensorOptions o =
          new TensorOptions(place.type).device(new DeviceOptional(device(place.device)));
      o.retainReference();
      return o;
    }
  }
}

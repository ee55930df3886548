package org.tune4j.checkpoint;

import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/** The element types of safetensors files that are read and written, little-endian. */
public enum SafetensorsType {
  /** IEEE 754 binary64. */
  F64(8),
  /** IEEE 754 binary32. */
  F32(4),
  /** IEEE 754 binary16. */
  F16(2),
  /** The upper half of binary32. */
  BF16(2),
  /** Signed 64 bits. */
  I64(8),
  /** Signed 32 bits. */
  I32(4),
  /** Signed 16 bits. */
  I16(2),
  /** Signed 8 bits. */
  I8(1),
  /** Unsigned 8 bits. */
  U8(1),
  /** 0 or 1 in a byte. */
  BOOL(1),
  /** 8 bits: 4 of exponent, 3 of fraction. */
  F8_E4M3(1),
  /** 8 bits: 5 of exponent, 2 of fraction. */
  F8_E5M2(1);

  private final int bytes;

  SafetensorsType(int bytes) {
    this.bytes = bytes;
  }

  /** {@return the size of one element in bytes} */
  public int bytes() {
    return bytes;
  }

  /** The type that a safetensors header calls {@code name}; upper case as the format has it. */
  static Optional<SafetensorsType> named(String name) {
    return Arrays.stream(values()).filter(type -> type.name().equals(name)).findFirst();
  }

  static String accepted() {
    return Arrays.stream(values()).map(Enum::name).collect(Collectors.joining(", "));
  }
}

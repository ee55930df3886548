package org.tune4j.tensor;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import org.tune4j.UsageException;

/** Element types, named as torchtune's configs name them. */
public enum DType {
  /** IEEE 754 binary64. */
  FP64("fp64", 8, true),
  /** IEEE 754 binary32. */
  FP32("fp32", 4, true),
  /** The upper half of binary32: 8 bits of exponent, 7 of fraction. */
  BF16("bf16", 2, true),
  /** IEEE 754 binary16. */
  FP16("fp16", 2, true),
  /** Signed 64 bits: token ids, labels, indices. */
  INT64("int64", 8, false),
  /** Unsigned 8 bits: raw bytes. */
  UINT8("uint8", 1, false),
  /**
   * NormalFloat of 4 bits in blocks of 64 elements, row after row (Dettmers et al. 2023). Only
   * frozen matrices are stored so, in parts that {@link Engine#quantised} takes.
   */
  NF4("nf4", 0, false),
  /** Signed 8 bits with a factor a row, of frozen matrices too. */
  INT8("int8", 0, false);

  private final String label;
  private final int bytes;
  private final boolean floating;

  DType(String label, int bytes, boolean floating) {
    this.label = label;
    this.bytes = bytes;
    this.floating = floating;
  }

  /**
   * {@return the size of an element in bytes}
   *
   * @throws IllegalStateException when it is quantised: its elements share factors
   */
  public int bytes() {
    if (isQuantised()) {
      throw new IllegalStateException(this + " has no size an element; ask for a shape's bytes");
    }
    return bytes;
  }

  /**
   * {@return the bytes of a tensor, parts and all}
   *
   * @param shape of the tensor
   */
  public long bytes(Shape shape) {
    long n = shape.elements();
    return switch (this) {
      case NF4 -> n / 2 + Nf4.blocks(n) + Float.BYTES * (Nf4.groups(Nf4.blocks(n)) + 1);
      case INT8 -> n + Float.BYTES * shape.size(0);
      default -> n * bytes;
    };
  }

  /** {@return whether frozen matrices alone are stored so, and unpacked where they are used} */
  public boolean isQuantised() {
    return this == NF4 || this == INT8;
  }

  /** {@return the types whose elements stand alone: all that a backend can have} */
  public static Set<DType> unquantised() {
    return Arrays.stream(values())
        .filter(t -> !t.isQuantised())
        .collect(Collectors.toCollection(() -> EnumSet.noneOf(DType.class)));
  }

  /** {@return whether arithmetic and gradients are defined for it} */
  public boolean isFloating() {
    return floating;
  }

  /**
   * {@return the type of a config's {@code dtype}}
   *
   * @param name such as {@code bf16}, in any case
   * @throws UsageException when there is no floating type of that name
   */
  public static DType parse(String name) {
    for (DType t : values()) {
      if (t.floating && t.label.equals(name.toLowerCase(Locale.ROOT))) {
        return t;
      }
    }
    throw new UsageException(
        "dtype '%s' is not known; accepted are %s"
            .formatted(
                name,
                Arrays.stream(values())
                    .filter(DType::isFloating)
                    .map(DType::toString)
                    .collect(Collectors.joining(", "))));
  }

  @Override
  public String toString() {
    return label;
  }
}

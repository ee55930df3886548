package org.tune4j.memory;

import java.util.List;

/**
 * The peak of a process's resident size by what takes it; see {@link MemoryModel}.
 *
 * @param parts what exists at the peak
 */
public record MemoryPlan(List<Part> parts) {
  /**
   * One line of a plan.
   *
   * @param name what it is
   * @param bytes how much
   * @param note why, in few words; may be empty
   */
  public record Part(String name, long bytes, String note) {}

  public MemoryPlan {
    parts = List.copyOf(parts);
  }

  /** All of it, in bytes. */
  public long bytes() {
    return parts.stream().mapToLong(Part::bytes).sum();
  }

  /** All of it, in MiB. */
  public long mebibytes() {
    return mebibytes(bytes());
  }

  static long mebibytes(long bytes) {
    return Math.round(bytes / (double) (1 << 20));
  }

  /** A line a part, in MiB, and their sum. */
  @Override
  public String toString() {
    StringBuilder out = new StringBuilder("memory plan, MiB at the peak:\n");
    for (Part p : parts) {
      out.append(
          "%8d  %s%s%n"
              .formatted(mebibytes(p.bytes), p.name, p.note.isEmpty() ? "" : " (" + p.note + ")"));
    }
    return out.append("%8d  in all".formatted(mebibytes())).toString();
  }
}

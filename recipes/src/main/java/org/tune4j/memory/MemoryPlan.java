package org.tune4j.memory;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The peak of a process's resident size by what takes it; see {@link MemoryModel}.
 *
 * @param parts what exists at the peak
 */
public record MemoryPlan(List<Part> parts) {
  private static final Set<String> SPREAD = Set.of("weights", "adapters", "gradients", "optimiser");

  /** What each of several runs in one process has for itself. */
  private static final Set<String> OF_EACH =
      Set.of("adapters", "gradients", "checkpoint being written", "optimiser");

  /**
   * One line of a plan.
   *
   * @param name what it is
   * @param bytes how much
   * @param note why, in few words; may be empty
   */
  public record Part(String name, long bytes, String note) {}

  /** Copies the list. */
  public MemoryPlan {
    parts = List.copyOf(parts);
  }

  /**
   * {@return the plan of one of several ranks that each keep a stretch of weights, gradients and
   * optimiser state}
   *
   * @param ranks how many share these
   * @param gathered bytes of the parts that are whole at the same time
   */
  public MemoryPlan sharded(int ranks, long gathered) {
    List<Part> own = new ArrayList<>();
    for (Part p : parts) {
      boolean spread = SPREAD.contains(p.name);
      own.add(spread ? new Part(p.name, p.bytes / ranks, "1/" + ranks + " of " + p.note) : p);
    }
    own.add(new Part("gathered", gathered, "what is used, and what comes next"));
    return new MemoryPlan(own);
  }

  /**
   * {@return the plan of runs that take turns in one process: each has its adapter, optimiser state
   * and copies of its own, and one at a time computes}
   *
   * @param runs at least one
   */
  public static MemoryPlan inTurn(List<MemoryPlan> runs) {
    if (runs.size() == 1) {
      return runs.get(0);
    }
    Map<String, Part> all = new LinkedHashMap<>();
    for (MemoryPlan run : runs) {
      for (Part p : run.parts) {
        // Frozen weights of another kind lie beside the others.
        String same = p.name.equals("weights") ? p.name + p.note : p.name;
        all.merge(same, p, OF_EACH.contains(p.name) ? MemoryPlan::sum : MemoryPlan::larger);
      }
    }
    return new MemoryPlan(
        all.values().stream()
            .map(
                p ->
                    OF_EACH.contains(p.name)
                        ? new Part(p.name, p.bytes, "of %d adapters".formatted(runs.size()))
                        : p)
            .toList());
  }

  private static Part sum(Part a, Part b) {
    return new Part(a.name, a.bytes + b.bytes, a.note);
  }

  private static Part larger(Part a, Part b) {
    return b.bytes > a.bytes ? b : a;
  }

  /** {@return all of it, in bytes} */
  public long bytes() {
    return parts.stream().mapToLong(Part::bytes).sum();
  }

  /** {@return all of it, in MiB} */
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

package org.tune4j.tensor;

/**
 * Counter-based random numbers: a value is a function of a seed and a position, so that it does not
 * depend on threads, order or backend, and there is no state to save. The mixing is SplitMix64's
 * (Steele, Lea and Flood 2014).
 */
public final class RandomBits {
  private static final long GAMMA = 0x9E3779B97F4A7C15L;

  private RandomBits() {}

  /**
   * {@return 64 bits}
   *
   * @param seed one sequence each
   * @param position in the sequence
   */
  public static long bits(long seed, long position) {
    return mix(mix(seed) + GAMMA * (position + 1));
  }

  /**
   * {@return a number in [0, 1) with 24 bits}
   *
   * @param seed one sequence each
   * @param position in the sequence
   */
  public static float uniform(long seed, long position) {
    return (bits(seed, position) >>> 40) * 0x1.0p-24f;
  }

  private static long mix(long z) {
    long a = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    long b = (a ^ (a >>> 27)) * 0x94D049BB133111EBL;
    return b ^ (b >>> 31);
  }
}

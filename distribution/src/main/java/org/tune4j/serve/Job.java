package org.tune4j.serve;

/**
 * A request on its way.
 *
 * @param deadline of {@link System#nanoTime}
 */
record Job(GenerationRequest request, Reply reply, long deadline) {
  boolean late() {
    return System.nanoTime() - deadline > 0;
  }

  static ApiError tooLate() {
    return ApiError.of(
        503, "timeout", "the answer was not ready in time; request less, or try again later");
  }
}

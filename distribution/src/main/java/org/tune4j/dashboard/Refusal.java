package org.tune4j.dashboard;

/** A request that is answered with an error of the client's, in a line. */
final class Refusal extends RuntimeException {
  private final int status;

  /**
   * An answer.
   *
   * @param status 4xx
   */
  Refusal(int status, String message) {
    super(message, null, false, false);
    this.status = status;
  }

  int status() {
    return status;
  }

  String text() {
    return String.valueOf(getMessage());
  }
}

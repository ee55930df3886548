package org.tune4j.models;

/**
 * Has a decoder's {@linkplain Decoder#parts parts} there while they are used. A part is entered and
 * left by the thread of the pass, one at a time, in the order in which forward and backward need
 * them.
 */
public interface Residency {
  /** All parts are there all the time. */
  Residency ALWAYS =
      new Residency() {
        @Override
        public void enter(int part) {}

        @Override
        public void leave(int part) {}
      };

  /**
   * The part's parameters have storage when this returns.
   *
   * @param part index into {@link Decoder#parts}; none is entered twice without being left
   */
  void enter(int part);

  /**
   * Nothing uses them until it is entered again.
   *
   * @param part the one that was entered
   */
  void leave(int part);
}

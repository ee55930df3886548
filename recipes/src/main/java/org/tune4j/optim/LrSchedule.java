package org.tune4j.optim;

/** The learning rate's course over a run. */
public interface LrSchedule {
  /**
   * {@return what the base rate is multiplied by}
   *
   * @param step from 0
   * @param total steps of the whole run
   */
  double factor(long step, long total);
}

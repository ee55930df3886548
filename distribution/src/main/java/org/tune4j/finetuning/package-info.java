/**
 * Fine-tuning from a program of one's own: a job is built, run, watched, paused and cancelled.
 *
 * <p>Start at {@link org.tune4j.finetuning.FineTuning}. Must not depend on the command line or on
 * Guice. Nothing here ends the process, and nothing is shared between jobs but the backend's
 * natives, of which a process loads one backend's.
 */
@NullMarked
package org.tune4j.finetuning;

import org.jspecify.annotations.NullMarked;

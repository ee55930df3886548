package org.tune4j.finetuning;

import java.util.Objects;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.tune4j.OutOfMemory;
import org.tune4j.TuneException;
import org.tune4j.finetuning.FineTuning.State;

/** Where a job stands, what it is asked to do, and how it ended. */
final class JobState {
  private final CountDownLatch ended = new CountDownLatch(1);
  private State state = State.READY;
  private boolean cancelled;
  private boolean told;
  private @Nullable FineTuningResult result;
  private @Nullable Throwable failure;

  synchronized void begin() {
    if (state != State.READY) {
      throw new IllegalStateException("the job was started before; build another");
    }
    state = State.RUNNING;
  }

  /**
   * Ends it.
   *
   * @param done null where it failed
   * @param thrown why it failed
   */
  void end(@Nullable FineTuningResult done, @Nullable Throwable thrown) {
    synchronized (this) {
      result = done;
      failure = thrown;
      state = done == null ? State.FAILED : done.cancelled() ? State.CANCELLED : State.FINISHED;
    }
    ended.countDown();
  }

  /** Between two steps: waits while the job is paused. */
  synchronized boolean stopRequested() {
    while (state == State.PAUSED && !cancelled) {
      try {
        wait();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return true;
      }
    }
    told = cancelled;
    return cancelled;
  }

  /** Whether the recipe knows that it was cancelled: a step may have been the last all the same. */
  synchronized boolean wasTold() {
    return told;
  }

  synchronized void pause() {
    if (state == State.RUNNING) {
      state = State.PAUSED;
    }
  }

  synchronized void resume() {
    if (state == State.PAUSED) {
      state = State.RUNNING;
      notifyAll();
    }
  }

  synchronized void cancel() {
    cancelled = true;
    notifyAll();
  }

  synchronized State state() {
    return state;
  }

  FineTuningResult await() throws InterruptedException {
    if (state() == State.READY) {
      throw new IllegalStateException("the job was not started; call start() before await()");
    }
    ended.await();
    return outcome();
  }

  /** What became of it; throws what ended it. */
  synchronized FineTuningResult outcome() {
    if (result != null) {
      return result;
    }
    if (failure instanceof TuneException known) {
      throw known;
    }
    OutOfMemory.in(Objects.requireNonNull(failure))
        .ifPresent(
            e -> {
              throw e;
            });
    throw new CompletionException("the job failed: " + failure, failure);
  }
}

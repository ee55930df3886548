package org.tune4j.serve;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.function.Supplier;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A request whose body is there, until the worker answers it or its time is over. */
final class Pending {
  private static final Logger LOG = LoggerFactory.getLogger(Pending.class);

  private final Response response;
  private final Callback callback;
  private final Worker worker;
  private final long deadline;

  /** Whether it has gone on to the worker, or was refused. */
  private final AtomicBoolean settled = new AtomicBoolean();

  private volatile @Nullable Job job;

  /**
   * A request.
   *
   * @param deadline of {@link System#nanoTime}
   */
  Pending(Response response, Callback callback, Worker worker, long deadline) {
    this.response = response;
    this.callback = callback;
    this.worker = worker;
    this.deadline = deadline;
  }

  /** Reads what is asked and hands it to the worker, unless its time was over before. */
  void ask(Supplier<GenerationRequest> reading, Function<GenerationRequest, Reply> replies) {
    if (settled.get()) {
      return;
    }
    try {
      GenerationRequest asked = reading.get();
      if (settled.compareAndSet(false, true)) {
        hand(new Job(asked, replies.apply(asked), deadline));
      }
    } catch (ApiError e) {
      boolean unused = refuse(e);
    } catch (RuntimeException | Error e) {
      if (refuse(ApiError.of(500, "internal_error", "the server failed: " + e))) {
        LOG.error("a request failed", e);
      }
    }
  }

  private void hand(Job made) {
    try {
      job = made;
      worker.accept(made);
    } catch (ApiError e) {
      HttpReply.send(response, callback, e);
      return;
    }
    if (made.late()) { // in between
      worker.giveUp(made);
    }
  }

  /** Answers with an error, and says whether it did: there may be an answer already. */
  private boolean refuse(ApiError error) {
    boolean first = settled.compareAndSet(false, true);
    if (first) {
      HttpReply.send(response, callback, error);
    }
    return first;
  }

  /** Its time is over. */
  void giveUp() {
    Job handed = job;
    if (handed == null) {
      boolean unused = refuse(Job.tooLate());
    } else {
      worker.giveUp(handed);
    }
  }
}

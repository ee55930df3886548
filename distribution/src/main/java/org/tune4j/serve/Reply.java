package org.tune4j.serve;

import java.util.List;

/**
 * Where an answer goes. Called by the worker, or by whoever takes the request out of its queue, and
 * never waits for the client.
 */
interface Reply {
  /** Whether nobody reads the answer any more. */
  boolean gone();

  /** More of a choice: text, which may be empty, and the tokens since the piece before. */
  void piece(int choice, String text, List<TokenScore> scores);

  /** All is there. */
  void end(Answer answer);

  /** Nobody is there to be told anything: what is held for the client is freed. */
  void leave();

  /** There will be no answer, or no more of it. */
  void fail(ApiError error);
}

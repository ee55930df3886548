package org.tune4j.serve;

import java.time.Clock;
import java.time.temporal.ChronoUnit;
import java.util.function.Consumer;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.RequestLog;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.NanoTime;
import org.tune4j.Printable;

/**
 * A line for each request when it is answered: time, client, method, path, status, milliseconds and
 * how many tokens were read and generated. Never what they say.
 */
final class RequestLines implements RequestLog {
  private static final int LONGEST_PATH = 200;

  /** As nginx has it. */
  private static final int CLIENT_LEFT = 499;

  private static final String LEFT = RequestLines.class.getName() + ".left";
  private static final String TOKENS = RequestLines.class.getName() + ".tokens";

  private final Clock clock;
  private final Consumer<String> out;

  RequestLines(Clock clock, Consumer<String> out) {
    this.clock = clock;
    this.out = out;
  }

  /** Notes what a request that is about to be answered took. */
  static void tokens(Request request, Answer answer) {
    request.setAttribute(
        TOKENS, " %d+%d tokens".formatted(answer.promptTokens(), answer.newTokens));
  }

  /** Notes that nobody is there to be answered. */
  static void left(Request request) {
    request.setAttribute(LEFT, true);
  }

  @Override
  public void log(Request request, Response response) {
    Object tokens = request.getAttribute(TOKENS);
    String path = String.valueOf(request.getHttpURI().getPath());
    out.accept(
        Printable.of(
            "%s %s %s %s %d %d ms%s"
                .formatted(
                    clock.instant().truncatedTo(ChronoUnit.SECONDS),
                    Request.getRemoteAddr(request),
                    request.getMethod(),
                    path.length() > LONGEST_PATH ? path.substring(0, LONGEST_PATH) + "..." : path,
                    request.getAttribute(LEFT) == null ? response.getStatus() : CLIENT_LEFT,
                    NanoTime.millisSince(request.getBeginNanoTime()),
                    tokens == null ? "" : tokens)));
  }
}

package org.tune4j.serve;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.EofException;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;

/** Replies over HTTP: one JSON object, or events as they come. */
abstract sealed class HttpReply implements Reply {
  private final Request request;
  private final EndPoint connection;
  private final AtomicBoolean failed = new AtomicBoolean();

  /** Whether the request was ended as one whose client is gone: it may not be touched again. */
  private final AtomicBoolean ended = new AtomicBoolean();

  final Response response;
  final Callback callback;
  final AnswerJson json;

  private HttpReply(Request request, Response response, Callback callback, AnswerJson json) {
    this.request = request;
    this.connection = request.getConnectionMetaData().getConnection().getEndPoint();
    this.response = response;
    this.callback = callback;
    this.json = json;
    request.addFailureListener(e -> failed.set(true));
    // While an answer is generated nothing passes over the connection, which is no reason to end
    // it.
    request.addIdleTimeoutListener(e -> false);
  }

  static HttpReply to(
      Request request, Response response, Callback callback, AnswerJson json, boolean stream) {
    return stream
        ? new Stream(request, response, callback, json)
        : new Whole(request, response, callback, json);
  }

  /** Before the last byte: a request that is answered may not be touched. */
  final void note(Answer answer) {
    RequestLines.tokens(request, answer);
  }

  /** The client is gone, which may show when something is written, too. */
  final void lost(Throwable why) {
    failed.set(true);
    if (ended.compareAndSet(false, true)) {
      RequestLines.left(request);
      callback.failed(why);
    }
  }

  @Override
  public boolean gone() {
    return failed.get() || (connection instanceof WatchedEndPoint w && w.peerHasGone());
  }

  @Override
  public void leave() {
    lost(new EofException("the client is gone"));
  }

  /** A whole body. */
  static void send(Response response, Callback callback, int status, JsonNode body) {
    response.setStatus(status);
    response.getHeaders().put(HttpHeader.CONTENT_TYPE, "application/json");
    response.write(
        true, ByteBuffer.wrap(body.toString().getBytes(StandardCharsets.UTF_8)), callback);
  }

  static void send(Response response, Callback callback, ApiError error) {
    if (error.passes()) {
      response.getHeaders().put(HttpHeader.RETRY_AFTER, 1);
    }
    send(response, callback, error.status(), error.json());
  }

  /** One JSON object. */
  private static final class Whole extends HttpReply {
    private Whole(Request request, Response response, Callback callback, AnswerJson json) {
      super(request, response, callback, json);
    }

    @Override
    public void piece(int choice, String text, List<TokenScore> scores) {
      // The answer has it.
    }

    @Override
    public void end(Answer answer) {
      note(answer);
      send(response, callback, 200, json.whole(answer));
    }

    @Override
    public void fail(ApiError error) {
      send(response, callback, error);
    }
  }

  /** Server-sent events. What the client does not read yet waits here, an answer at the most. */
  private static final class Stream extends HttpReply {
    private final Deque<String> unwritten = new ArrayDeque<>();
    private final List<Integer> sent = new ArrayList<>();
    private boolean writing;
    private boolean complete;
    private boolean begun;

    private Stream(Request request, Response response, Callback callback, AnswerJson json) {
      super(request, response, callback, json);
    }

    private int sent(int choice) {
      while (sent.size() <= choice) {
        sent.add(-1);
      }
      return sent.get(choice);
    }

    @Override
    public void piece(int choice, String text, List<TokenScore> scores) {
      if (sent(choice) < 0) {
        begin(choice);
      }
      sent.set(choice, sent(choice) + scores.size());
      event(json.piece(choice, text, scores));
    }

    private void begin(int choice) {
      sent.set(choice, 0);
      if (json.isChat()) {
        event(json.first(choice));
      }
    }

    @Override
    public void end(Answer answer) {
      note(answer);
      for (int i = 0; i < answer.choices.size(); i++) {
        Answer.Choice c = answer.choices.get(i);
        if (sent(i) < 0) {
          begin(i);
        }
        event(json.last(i, c.scores.subList(sent(i), c.scores.size()), c.finishReason()));
      }
      if (answer.request.streamUsage()) {
        event(json.count(answer));
      }
      finish("data: [DONE]\n\n");
    }

    @Override
    public void fail(ApiError error) {
      boolean late;
      synchronized (unwritten) {
        late = begun;
      }
      if (late) {
        finish("data: " + error.json() + "\n\n");
      } else {
        send(response, callback, error);
      }
    }

    private void event(JsonNode data) {
      add("data: " + data + "\n\n", false);
    }

    private void finish(String last) {
      add(last, true);
    }

    private void add(String event, boolean last) {
      synchronized (unwritten) {
        if (!begun) {
          begun = true;
          response.setStatus(200);
          response.getHeaders().put(HttpHeader.CONTENT_TYPE, "text/event-stream");
          response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-cache");
        }
        unwritten.add(event);
        complete |= last;
      }
      write();
    }

    /** All that waits in one write, one write at a time. */
    private void write() {
      String text;
      boolean last;
      synchronized (unwritten) {
        if (writing || unwritten.isEmpty()) {
          return;
        }
        writing = true;
        text = String.join("", unwritten);
        unwritten.clear();
        last = complete;
      }
      ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
      if (last) {
        response.write(true, bytes, callback);
      } else {
        response.write(false, bytes, Callback.from(this::written, this::lost));
      }
    }

    private void written() {
      synchronized (unwritten) {
        writing = false;
      }
      write();
    }
  }
}

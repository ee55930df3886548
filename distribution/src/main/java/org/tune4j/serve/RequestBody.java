package org.tune4j.serve;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.eclipse.jetty.http.HttpException;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;

/** Reads a body as it comes, up to a limit, without a thread that waits for it. */
final class RequestBody implements Runnable {
  /** What is read of a body that is refused, in bytes: an answer must not wait for all of it. */
  private static final int DROPPED = 16 << 20;

  private final Request request;
  private final int limit;
  private final Consumer<byte[]> whole;
  private final Consumer<ApiError> failed;
  private final ByteArrayOutputStream read = new ByteArrayOutputStream();

  private RequestBody(
      Request request, int limit, Consumer<byte[]> whole, Consumer<ApiError> failed) {
    this.request = request;
    this.limit = limit;
    this.whole = whole;
    this.failed = failed;
  }

  /**
   * Calls one of the two, now or later, on a thread that may block.
   *
   * @param limit in bytes
   */
  static void read(Request request, int limit, Consumer<byte[]> whole, Consumer<ApiError> failed) {
    if (request.getLength() > limit) {
      drop(request, () -> failed.accept(tooLarge(limit)));
    } else {
      new RequestBody(request, limit, whole, failed).run();
    }
  }

  /**
   * Reads what the client still sends of a body that is not wanted, and calls {@code then}, now or
   * later. A connection that is closed with bytes unread is reset, and the client loses the answer
   * that it was sent.
   */
  static void drop(Request request, Runnable then) {
    // A client that expects 100 Continue sends nothing before it has an answer.
    if (request.getHeaders().contains(HttpHeader.EXPECT)) {
      then.run();
    } else {
      drop(request, DROPPED, then);
    }
  }

  private static void drop(Request request, int bytes, Runnable then) {
    int left = bytes;
    while (left > 0) {
      Content.Chunk chunk = request.read();
      if (chunk == null) {
        int after = left;
        request.demand(() -> drop(request, after, then));
        return;
      }
      if (Content.Chunk.isFailure(chunk)) {
        break;
      }
      left -= chunk.remaining();
      chunk.release();
      if (chunk.isLast()) {
        break;
      }
    }
    then.run();
  }

  @Override
  public void run() {
    while (true) {
      Content.Chunk chunk = request.read();
      if (chunk == null) {
        request.demand(this);
        return;
      }
      if (Content.Chunk.isFailure(chunk)) {
        failed.accept(notWhole(chunk.getFailure()));
        return;
      }
      ByteBuffer bytes = chunk.getByteBuffer();
      boolean fits = bytes.remaining() <= limit - read.size();
      if (fits) {
        byte[] some = new byte[bytes.remaining()];
        bytes.get(some);
        read.writeBytes(some);
      }
      chunk.release();
      if (!fits) {
        drop(request, () -> failed.accept(tooLarge(limit)));
        return;
      }
      if (chunk.isLast()) {
        whole.accept(read.toByteArray());
        return;
      }
    }
  }

  private static ApiError tooLarge(int limit) {
    return ApiError.of(
        413, "too_large", "the body has more than %d bytes; see --max-body-kb".formatted(limit));
  }

  private static ApiError notWhole(Throwable failure) {
    if (failure instanceof TimeoutException) {
      return ApiError.of(408, "timeout", "the body arrived too slowly");
    }
    return failure instanceof HttpException http && http.getCode() < 500
        ? ApiError.of(http.getCode(), "invalid_request", String.valueOf(http.getReason()))
        : ApiError.invalid(null, "the body is incomplete");
  }
}

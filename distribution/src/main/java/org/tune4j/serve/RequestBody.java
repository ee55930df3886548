package org.tune4j.serve;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.eclipse.jetty.http.HttpException;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;

/** Reads a body as it comes, up to a limit, without a thread that waits for it. */
final class RequestBody implements Runnable {
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
      failed.accept(tooLarge(limit));
    } else {
      new RequestBody(request, limit, whole, failed).run();
    }
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
        failed.accept(tooLarge(limit));
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

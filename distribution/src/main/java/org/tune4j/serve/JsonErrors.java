package org.tune4j.serve;

import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.handler.ErrorHandler;
import org.eclipse.jetty.util.Callback;
import org.jspecify.annotations.Nullable;

/** What the server library itself refuses, in the same form as all else. */
final class JsonErrors extends ErrorHandler {
  @Override
  public boolean errorPageForMethod(String method) {
    return true;
  }

  @Override
  protected void generateResponse(
      Request request,
      Response response,
      int status,
      @Nullable String message,
      @Nullable Throwable cause,
      Callback callback) {
    HttpReply.send(response, callback, error(status, message));
  }

  private static ApiError error(int status, @Nullable String message) {
    return ApiError.of(
        status,
        status >= 500 ? "internal_error" : "invalid_request",
        message == null ? "the request is refused with " + status : message);
  }
}

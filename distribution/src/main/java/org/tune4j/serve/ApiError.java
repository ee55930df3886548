package org.tune4j.serve;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.jspecify.annotations.Nullable;

/** What a client is told instead of an answer, in OpenAI's form. */
final class ApiError extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final int status;
  private final String code;
  private final @Nullable String param;

  private ApiError(int status, String code, @Nullable String param, String message) {
    super(message, null, false, false);
    this.status = status;
    this.code = code;
    this.param = param;
  }

  /** 400: the request is wrong. */
  static ApiError invalid(@Nullable String param, String message) {
    return new ApiError(400, "invalid_request", param, message);
  }

  /** Another status. */
  static ApiError of(int status, String code, String message) {
    return new ApiError(status, code, null, message);
  }

  int status() {
    return status;
  }

  /** The same later may be answered. */
  boolean passes() {
    return status == 429 || status == 503;
  }

  ObjectNode json() {
    ObjectNode all = JsonNodeFactory.instance.objectNode();
    all.putObject("error")
        .put("message", getMessage())
        .put("type", status >= 500 ? "server_error" : "invalid_request_error")
        .put("param", param)
        .put("code", code);
    return all;
  }
}

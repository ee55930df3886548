package org.tune4j.rewards;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.EnvironmentException;
import org.tune4j.TuneException;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Doc;
import org.tune4j.component.Requirements;

/**
 * Asks another program, by a POST of JSON for each step: {@code {"prompts": [...], "completions":
 * [...], "columns": [{...}]}}, which is answered by {@code {"rewards": [...]}}.
 */
public final class HttpReward implements RewardFunction {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int OK = 200;
  private static final int SHOWN = 200;

  private final URI url;
  private final Duration timeout;
  private final HttpClient client;

  /**
   * Of an address, which is not called yet.
   *
   * @param url {@code http} or {@code https}
   * @param timeoutSeconds how long a step's rewards may take, 1 or more
   * @throws org.tune4j.UsageException when {@code url} is no such address, or the number is less
   */
  @Component("http_reward")
  public HttpReward(
      @Doc("address that a step's answers are posted to") String url,
      @Doc("how long a step's rewards may take, in seconds") @Default("60") int timeoutSeconds) {
    new Requirements()
        .that(
            url.matches("https?://[^\\s/].*"),
            "url is '%s', expected http://HOST:PORT/PATH or https".formatted(url))
        .atLeast(1, "timeout_seconds", timeoutSeconds)
        .check();
    this.url = URI.create(url);
    this.timeout = Duration.ofSeconds(timeoutSeconds);
    this.client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1) // servers complain of the offer of 2 in the clear
            .connectTimeout(timeout)
            .build();
  }

  @Override
  public double reward(Completion completion) {
    return rewards(List.of(completion))[0];
  }

  /**
   * {@inheritDoc}
   *
   * @throws EnvironmentException when nobody answers in time, or not with a number for each
   */
  @Override
  public double[] rewards(List<Completion> completions) {
    String answer = post(body(completions));
    JsonNode rewards;
    try {
      rewards = JSON.readTree(answer).path("rewards");
    } catch (JacksonException e) {
      throw wrong("its answer is no JSON: " + shown(answer), e);
    }
    if (!rewards.isArray() || rewards.size() != completions.size()) {
      throw wrong(
          "it answered %s, expected {\"rewards\": [...]} with %d numbers"
              .formatted(shown(answer), completions.size()),
          null);
    }
    double[] all = new double[rewards.size()];
    for (int i = 0; i < all.length; i++) {
      if (!rewards.get(i).isNumber()) {
        throw wrong("reward %d is %s, expected a number".formatted(i + 1, rewards.get(i)), null);
      }
      all[i] = rewards.get(i).asDouble();
    }
    return all;
  }

  private static String body(List<Completion> completions) {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("prompts", completions.stream().map(Completion::prompt).toList());
    body.put("completions", completions.stream().map(Completion::text).toList());
    body.put("columns", completions.stream().map(Completion::columns).toList());
    return JSON.valueToTree(body).toString();
  }

  private String post(String body) {
    HttpRequest request =
        HttpRequest.newBuilder(url)
            .timeout(timeout)
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
    try {
      HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
      if (response.statusCode() != OK) {
        throw wrong(
            "it answered with status %d, expected %d: %s"
                .formatted(response.statusCode(), OK, shown(response.body())),
            null);
      }
      return response.body();
    } catch (HttpTimeoutException e) {
      throw wrong(
          "no answer after %d s; raise reward.timeout_seconds".formatted(timeout.toSeconds()), e);
    } catch (IOException e) {
      throw wrong(TuneException.reason(e) + "; start it, or change reward.url", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw wrong("the call was interrupted", e);
    }
  }

  private EnvironmentException wrong(String what, @Nullable Exception e) {
    String line = "rewards from %s: %s".formatted(url, what);
    return e == null ? new EnvironmentException(line) : new EnvironmentException(line, e);
  }

  private static String shown(String text) {
    String line = text.strip().replaceAll("\\s+", " ");
    return line.length() <= SHOWN ? line : line.substring(0, SHOWN) + "...";
  }
}

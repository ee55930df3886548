package org.tune4j.rewards;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.EnvironmentException;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.data.Prompt;
import org.tune4j.tokenizers.Message;

class RewardsTest {
  private HttpServer server;
  private String answer = "";
  private int status = 200;
  private String asked = "";

  private static Completion completion(String text) {
    return new Completion(
        new Prompt(
            new int[] {1},
            List.of(new Message("user", "What is four plus three?", true)),
            Map.of("prompt", "What is four plus three?", "answer", "seven")),
        text,
        true);
  }

  @BeforeEach
  void listen() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/",
        exchange -> {
          asked = new String(exchange.getRequestBody().readAllBytes(), UTF_8);
          byte[] bytes = answer.getBytes(UTF_8);
          exchange.sendResponseHeaders(status, bytes.length);
          exchange.getResponseBody().write(bytes);
          exchange.close();
        });
    server.start();
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private String url() {
    return "http://127.0.0.1:%d/rewards".formatted(server.getAddress().getPort());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "Seven. | 1",
        "Four plus three is seven! | 1",
        "Seven is four plus three. | 0",
        "Four plus three is seventy-seven | 1",
        "Eight. | 0",
        "'' | 0"
      })
  void finalAnswer_isWhatTheAnswerEndsWith(String text, double expected) {
    assertEquals(expected, new FinalAnswerReward("answer").reward(completion(text)), 1e-12);
  }

  @Test
  void finalAnswer_withoutTheColumn_saysWhichThereAre() {
    Completion of =
        new Completion(
            new Prompt(
                new int[] {1}, List.of(new Message("user", "Hi?", true)), Map.of("prompt", "Hi?")),
            "Hi.",
            true);
    assertEquals(
        "column 'answer' is missing in the row of prompt 'Hi?', found prompt; name the right"
            + " answer's with reward.column=NAME",
        assertThrows(InputException.class, () -> new FinalAnswerReward("answer").reward(of))
            .getMessage());
  }

  @Test
  void regex_isFoundOrNot() {
    RegexReward reward = new RegexReward("^<think>.*</think>\\S+$");
    assertEquals(1, reward.reward(completion(" <think>4 and\n3</think>7\n")));
    assertEquals(0, reward.reward(completion("<think>4 and 3</think>")));
    assertEquals(
        "pattern is '(', expected a regular expression: Unclosed group at character 2",
        assertThrows(UsageException.class, () -> new RegexReward("(")).getMessage());
  }

  @Test
  void http_postsWhatWasSampled_andReadsRewards() {
    answer = "{\"rewards\": [0.5, 2]}";
    assertArrayEquals(
        new double[] {0.5, 2},
        new HttpReward(url(), 5).rewards(List.of(completion("Seven."), completion("Six."))));
    assertTrue(
        asked.startsWith(
            "{\"prompts\":[\"What is four plus three?\",\"What is four plus"
                + " three?\"],\"completions\":[\"Seven.\",\"Six.\"],\"columns\":[{"),
        asked);
    assertTrue(asked.contains("\"answer\":\"seven\""), asked);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"rewards\": [1, 2]} | it answered {\"rewards\": [1, 2]}, expected {\"rewards\": [...]}"
            + " with 1 numbers",
        "{\"reward\": 1} | it answered {\"reward\": 1}, expected {\"rewards\": [...]} with 1"
            + " numbers",
        "{\"rewards\": [\"a\"]} | reward 1 is \"a\", expected a number",
        "<html> | its answer is no JSON: <html>"
      })
  void http_thatAnswersSomethingElse_isQuoted(String said, String expected) {
    answer = said;
    assertEquals("rewards from %s: %s".formatted(url(), expected), failure(url(), 5));
  }

  private static String failure(String url, int timeout) {
    return assertThrows(
            EnvironmentException.class,
            () -> new HttpReward(url, timeout).rewards(List.of(completion("Seven."))))
        .getMessage();
  }

  @Test
  void http_thatFails_isNamed() {
    answer = "out of\norder";
    status = 503;
    assertEquals(
        "rewards from %s: it answered with status 503, expected 200: out of order".formatted(url()),
        failure(url(), 5));
    String gone = url();
    server.stop(0);
    String said = failure(gone, 5);
    assertTrue(
        said.startsWith("rewards from " + gone + ": ")
            && said.endsWith("; start it, or change reward.url"),
        said);
  }

  @Test
  void http_ofNoAddress_isRefused() {
    UsageException e = assertThrows(UsageException.class, () -> new HttpReward("localhost:80", 0));
    assertEquals(
        List.of(
            "url is 'localhost:80', expected http://HOST:PORT/PATH or https",
            "timeout_seconds is 0, expected 1 or more"),
        e.problems());
  }
}

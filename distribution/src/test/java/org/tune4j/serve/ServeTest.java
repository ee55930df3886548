package org.tune4j.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tune4j.evaluation.LogLikelihoods;
import org.tune4j.generation.Generation;
import org.tune4j.generation.GenerationListener;
import org.tune4j.generation.SamplingOptions;
import org.tune4j.tensor.TensorScope;
import org.tune4j.tokenizers.Message;

/** OpenAI's interface over the tiny model, by a client of the standard library. */
class ServeTest {
  private static final int CLIENTS = 64;
  private static final Duration LONG = Duration.ofMinutes(5);

  /** A content and more keys are put in. */
  private static final String CHAT =
      "{\"model\": \"tiny\", \"max_tokens\": 1, \"messages\": [{\"role\": \"user\", \"content\": %s}]%s}";

  private static TinyServer server;

  @BeforeAll
  static void start() throws Exception {
    server = TinyServer.start();
  }

  @AfterAll
  static void stop() throws Exception {
    server.close();
  }

  /** What {@code tune generate} gives. */
  private static String generated(String prompt, boolean adapter, SamplingOptions options) {
    return TinyServer.withModel(
        m -> {
          int[] ids = m.tokenizer().encodeAlone(prompt);
          return m.generator(adapter ? TinyServer.ADAPTER : null)
              .generate(ids, options, GenerationListener.NONE)
              .text();
        });
  }

  private static String text(JsonNode answer) {
    assertEquals(200, answer.path("status").asInt(), answer.toString());
    return answer.path("choices").path(0).path("text").asText();
  }

  @Test
  void models_areListedWithTheirBase() throws Exception {
    JsonNode list =
        TinyServer.json(server.send(server.request("/v1/models").build()).body()).path("data");
    assertEquals(List.of("tiny", "org/lora"), list.findValuesAsText("id"));
    assertEquals("tiny", list.path(1).path("parent").asText());
    for (String path : List.of("org/lora", "org%2Florа".replace("а", "a"))) {
      HttpResponse<String> one = server.send(server.request("/v1/models/" + path).build());
      assertEquals("org/lora", TinyServer.json(one.body()).path("id").asText(), one.body());
    }
    HttpResponse<String> none = server.send(server.request("/v1/models/none").build());
    assertEquals(404, none.statusCode());
    assertTrue(none.body().contains("model 'none' is not served; there are tiny, org/lora"));
  }

  @Test
  void completion_isWhatGenerateGives_ofBaseAndAdapter() throws Exception {
    for (boolean adapter : new boolean[] {false, true}) {
      JsonNode answer =
          server.complete(
              "{\"model\": \"%s\", \"prompt\": \"Name a fruit.\", \"max_tokens\": 12, \"temperature\": 0}"
                  .formatted(adapter ? "org/lora" : "tiny"));
      assertEquals(generated("Name a fruit.", adapter, SamplingOptions.greedy(12)), text(answer));
      assertEquals(13, answer.path("usage").path("prompt_tokens").asInt());
      assertEquals(12, answer.path("usage").path("completion_tokens").asInt());
      assertEquals("length", answer.path("choices").path(0).path("finish_reason").asText());
    }
  }

  @Test
  void completion_sampled_isWhatGenerateGivesWithThatSeed() throws Exception {
    String body =
        "{\"model\": \"tiny\", \"prompt\": \"ab\", \"max_tokens\": 20, \"temperature\": 1,"
            + " \"top_p\": 0.9, \"seed\": 3}";
    SamplingOptions options = new SamplingOptions(20, 1, 0, 0.9, 1, 3, List.of());
    assertEquals(generated("ab", false, options), text(server.complete(body)));
    assertNotEquals(
        text(server.complete(body.replace("\"seed\": 3", "\"seed\": 4"))),
        text(server.complete(body)));
  }

  @Test
  void completion_stopString_endsBeforeIt() throws Exception {
    String whole = generated("ab", false, SamplingOptions.greedy(12));
    String stop = whole.substring(4, 6);
    JsonNode answer =
        server.complete(
            "{\"model\": \"tiny\", \"prompt\": \"ab\", \"max_tokens\": 12, \"temperature\": 0, \"stop\": [\"%s\"]}"
                .formatted(stop));
    assertEquals(whole.substring(0, whole.indexOf(stop)), text(answer));
    assertEquals("stop", answer.path("choices").path(0).path("finish_reason").asText());
  }

  @Test
  void completion_severalPromptsTimesN_areChoicesInTheirOrder() throws Exception {
    String body =
        "{\"model\": \"tiny\", \"prompt\": %s, \"n\": %d, \"max_tokens\": 6, \"temperature\": 0}";
    String ab = text(server.complete(body.formatted("\"ab\"", 1)));
    String the = text(server.complete(body.formatted("\"The\"", 1)));
    int[] ids = TinyServer.withModel(m -> m.tokenizer().encodeAlone("The"));
    JsonNode both = server.complete(body.formatted("[\"ab\", \"The\"]", 5));
    List<String> texts = both.path("choices").findValuesAsText("text");
    assertEquals(List.of(ab, ab, ab, ab, ab, the, the, the, the, the), texts);
    String asIds = "[" + ids[0] + "," + ids[1] + ".0," + ids[2] + "]";
    assertEquals(the, text(server.complete(body.formatted(asIds, 1))));
    assertEquals(the, text(server.complete(body.formatted("[" + asIds + "]", 1))));
  }

  @Test
  void completion_echoWithLogprobs_sumsToTheLogLikelihood() throws Exception {
    double expected =
        TinyServer.withModel(
            m -> {
              try (TensorScope scope = m.engine().openScope()) {
                return new LogLikelihoods(m.engine(), scope, m.base(), m.tokenizer())
                    .of("Name a", List.of("b fruit."))[0];
              }
            });
    JsonNode choice =
        server
            .complete(
                "{\"model\": \"tiny\", \"prompt\": \"Name ab fruit.\", \"max_tokens\": 1,"
                    + " \"temperature\": 0, \"echo\": true, \"logprobs\": 1}")
            .path("choices")
            .path(0);
    JsonNode logprobs = choice.path("logprobs");
    JsonNode each = logprobs.path("token_logprobs");
    assertEquals(15, each.size());
    assertTrue(each.path(0).isNull() && logprobs.path("top_logprobs").path(0).isNull());
    double sum = 0;
    for (int i = 6; i < 14; i++) {
      sum += each.path(i).asDouble();
      double best = -1e9;
      for (JsonNode top : logprobs.path("top_logprobs").path(i)) {
        best = Math.max(best, top.asDouble());
      }
      assertTrue(best >= each.path(i).asDouble());
    }
    assertEquals(expected, sum, 1e-4);
    assertTrue(choice.path("text").asText().startsWith("Name ab fruit."), choice.toString());
    assertEquals(0, logprobs.path("text_offset").path(0).asInt());
    assertTrue(logprobs.path("text_offset").path(13).asInt() >= 13);
    JsonNode none =
        server.complete(
            "{\"model\": \"tiny\", \"prompt\": \"Name\", \"max_tokens\": 0, \"echo\": true,"
                + " \"logprobs\": 0}");
    assertEquals("Name", text(none));
    assertEquals(4, none.path("choices").path(0).path("logprobs").path("tokens").size());
    assertEquals(0, none.path("usage").path("completion_tokens").asInt());
  }

  private static List<JsonNode> events(String path, String body) throws Exception {
    HttpResponse<String> answer = server.send(server.post(path, body));
    assertEquals("text/event-stream", answer.headers().firstValue("Content-Type").orElse(""));
    List<String> lines = answer.body().lines().filter(l -> !l.isEmpty()).toList();
    assertEquals("data: [DONE]", lines.get(lines.size() - 1));
    List<JsonNode> all = new ArrayList<>();
    for (String line : lines.subList(0, lines.size() - 1)) {
      all.add(TinyServer.json(line.replaceFirst("^data: ", "")));
    }
    return all;
  }

  @Test
  void chat_streamed_isTheWholeAnswerInPieces() throws Exception {
    String body =
        "{\"model\": \"org/lora\", \"messages\": [{\"role\": \"user\", \"content\": [{\"type\":"
            + " \"text\", \"text\": \"hi\"}]}], \"max_completion_tokens\": 9, \"seed\": 1%s}";
    JsonNode whole = server.ask("/v1/chat/completions", body.formatted(""));
    assertEquals(200, whole.path("status").asInt(), whole.toString());
    String expected =
        TinyServer.withModel(
            m ->
                m.generator(TinyServer.ADAPTER)
                    .generate(
                        m.tokenizer().prompt(List.of(new Message("user", "hi", true))),
                        new SamplingOptions(9, 1, 0, 1, 1, 1, List.of()),
                        GenerationListener.NONE)
                    .text());
    assertEquals(expected, whole.at("/choices/0/message/content").asText());
    List<JsonNode> events =
        events(
            "/v1/chat/completions",
            body.formatted(
                ", \"stream\": true, \"stream_options\": {\"include_usage\": true}, \"logprobs\":"
                    + " true, \"top_logprobs\": 2"));
    assertEquals("assistant", events.get(0).at("/choices/0/delta/role").asText());
    StringBuilder text = new StringBuilder();
    int scored = 0;
    for (JsonNode e : events) {
      assertEquals("chat.completion.chunk", e.path("object").asText());
      text.append(e.at("/choices/0/delta/content").asText(""));
      scored += e.at("/choices/0/logprobs/content").size();
    }
    assertEquals(expected, text.toString());
    assertEquals(9, scored);
    assertEquals(
        whole.at("/choices/0/finish_reason"),
        events.get(events.size() - 2).at("/choices/0/finish_reason"));
    assertEquals(whole.path("usage"), events.get(events.size() - 1).path("usage"));
  }

  @Test
  void completion_streamedWithEcho_beginsWithThePrompt() throws Exception {
    List<JsonNode> events =
        events(
            "/v1/completions",
            "{\"model\": \"tiny\", \"prompt\": [\"ab\", \"The\"], \"max_tokens\": 4,"
                + " \"temperature\": 0, \"echo\": true, \"stream\": true}");
    Map<Integer, String> texts = new LinkedHashMap<>();
    for (JsonNode e : events) {
      texts.merge(
          e.at("/choices/0/index").asInt(), e.at("/choices/0/text").asText(), String::concat);
    }
    assertEquals("ab" + generated("ab", false, SamplingOptions.greedy(4)), texts.get(0));
    assertEquals("The" + generated("The", false, SamplingOptions.greedy(4)), texts.get(1));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{ | 400 | the body is not JSON: Unexpected end-of-input: expected close marker for Object",
        "[] | 400 | the body is not a JSON object",
        "{\"model\": \"tiny\", \"model\": \"tiny\"} | 400 | the body is not JSON: Duplicate field"
            + " 'model'",
        "{\"prompt\": \"a\"} | 400 | 'model' is missing; expected a string",
        "{\"model\": \"big\", \"prompt\": \"a\"} | 404 | model 'big' is not served; there are tiny,"
            + " org/lora",
        "{\"model\": \"tiny\"} | 400 | 'prompt' is missing; expected a string, token ids, or a list"
            + " of either",
        "{\"model\": \"tiny\", \"prompt\": \"\"} | 400 | a prompt is empty; give it at least one"
            + " token",
        "{\"model\": \"tiny\", \"prompt\": [1, 127]} | 400 | 'prompt' is [1,127], expected token"
            + " ids to be integers from 0 to 126",
        "{\"model\": \"tiny\", \"prompt\": \"a\", \"temprature\": 1} | 400 | key 'temprature' is"
            + " not known; did you mean 'temperature'?",
        "{\"model\": \"tiny\", \"prompt\": \"a\", \"max_tokens\": 201} | 400 | 'max_tokens' is 201,"
            + " expected an integer from 1 to 200",
        "{\"model\": \"tiny\", \"prompt\": \"a\", \"temperature\": \"1\"} | 400 | 'temperature' is"
            + " \"1\", expected a number from 0.0 to 2.0",
        "{\"model\": \"tiny\", \"prompt\": \"a\", \"logit_bias\": {\"5\": 1}} | 400 | 'logit_bias'"
            + " is not supported; leave it out",
        "{\"model\": \"tiny\", \"prompt\": \"a\", \"stop\": \"\"} | 400 | 'stop' is \"\", expected"
            + " a string, or up to 16 non-empty strings",
        "{\"model\": \"tiny\", \"prompt\": [\"a\", \"b\", \"c\"], \"n\": 6} | 400 | 3 prompts with"
            + " 6 answers each exceed the 16 answers that a request can ask for",
      })
  void completion_mistakes_areSaidInALine(String body, int status, String text) throws Exception {
    JsonNode answer = server.complete(body);
    assertEquals(text, answer.at("/error/message").asText(), answer.toString());
    assertEquals(status, answer.path("status").asInt());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"f\"}}] | tools | 'tools' is"
            + " not supported; leave it out; models here do not call tools",
        "\"functions\": [{\"name\": \"f\"}] | functions | 'functions' is not supported; leave it"
            + " out; models here do not call tools",
        "\"tool_choice\": \"required\" | tool_choice | 'tool_choice' is \"required\", expected"
            + " \"none\" or \"auto\"; models here do not call tools",
        "\"response_format\": {\"type\": \"json_object\"} | response_format | 'response_format' is"
            + " {\"type\":\"json_object\"}, expected {\"type\": \"text\"}: an answer's form cannot be"
            + " set; leave it out and say in a message what form it is to have",
        "\"response_format\": {\"type\": \"json_schema\"} | response_format | 'response_format' is"
            + " {\"type\":\"json_schema\"}, expected {\"type\": \"text\"}: an answer's form cannot be"
            + " set; leave it out and say in a message what form it is to have",
        "\"n\": 17 | n | 'n' is 17, expected an integer from 1 to 16",
        "\"reasoning_effort\": \"low\" | reasoning_effort | key 'reasoning_effort' is not known"
      })
  void chat_askedForWhatIsNotThere_saysWhichParameter(String key, String param, String message)
      throws Exception {
    JsonNode answer = server.ask("/v1/chat/completions", CHAT.formatted("\"Hi\"", ", " + key));
    assertEquals(400, answer.path("status").asInt());
    assertEquals(message, answer.at("/error/message").asText());
    assertEquals(param, answer.at("/error/param").asText());
    assertEquals("invalid_request_error", answer.at("/error/type").asText());
  }

  @Test
  void chat_askedForWhatChangesNothing_isAnswered() throws Exception {
    for (String key :
        List.of(
            "\"response_format\": {\"type\": \"text\"}",
            "\"tools\": [], \"tool_choice\": \"auto\"",
            "\"tool_choice\": \"none\"")) {
      JsonNode answer = server.ask("/v1/chat/completions", CHAT.formatted("\"Hi\"", ", " + key));
      assertEquals(200, answer.path("status").asInt(), answer.toString());
    }
  }

  @Test
  void chat_messageThatHoldsMoreThanText_isRefused() throws Exception {
    JsonNode answer =
        server.ask(
            "/v1/chat/completions", CHAT.formatted("\"Hi\", \"tool_calls\": [{\"id\": 1}]", ""));
    assertEquals(
        "message 0 has 'tool_calls', which is not supported; leave it out",
        answer.at("/error/message").asText());
    assertEquals("messages", answer.at("/error/param").asText());
  }

  @Test
  void request_tooLongForTheModelOrTheServer_isRefused() throws Exception {
    String body = "{\"model\": \"tiny\", \"prompt\": \"%s\"}";
    assertEquals(
        "a prompt has 256 tokens, but prompt and answer can have at most 256; shorten it",
        server.complete(body.formatted("a".repeat(256))).at("/error/message").asText());
    assertEquals(413, server.complete(body.formatted("a".repeat(70_000))).path("status").asInt());
    // More than the longest tokens could hold: no tokenizer is asked.
    assertEquals(
        "a prompt has 60000 characters, the model's 256 tokens hold at most %d; shorten it"
            .formatted(256 * ("<pad>".length() + 1)),
        server.complete(body.formatted("a".repeat(60_000))).at("/error/message").asText());
    // Without a length before it.
    HttpRequest chunked =
        server
            .request("/v1/completions")
            .header("Content-Type", "application/json")
            .POST(
                HttpRequest.BodyPublishers.ofInputStream(
                    () -> new java.io.ByteArrayInputStream(new byte[70_000])))
            .build();
    assertEquals(413, server.send(chunked).statusCode());
  }

  @Test
  void request_refusedBeforeItsBodyIsSent_isAnsweredAllTheSame() throws Exception {
    for (String path : List.of("/v1/completions", "/v1/models", "/v2")) {
      String head =
          "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
              .formatted(path);
      try (Socket s = server.raw(head + "Content-Length: 8000000\r\n\r\n")) {
        for (int i = 0; i < 8; i++) {
          s.getOutputStream().write(new byte[1_000_000]);
        }
        assertTrue(read(s, "}}").startsWith("HTTP/1.1 4"), path);
      }
      // Told before it sends anything.
      try (Socket s =
          server.raw(head + "Expect: 100-continue\r\nContent-Length: 8000000\r\n\r\n")) {
        assertTrue(read(s, "}}").startsWith("HTTP/1.1 4"), path);
      }
    }
  }

  @Test
  void request_otherMethodTypeHostOrPath_isRefused() throws Exception {
    HttpResponse<String> put =
        server.send(server.request("/v1/models").PUT(HttpRequest.BodyPublishers.noBody()).build());
    assertEquals(405, put.statusCode());
    assertEquals("GET, HEAD", put.headers().firstValue("Allow").orElse(""));
    HttpRequest form =
        server
            .request("/v1/completions")
            .header("Content-Type", "text/plain")
            .POST(HttpRequest.BodyPublishers.ofString("{}"))
            .build();
    assertEquals(415, server.send(form).statusCode());
    assertEquals(404, server.send(server.request("/v2").build()).statusCode());
    try (Socket s = server.raw("GET /v1/models HTTP/1.1\r\nHost: evil.example\r\n\r\n")) {
      assertTrue(read(s, "}}").startsWith("HTTP/1.1 403 "));
    }
  }

  private static String read(Socket socket, String until) throws Exception {
    StringBuilder text = new StringBuilder();
    InputStream in = socket.getInputStream();
    byte[] buffer = new byte[4096];
    while (text.indexOf(until) < 0) {
      int n = in.read(buffer);
      if (n < 0) {
        return text.toString();
      }
      text.append(new String(buffer, 0, n, StandardCharsets.UTF_8));
    }
    return text.toString();
  }

  @Test
  void apiKey_isAskedForButForHealthAndDescription() throws Exception {
    try (TinyServer closed = TinyServer.start(TinyServer.LIMITS, "secret")) {
      assertEquals(401, closed.send(closed.request("/v1/models").build()).statusCode());
      for (String wrong : List.of("Bearer secre", "secret", "Basic secret")) {
        HttpRequest r = closed.request("/v1/models").header("Authorization", wrong).build();
        assertEquals(401, closed.send(r).statusCode(), wrong);
      }
      HttpRequest r = closed.request("/v1/models").header("Authorization", "Bearer secret").build();
      assertEquals(200, closed.send(r).statusCode());
      assertEquals(200, closed.send(closed.request("/health").build()).statusCode());
      JsonNode doc = TinyServer.json(closed.send(closed.request("/openapi.json").build()).body());
      assertEquals("org/lora", doc.at("/components/schemas/ModelName/enum/1").asText());
      assertTrue(doc.has("security"));
    }
  }

  @Test
  void clients_sixtyFourAtOnce_eachGetsItsOwnAnswer() throws Exception {
    List<String> prompts = new ArrayList<>();
    for (int i = 0; i < CLIENTS; i++) {
      prompts.add("" + (char) ('a' + i % 26) + (char) ('A' + i / 26) + i);
    }
    List<String> expected =
        TinyServer.withModel(
            m ->
                m
                    .generator(null)
                    .generate(
                        prompts.stream().map(p -> m.tokenizer().encodeAlone(p)).toList(),
                        SamplingOptions.greedy(4),
                        GenerationListener.NONE)
                    .stream()
                    .map(Generation::text)
                    .toList());
    List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
    for (String p : prompts) {
      answers.add(
          server.http.sendAsync(
              server.post(
                  "/v1/completions",
                  "{\"model\": \"tiny\", \"prompt\": \"%s\", \"max_tokens\": 4, \"temperature\": 0}"
                      .formatted(p)),
              HttpResponse.BodyHandlers.ofString()));
    }
    for (int i = 0; i < CLIENTS; i++) {
      assertEquals(
          expected.get(i),
          TinyServer.json(answers.get(i).join().body()).at("/choices/0/text").asText(),
          prompts.get(i));
    }
  }

  private static String slow(int n) {
    return "{\"model\": \"tiny\", \"prompt\": \"ab\", \"max_tokens\": 200, \"n\": %d, \"seed\": 1}"
        .formatted(n);
  }

  @Test
  void queue_full_answers429AndTheOthersRight() throws Exception {
    try (TinyServer small = TinyServer.start(TinyServer.limits(2, LONG, LONG, LONG), null)) {
      List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
      while (answers.stream().noneMatch(ServeTest::isRefused)) {
        if (answers.size() >= 12) {
          Thread.sleep(5);
        }
        answers.add(
            small.http.sendAsync(
                small.post("/v1/completions", slow(1)), HttpResponse.BodyHandlers.ofString()));
      }
      Map<Integer, Integer> statuses = new LinkedHashMap<>();
      for (CompletableFuture<HttpResponse<String>> a : answers) {
        HttpResponse<String> answer = a.join();
        statuses.merge(answer.statusCode(), 1, Integer::sum);
        if (answer.statusCode() == 429) {
          assertEquals("1", answer.headers().firstValue("Retry-After").orElse(""));
        }
      }
      assertEquals(answers.size(), statuses.get(200) + statuses.get(429), "" + statuses);
      assertTrue(statuses.get(200) >= 2, statuses.toString());
      assertEquals(200, small.complete(slow(1)).path("status").asInt());
    }
  }

  private static boolean isRefused(CompletableFuture<HttpResponse<String>> answer) {
    return answer.isDone() && answer.join().statusCode() == 429;
  }

  /** A request that was answered to its end is logged with its tokens. */
  @Test
  void client_thatLeaves_isGivenUp() throws Exception {
    try (TinyServer own = TinyServer.start()) {
      for (String stream : List.of("", ", \"stream\": true")) {
        own.log.clear();
        own.raw(TinyServer.rawPost(slow(16).replace("}", stream + "}"))).close();
        assertEquals(200, own.complete(slow(1).replace("200", "1")).path("status").asInt());
        List<String> log = own.log(2);
        assertEquals(2, log.size(), log.toString());
        assertTrue(log.stream().anyMatch(l -> l.matches(".* 499 \\d+ ms")), log.toString());
        assertTrue(log.stream().anyMatch(l -> l.endsWith(" 2+1 tokens")), log.toString());
      }
    }
  }

  @Test
  void client_thatClosesItsSendingSide_getsItsAnswer() throws Exception {
    for (String stream : List.of("", ", \"stream\": true")) {
      try (Socket s = server.raw(TinyServer.rawPost(slow(1).replace("}", stream + "}")))) {
        s.shutdownOutput();
        String answer = TinyServer.rest(s);
        assertTrue(answer.startsWith("HTTP/1.1 200 OK\r\n"), answer);
        assertTrue(answer.contains(stream.isEmpty() ? "\"usage\"" : "data: [DONE]"), answer);
      }
    }
  }

  @Test
  void requests_sentWithoutWaiting_areAllAnswered() throws Exception {
    String one = TinyServer.rawPost(slow(1));
    try (Socket s = server.raw(one + one.replace("\"n\": 1", "\"n\": 2") + one)) {
      String all = "";
      for (int i = 0; i < 3; i++) {
        while (all.split("\"usage\"", -1).length < i + 2) {
          String more = read(s, "\"usage\"");
          assertFalse(more.isEmpty(), all);
          all += more;
        }
      }
      assertEquals(4, all.split("HTTP/1.1 200 OK", -1).length, all);
    }
  }

  /** However short the silence between its bytes is. */
  @Test
  void client_thatSendsByteByByte_losesItsPlaceAndDelaysNobody() throws Exception {
    ServerLimits hurried = TinyServer.limits(64, LONG, LONG, Duration.ofSeconds(10));
    try (TinyServer hasty = TinyServer.start(hurried, null)) {
      String whole = TinyServer.rawPost(slow(1));
      int body = whole.indexOf('{');
      try (Socket head = hasty.raw("GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
          Socket slow = hasty.raw(whole.substring(0, body))) {
        assertEquals(200, hasty.send(hasty.request("/health").build()).statusCode());
        String closed = dribble(head);
        assertTrue(closed.isEmpty() || closed.startsWith("HTTP/1.1 408 "), closed);
        String told = dribble(slow);
        assertTrue(told.isEmpty() || told.startsWith("HTTP/1.1 408 "), told);
      }
    }
  }

  /** A byte at a time until the server ends the connection; what it said. */
  private static String dribble(Socket socket) throws Exception {
    CompletableFuture<String> said =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return TinyServer.rest(socket);
              } catch (IOException e) {
                return ""; // reset
              }
            });
    for (int i = 0; i < 6000 && !said.isDone(); i++) {
      try {
        socket.getOutputStream().write(' ');
      } catch (IOException e) {
        break;
      }
      Thread.sleep(20);
    }
    return said.get(5, TimeUnit.MINUTES);
  }

  @Test
  void client_thatIsSilent_losesItsPlace() throws Exception {
    try (TinyServer hasty =
        TinyServer.start(TinyServer.limits(4, LONG, Duration.ofSeconds(2), LONG), null)) {
      String whole = TinyServer.rawPost(slow(1));
      try (Socket body = hasty.raw(whole.substring(0, whole.length() - 20));
          Socket head = hasty.raw(whole.substring(0, 20))) {
        assertTrue(read(body, "}}").startsWith("HTTP/1.1 408 "));
        String closed = read(head, "}}");
        assertTrue(closed.isEmpty() || closed.startsWith("HTTP/1.1 408 "), closed);
      }
    }
  }

  @Test
  void requestLog_saysWhoWhatAndHowMuch_neverTheText() throws Exception {
    try (TinyServer own = TinyServer.start()) {
      own.complete(
          "{\"model\": \"tiny\", \"prompt\": \"a secret\", \"max_tokens\": 3, \"temperature\": 0}");
      own.log(1);
      own.send(own.request("/nowhere?secret=1").build());
      List<String> log = own.log(2);
      assertTrue(
          log.get(0)
              .matches(
                  "20\\d\\d-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ 127.0.0.1 POST /v1/completions 200 \\d+ ms 8\\+3 tokens"),
          log.get(0));
      assertTrue(log.get(1).matches("\\S+ 127.0.0.1 GET /nowhere 404 \\d+ ms"), log.get(1));
    }
  }

  @Test
  void answer_thatTakesTooLong_isGivenUp() throws Exception {
    try (TinyServer hasty =
        TinyServer.start(TinyServer.limits(4, Duration.ofMillis(30), LONG, LONG), null)) {
      List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
      for (int i = 0; i < 3; i++) { // the first is under way, the others wait
        answers.add(
            hasty.http.sendAsync(
                hasty.post("/v1/completions", slow(16)), HttpResponse.BodyHandlers.ofString()));
      }
      for (CompletableFuture<HttpResponse<String>> a : answers) {
        assertEquals(503, a.join().statusCode());
        assertTrue(a.join().body().contains("the answer was not ready in time"), a.join().body());
      }
    }
  }

  @Test
  void stop_endsTheAnswerUnderWay_refusesTheRest() throws Exception {
    TinyServer ending = TinyServer.start();
    try (Socket underWay =
        ending.raw(TinyServer.rawPost(slow(2).replace("}", ", \"stream\": true}")))) {
      read(underWay, "data: ");
      List<CompletableFuture<HttpResponse<String>>> others = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        others.add(
            ending.http.sendAsync(
                ending.post("/v1/completions", slow(1)), HttpResponse.BodyHandlers.ofString()));
      }
      ending.stop();
      assertTrue(read(underWay, "[DONE]").contains("data: [DONE]"));
      for (CompletableFuture<HttpResponse<String>> a : others) {
        assertEquals(503, a.join().statusCode());
      }
    }
    ending.join();
  }
}

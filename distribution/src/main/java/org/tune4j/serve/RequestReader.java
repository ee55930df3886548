package org.tune4j.serve;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.tune4j.TuneException;
import org.tune4j.data.ScoredText;
import org.tune4j.generation.SamplingOptions;
import org.tune4j.serve.GenerationRequest.Endpoint;
import org.tune4j.tokenizers.Message;
import org.tune4j.tokenizers.Tokenizer;

/**
 * Reads OpenAI's two request bodies, and that of {@code /classify}, which is vLLM's. What is not
 * supported and would change the answer is refused, never passed over.
 */
final class RequestReader {
  static final int MOST_STOPS = 16;
  static final int MOST_LOGPROBS = 20;
  static final int MOST_TOP_K = 1000;
  private static final int DEFAULT_TOKENS = 16;
  private static final Set<String> ROLES = Set.of("system", "developer", "user", "assistant");
  private static final String[] IGNORED = {
    "user",
    "metadata",
    "store",
    "service_tier",
    "parallel_tool_calls",
    "safety_identifier",
    "prompt_cache_key"
  };

  private final ServedModels models;
  private final ServerLimits limits;

  RequestReader(ServedModels models, ServerLimits limits) {
    this.models = models;
    this.limits = limits;
  }

  /** What a body says that an endpoint was sent. */
  GenerationRequest read(Endpoint endpoint, byte[] bytes) {
    JsonBody body = JsonBody.parse(bytes);
    return switch (endpoint) {
      case COMPLETIONS -> completion(body);
      case CHAT -> chat(body);
      case CLASSIFY -> classification(body);
    };
  }

  private GenerationRequest completion(JsonBody body) {
    String model = model(body, Endpoint.COMPLETIONS);
    List<JsonNode> prompts = prompts(body, "prompt");
    boolean echo = body.bool("echo");
    int logprobs = (int) body.integer("logprobs", 0, MOST_LOGPROBS, -1);
    long asked = body.integer("max_tokens", echo ? 0 : 1, limits.newTokens(), DEFAULT_TOKENS);
    body.without("suffix", "");
    int n = n(body, prompts.size());
    if (body.integer("best_of", 1, Integer.MAX_VALUE, n) != n) {
      throw ApiError.invalid("best_of", "'best_of' is only supported if it equals 'n'");
    }
    Form form = new Form(Endpoint.COMPLETIONS, model, n, asked, echo, logprobs);
    return request(body, form, () -> prompts.stream().map(p -> prompt(body, p)).toList());
  }

  /** Texts, or one conversation. */
  private GenerationRequest classification(JsonBody body) {
    String model = model(body, Endpoint.CLASSIFY);
    boolean chat = body.get("messages") != null;
    if (chat && body.get("input") != null) {
      throw ApiError.invalid("input", "'input' and 'messages' are both given; leave one out");
    }
    List<Message> messages = chat ? messages(body) : List.of();
    List<JsonNode> inputs = chat ? List.of() : prompts(body, "input");
    body.ignore(IGNORED);
    body.refuseOthers();
    Tokenizer tokenizer = models.tokenizer();
    List<int[]> ids =
        chat
            ? List.of(
                conversation(messages, turns -> ScoredText.conversation(tokenizer, turns)).ids)
            : inputs.stream()
                .map(i -> ids(body, "input", i, text -> ScoredText.text(tokenizer, text)))
                .toList();
    for (int[] one : ids) {
      if (one.length == 0 || one.length > models.maxSeqLen()) {
        throw ApiError.invalid(
            chat ? "messages" : "input",
            "a text has %d tokens, expected 1 to %d".formatted(one.length, models.maxSeqLen()));
      }
    }
    return new GenerationRequest(
        Endpoint.CLASSIFY,
        model,
        ids,
        List.of(),
        1,
        SamplingOptions.greedy(1),
        false,
        false,
        -1,
        false,
        false);
  }

  private GenerationRequest chat(JsonBody body) {
    String model = model(body, Endpoint.CHAT);
    List<Message> messages = messages(body);
    boolean logprobs = body.bool("logprobs");
    int top = (int) body.integer("top_logprobs", 0, MOST_LOGPROBS, 0);
    if (top > 0 && !logprobs) {
      throw ApiError.invalid("top_logprobs", "'top_logprobs' needs 'logprobs': true");
    }
    long older = body.integer("max_tokens", 1, limits.newTokens(), limits.newTokens());
    long asked = body.integer("max_completion_tokens", 1, limits.newTokens(), older);
    refuseTools(body);
    JsonNode format = body.get("response_format");
    if (format != null && !format.path("type").asText().equals("text")) {
      throw ApiError.invalid(
          "response_format",
          "'response_format' is %s, expected {\"type\": \"text\"}: an answer's form cannot be set; leave it out and say in a message what form it is to have"
              .formatted(JsonBody.shown(format)));
    }
    Form form = new Form(Endpoint.CHAT, model, n(body, 1), asked, false, logprobs ? top : -1);
    return request(body, form, () -> List.of(conversation(messages, models.tokenizer()::prompt)));
  }

  /** No model here calls tools: what asks for a call is refused, what asks for none is not. */
  private static void refuseTools(JsonBody body) {
    body.without("tools", "; models here do not call tools");
    body.without("functions", "; models here do not call tools");
    for (String key : List.of("tool_choice", "function_call")) {
      JsonNode choice = body.get(key);
      if (choice != null && !Set.of("none", "auto").contains(choice.asText())) {
        throw ApiError.invalid(
            key,
            "'%s' is %s, expected \"none\" or \"auto\"; models here do not call tools"
                .formatted(key, JsonBody.shown(choice)));
      }
    }
  }

  /**
   * What is asked of all prompts alike.
   *
   * @param endpoint that was asked
   * @param n answers a prompt
   * @param newTokens of an answer at the most
   * @param logprobs -1 for none
   */
  private record Form(
      Endpoint endpoint, String model, int n, long newTokens, boolean echo, int logprobs) {
    String prompts() {
      return endpoint == Endpoint.CHAT ? "messages" : "prompt";
    }
  }

  /** A prompt, and how it is echoed. */
  @SuppressWarnings("ArrayRecordComponent") // handed on, never compared
  private record Prompt(int[] ids, String text) {}

  private String model(JsonBody body, Endpoint endpoint) {
    String model = body.text("model");
    boolean classifies = models.classifier(model) != null;
    if (models.names().contains(model) && classifies != (endpoint == Endpoint.CLASSIFY)) {
      throw ApiError.invalid(
          "model",
          classifies
              ? "model '%s' is a classifier, which gives scores and no text; POST to /classify"
                  .formatted(model)
              : "model '%s' is no classifier: it gives text and no scores; POST to /v1/completions or /v1/chat/completions"
                  .formatted(model));
    }
    if (!models.names().contains(model)) {
      throw ApiError.of(
          404,
          "model_not_found",
          "model '%s' is not served; there are %s"
              .formatted(model, String.join(", ", models.names())));
    }
    return model;
  }

  private int n(JsonBody body, int prompts) {
    int n = (int) body.integer("n", 1, limits.choices(), 1);
    if ((long) n * prompts > limits.choices()) {
      throw ApiError.invalid(
          "n",
          "%d prompts with %d answers each exceed the %d answers that a request can ask for"
              .formatted(prompts, n, limits.choices()));
    }
    return n;
  }

  /**
   * Checks all that can be checked at once; then the prompts are made tokens, which may take long.
   */
  private GenerationRequest request(JsonBody body, Form form, Supplier<List<Prompt>> prompts) {
    long seed = body.integer("seed", Long.MIN_VALUE, Long.MAX_VALUE, fresh());
    SamplingOptions sampling;
    try {
      sampling =
          new SamplingOptions(
              (int) Math.max(1, form.newTokens),
              body.number("temperature", 0, 2, 1),
              (int) body.integer("top_k", 0, MOST_TOP_K, 0),
              body.number("top_p", Double.MIN_VALUE, 1, 1),
              body.number("repetition_penalty", 0.01, 100, 1),
              seed,
              body.texts("stop", MOST_STOPS));
    } catch (TuneException e) {
      throw ApiError.invalid(null, String.valueOf(e.getMessage()));
    }
    body.without("presence_penalty", "; use 'repetition_penalty'");
    body.without("frequency_penalty", "; use 'repetition_penalty'");
    body.without("logit_bias", "");
    boolean stream = body.bool("stream");
    JsonNode options = body.get("stream_options");
    if (options != null && (!stream || !options.isObject())) {
      throw ApiError.invalid(
          "stream_options", "'stream_options' must be an object and needs 'stream': true");
    }
    body.ignore(IGNORED);
    body.refuseOthers();
    List<Prompt> read = prompts.get();
    for (Prompt prompt : read) {
      if (prompt.ids.length >= models.maxSeqLen()) {
        throw ApiError.invalid(
            form.prompts(),
            "a prompt has %d tokens, but prompt and answer can have at most %d; shorten it"
                .formatted(prompt.ids.length, models.maxSeqLen()));
      }
    }
    return new GenerationRequest(
        form.endpoint,
        form.model,
        read.stream().map(p -> p.ids).toList(),
        read.stream().map(p -> p.text).toList(),
        form.n,
        sampling,
        form.newTokens == 0,
        form.echo,
        form.logprobs,
        stream,
        options != null && options.path("include_usage").asBoolean());
  }

  private static long fresh() {
    return ThreadLocalRandom.current().nextLong();
  }

  /** A text, texts, token ids, or lists of these. */
  private List<JsonNode> prompts(JsonBody body, String key) {
    JsonNode prompt = body.get(key);
    if (prompt == null) {
      throw body.wrong(key, "a string, token ids, or a list of either");
    }
    boolean several = prompt.isArray() && !prompt.isEmpty() && !prompt.get(0).isNumber();
    if (several && prompt.size() > limits.choices()) {
      throw ApiError.invalid(
          key,
          "'%s' has %d prompts, a request can have at most %d"
              .formatted(key, prompt.size(), limits.choices()));
    }
    List<JsonNode> all = new ArrayList<>();
    (several ? prompt : List.of(prompt)).forEach(all::add);
    return all;
  }

  private Prompt prompt(JsonBody body, JsonNode one) {
    int[] ids = ids(body, "prompt", one, models.tokenizer()::encodeAlone);
    if (ids.length == 0) {
      throw ApiError.invalid("prompt", "a prompt is empty; give it at least one token");
    }
    return new Prompt(
        ids, one.isTextual() ? JsonBody.whole(one.asText()) : models.tokenizer().decode(ids));
  }

  private int[] ids(JsonBody body, String key, JsonNode one, Function<String, int[]> encode) {
    if (one.isTextual()) {
      return encoded(key, JsonBody.whole(one.asText()), encode);
    }
    if (!one.isArray()) {
      throw body.wrong(key, "a string, token ids, or a list of either");
    }
    int[] ids = new int[one.size()];
    for (int i = 0; i < ids.length; i++) {
      JsonNode id = one.get(i);
      boolean whole = id.isNumber() && id.doubleValue() == Math.rint(id.doubleValue());
      if (!whole || id.doubleValue() < 0 || id.doubleValue() >= models.vocabSize()) {
        throw body.wrong(
            key, "token ids to be integers from 0 to %d".formatted(models.vocabSize() - 1));
      }
      ids[i] = id.intValue();
    }
    return ids;
  }

  /** Before any token is made: a tokenizer may take minutes to say how many there are. */
  private void bound(String key, long characters) {
    // Fewer characters than tokens that the model takes are never too many.
    if (characters > models.maxSeqLen() && characters > models.maxCharacters()) {
      throw ApiError.invalid(
          key,
          "a prompt has %d characters, the model's %d tokens hold at most %d; shorten it"
              .formatted(characters, models.maxSeqLen(), models.maxCharacters()));
    }
  }

  private int[] encoded(String key, String text, Function<String, int[]> encode) {
    bound(key, text.length());
    try {
      return encode.apply(text);
    } catch (TuneException e) {
      throw ApiError.invalid(key, String.valueOf(e.getMessage()));
    }
  }

  private static List<Message> messages(JsonBody body) {
    JsonNode given = body.get("messages");
    if (given == null || !given.isArray() || given.isEmpty()) {
      throw body.wrong("messages", "a list of messages, at least one");
    }
    List<Message> messages = new ArrayList<>();
    for (JsonNode m : given) {
      String role = m.path("role").asText();
      String content = content(m.path("content"));
      m.properties().forEach(f -> refuseKey(messages.size(), f.getKey(), f.getValue()));
      if (!ROLES.contains(role) || content == null) {
        throw ApiError.invalid(
            "messages",
            "message %d is not an object with a role (system, developer, user or assistant) and a content of text"
                .formatted(messages.size()));
      }
      messages.add(new Message(role.equals("developer") ? "system" : role, content, true));
    }
    return messages;
  }

  /** What a message holds beside its role and its text would not reach the model. */
  private static void refuseKey(int message, String key, JsonNode value) {
    boolean empty = value.isNull() || (value.isContainerNode() && value.isEmpty());
    if (!empty && !Set.of("role", "content").contains(key)) {
      throw ApiError.invalid(
          "messages",
          "message %d has '%s', which is not supported; leave it out"
              .formatted(message, JsonBody.whole(key)));
    }
  }

  private Prompt conversation(List<Message> messages, Function<List<Message>, int[]> encode) {
    bound("messages", messages.stream().mapToLong(m -> m.content().length()).sum());
    try {
      int[] prompt = encode.apply(messages);
      if (prompt.length == 0) {
        throw ApiError.invalid("messages", "the chat template renders the messages to no tokens");
      }
      return new Prompt(prompt, "");
    } catch (TuneException e) {
      throw ApiError.invalid("messages", String.valueOf(e.getMessage()));
    }
  }

  /** A text, or parts of type text; null for anything else. */
  private static @Nullable String content(JsonNode content) {
    if (content.isTextual()) {
      return JsonBody.whole(content.asText());
    }
    if (!content.isArray()) {
      return null;
    }
    StringBuilder text = new StringBuilder();
    for (JsonNode part : content) {
      if (!part.path("type").asText().equals("text") || !part.path("text").isTextual()) {
        return null;
      }
      text.append(JsonBody.whole(part.path("text").asText()));
    }
    return text.toString();
  }
}

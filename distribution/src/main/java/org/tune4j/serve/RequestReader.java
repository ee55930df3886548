package org.tune4j.serve;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;
import org.tune4j.TuneException;
import org.tune4j.generation.SamplingOptions;
import org.tune4j.tokenizers.Message;

/**
 * Reads OpenAI's two request bodies. What is not supported and would change the answer is refused,
 * never passed over.
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

  /** {@code /v1/completions}. */
  GenerationRequest completion(byte[] bytes) {
    JsonBody body = JsonBody.parse(bytes);
    String model = model(body);
    List<int[]> prompts = new ArrayList<>();
    List<String> texts = new ArrayList<>();
    prompts(body, prompts, texts);
    boolean echo = body.bool("echo");
    int logprobs = (int) body.integer("logprobs", 0, MOST_LOGPROBS, -1);
    long asked = body.integer("max_tokens", echo ? 0 : 1, limits.newTokens(), DEFAULT_TOKENS);
    body.without("suffix", "");
    int n = n(body, prompts.size());
    if (body.integer("best_of", 1, Integer.MAX_VALUE, n) != n) {
      throw ApiError.invalid("best_of", "'best_of' is not supported but as the value of 'n'");
    }
    return request(body, false, model, prompts, texts, n, asked, echo, logprobs);
  }

  /** {@code /v1/chat/completions}. */
  GenerationRequest chat(byte[] bytes) {
    JsonBody body = JsonBody.parse(bytes);
    String model = model(body);
    int[] prompt = conversation(body);
    boolean logprobs = body.bool("logprobs");
    int top = (int) body.integer("top_logprobs", 0, MOST_LOGPROBS, 0);
    if (top > 0 && !logprobs) {
      throw ApiError.invalid("top_logprobs", "'top_logprobs' needs 'logprobs': true");
    }
    long older = body.integer("max_tokens", 1, limits.newTokens(), limits.newTokens());
    long asked = body.integer("max_completion_tokens", 1, limits.newTokens(), older);
    body.without("tools", "");
    body.without("functions", "");
    body.ignore("tool_choice", "function_call"); // nothing to choose from
    JsonNode format = body.get("response_format");
    if (format != null && !format.path("type").asText().equals("text")) {
      throw ApiError.invalid(
          "response_format", "'response_format' is not supported; leave it out or take 'text'");
    }
    int n = n(body, 1);
    return request(
        body, true, model, List.of(prompt), List.of(""), n, asked, false, logprobs ? top : -1);
  }

  private String model(JsonBody body) {
    String model = body.text("model");
    if (models.generator(model) == null) {
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
          "%d prompts with %d answers each are more than the %d answers that a request may ask for"
              .formatted(prompts, n, limits.choices()));
    }
    return n;
  }

  private GenerationRequest request(
      JsonBody body,
      boolean chat,
      String model,
      List<int[]> prompts,
      List<String> texts,
      int n,
      long asked,
      boolean echo,
      int logprobs) {
    for (int[] prompt : prompts) {
      if (prompt.length >= models.maxSeqLen()) {
        throw ApiError.invalid(
            chat ? "messages" : "prompt",
            "a prompt has %d tokens, the model takes %d with what it generates; shorten it"
                .formatted(prompt.length, models.maxSeqLen()));
      }
    }
    long seed = body.integer("seed", Long.MIN_VALUE, Long.MAX_VALUE, fresh());
    SamplingOptions sampling;
    try {
      sampling =
          new SamplingOptions(
              (int) Math.max(1, asked),
              body.number("temperature", 0, 2, 1),
              (int) body.integer("top_k", 0, MOST_TOP_K, 0),
              body.number("top_p", Double.MIN_VALUE, 1, 1),
              body.number("repetition_penalty", 0.01, 100, 1),
              seed,
              body.texts("stop", MOST_STOPS));
    } catch (TuneException e) {
      throw ApiError.invalid(null, String.valueOf(e.getMessage()));
    }
    body.without("presence_penalty", "; 'repetition_penalty' is there");
    body.without("frequency_penalty", "; 'repetition_penalty' is there");
    body.without("logit_bias", "");
    boolean stream = body.bool("stream");
    JsonNode options = body.get("stream_options");
    if (options != null && (!stream || !options.isObject())) {
      throw ApiError.invalid(
          "stream_options", "'stream_options' is an object beside 'stream': true");
    }
    body.ignore(IGNORED);
    body.refuseOthers();
    return new GenerationRequest(
        chat,
        model,
        prompts,
        texts,
        n,
        sampling,
        asked == 0,
        echo,
        logprobs,
        stream,
        options != null && options.path("include_usage").asBoolean());
  }

  private static long fresh() {
    return ThreadLocalRandom.current().nextLong();
  }

  /** A text, texts, token ids, or lists of these. */
  private void prompts(JsonBody body, List<int[]> prompts, List<String> texts) {
    JsonNode prompt = body.get("prompt");
    if (prompt == null) {
      throw body.wrong("prompt", "a text, token ids, or a list of either");
    }
    boolean several = prompt.isArray() && !prompt.isEmpty() && !prompt.get(0).isNumber();
    if (several && prompt.size() > limits.choices()) {
      throw ApiError.invalid(
          "prompt",
          "'prompt' has %d prompts, a request may have %d"
              .formatted(prompt.size(), limits.choices()));
    }
    for (JsonNode one : several ? prompt : List.of(prompt)) {
      int[] ids = ids(body, one);
      if (ids.length == 0) {
        throw ApiError.invalid("prompt", "a prompt is empty; give it at least one token");
      }
      prompts.add(ids);
      texts.add(one.isTextual() ? JsonBody.whole(one.asText()) : models.tokenizer().decode(ids));
    }
  }

  private int[] ids(JsonBody body, JsonNode one) {
    if (one.isTextual()) {
      return encoded("prompt", JsonBody.whole(one.asText()));
    }
    if (!one.isArray()) {
      throw body.wrong("prompt", "a text, token ids, or a list of either");
    }
    int[] ids = new int[one.size()];
    for (int i = 0; i < ids.length; i++) {
      JsonNode id = one.get(i);
      boolean whole = id.isNumber() && id.doubleValue() == Math.rint(id.doubleValue());
      if (!whole || id.doubleValue() < 0 || id.doubleValue() >= models.vocabSize()) {
        throw body.wrong(
            "prompt",
            "token ids to be whole numbers from 0 to %d".formatted(models.vocabSize() - 1));
      }
      ids[i] = id.intValue();
    }
    return ids;
  }

  private int[] encoded(String key, String text) {
    try {
      return models.tokenizer().encodeAlone(text);
    } catch (TuneException e) {
      throw ApiError.invalid(key, String.valueOf(e.getMessage()));
    }
  }

  private int[] conversation(JsonBody body) {
    JsonNode given = body.get("messages");
    if (given == null || !given.isArray() || given.isEmpty()) {
      throw body.wrong("messages", "a list of messages, at least one");
    }
    List<Message> messages = new ArrayList<>();
    for (JsonNode m : given) {
      String role = m.path("role").asText();
      String content = content(m.path("content"));
      if (!ROLES.contains(role) || content == null) {
        throw ApiError.invalid(
            "messages",
            "message %d is no object with a role (system, developer, user or assistant) and a content of text"
                .formatted(messages.size()));
      }
      messages.add(new Message(role.equals("developer") ? "system" : role, content, true));
    }
    try {
      int[] prompt = models.tokenizer().prompt(messages);
      if (prompt.length == 0) {
        throw ApiError.invalid("messages", "the chat template makes no token of the messages");
      }
      return prompt;
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

package org.tune4j.serve;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.tune4j.inference.Classifier;
import org.tune4j.tokenizers.TokenStream;
import org.tune4j.tokenizers.Tokenizer;

/** One answer in OpenAI's form, as a whole or in chunks. */
final class AnswerJson {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  private final GenerationRequest request;
  private final ServedModels models;
  private final Tokenizer tokenizer;
  private final String id;
  private final long created = System.currentTimeMillis() / 1000;
  private final int[] offsets;

  AnswerJson(GenerationRequest request, ServedModels models) {
    this.request = request;
    this.models = models;
    this.tokenizer = models.tokenizer();
    String kind = request.classifies() ? "classify-" : request.chat() ? "chatcmpl-" : "cmpl-";
    this.id = kind + UUID.randomUUID().toString().replace("-", "");
    this.offsets = new int[request.choices()];
  }

  private ObjectNode envelope(boolean chunk) {
    String object =
        request.classifies()
            ? "list"
            : request.chat()
                ? (chunk ? "chat.completion.chunk" : "chat.completion")
                : "text_completion";
    return JSON.objectNode()
        .put("id", id)
        .put("object", object)
        .put("created", created)
        .put("model", request.model());
  }

  boolean isChat() {
    return request.chat();
  }

  ObjectNode whole(Answer answer) {
    ObjectNode all = envelope(false);
    if (request.classifies()) {
      scores(all, answer);
      all.set("usage", usage(answer));
      return all;
    }
    ArrayNode choices = all.putArray("choices");
    for (int i = 0; i < answer.choices.size(); i++) {
      Answer.Choice c = answer.choices.get(i);
      ObjectNode choice = choices.addObject().put("index", i);
      if (request.chat()) {
        choice
            .putObject("message")
            .put("role", "assistant")
            .put("content", c.text.toString())
            .putNull("refusal");
      } else {
        choice.put("text", c.text.toString());
      }
      choice.set("logprobs", logprobs(i, c.scores));
      choice.put("finish_reason", c.finishReason());
    }
    all.set("usage", usage(answer));
    return all;
  }

  /** As vLLM has it, with the scores; one label alone has no probability. */
  private void scores(ObjectNode all, Answer answer) {
    List<String> labels = Objects.requireNonNull(models.classifier(request.model())).labels();
    ArrayNode names = all.putArray("labels");
    labels.forEach(names::add);
    ArrayNode data = all.putArray("data");
    for (int i = 0; i < answer.choices.size(); i++) {
      double[] own = answer.choices.get(i).ofLabels;
      int best = Classifier.best(own);
      ObjectNode one =
          data.addObject()
              .put("index", i)
              .put("label", labels.get(best))
              .put("num_classes", own.length);
      ArrayNode scores = one.putArray("scores");
      Arrays.stream(own).forEach(scores::add);
      if (own.length > 1) {
        ArrayNode probs = one.putArray("probs");
        double sum = Arrays.stream(own).map(s -> Math.exp(s - own[best])).sum();
        Arrays.stream(own).forEach(s -> probs.add(Math.exp(s - own[best]) / sum));
      }
    }
  }

  private static ObjectNode usage(Answer answer) {
    return JSON.objectNode()
        .put("prompt_tokens", answer.promptTokens())
        .put("completion_tokens", answer.newTokens)
        .put("total_tokens", answer.promptTokens() + answer.newTokens);
  }

  /** That a turn begins. */
  ObjectNode first(int choice) {
    ObjectNode delta = JSON.objectNode().put("role", "assistant").put("content", "");
    return chunk(choice, delta, null, null);
  }

  ObjectNode piece(int choice, String text, List<TokenScore> scores) {
    return chunk(choice, JSON.objectNode().put("content", text), text, logprobs(choice, scores));
  }

  /** That a choice ends, with tokens whose text is not shown. */
  ObjectNode last(int choice, List<TokenScore> rest, String finishReason) {
    ObjectNode all =
        chunk(choice, JSON.objectNode(), "", rest.isEmpty() ? null : logprobs(choice, rest));
    ((ObjectNode) all.path("choices").get(0)).put("finish_reason", finishReason);
    return all;
  }

  ObjectNode count(Answer answer) {
    ObjectNode all = envelope(true);
    all.putArray("choices");
    all.set("usage", usage(answer));
    return all;
  }

  private ObjectNode chunk(
      int index, ObjectNode delta, @Nullable String text, @Nullable ObjectNode logprobs) {
    ObjectNode all = envelope(true);
    ObjectNode choice = all.putArray("choices").addObject().put("index", index);
    if (request.chat()) {
      choice.set("delta", delta);
    } else {
      choice.put("text", text);
    }
    choice.set("logprobs", logprobs);
    choice.putNull("finish_reason");
    return all;
  }

  private @Nullable ObjectNode logprobs(int choice, List<TokenScore> scores) {
    if (request.logprobs() < 0) {
      return null;
    }
    return request.chat() ? chatLogprobs(scores) : logprobsOfText(choice, scores);
  }

  private ObjectNode logprobsOfText(int choice, List<TokenScore> scores) {
    ObjectNode all = JSON.objectNode();
    ArrayNode tokens = all.putArray("tokens");
    ArrayNode logprobs = all.putArray("token_logprobs");
    ArrayNode tops = all.putArray("top_logprobs");
    ArrayNode places = all.putArray("text_offset");
    TokenStream stream = tokenizer.stream();
    for (TokenScore s : scores) {
      tokens.add(text(s.id()));
      places.add(offsets[choice]);
      offsets[choice] += stream.next(s.id()).length();
      if (Double.isNaN(s.logprob())) {
        logprobs.addNull();
        tops.addNull();
      } else {
        logprobs.add(s.logprob());
        ObjectNode top = tops.addObject();
        // Two tokens may have the same text: the likelier one stands for both.
        s.top().stream()
            .filter(t -> !top.has(text(t.id())))
            .forEach(t -> top.put(text(t.id()), t.logprob()));
        if (!top.has(text(s.id()))) {
          top.put(text(s.id()), s.logprob());
        }
      }
    }
    return all;
  }

  private ObjectNode chatLogprobs(List<TokenScore> scores) {
    ObjectNode all = JSON.objectNode();
    ArrayNode content = all.putArray("content");
    for (TokenScore s : scores) {
      ObjectNode token = content.addObject();
      describe(token, s);
      ArrayNode top = token.putArray("top_logprobs");
      s.top().forEach(t -> describe(top.addObject(), t));
    }
    all.putNull("refusal");
    return all;
  }

  private void describe(ObjectNode node, TokenScore s) {
    String text = text(s.id());
    node.put("token", text).put("logprob", s.logprob());
    ArrayNode bytes = node.putArray("bytes");
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      bytes.add(b & 0xff);
    }
  }

  private String text(int id) {
    return tokenizer.decode(new int[] {id});
  }
}
